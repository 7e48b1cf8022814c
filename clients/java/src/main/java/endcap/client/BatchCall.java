package endcap.client;

import endcap.v1.BatchRankRequest;
import endcap.v1.BatchRankResponse;
import endcap.v1.RankRequest;
import endcap.v1.RankingServiceGrpc.RankingServiceStub;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * The answers of a batch, as they come. Close it to end the batch early. For one thread at a time.
 *
 * <p>A request that is wrong for the server has an answer with an error. What the caller's own requests throw while
 * they are iterated ends the batch, and is thrown after the answers to what was sent before.
 */
public final class BatchCall implements Iterator<BatchAnswer>, AutoCloseable {
    private final Iterator<RankRequest> requests;
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private ClientCallStreamObserver<BatchRankRequest> stream;
    private volatile boolean sent;
    private volatile RuntimeException failure;
    private Event next;

    private BatchCall(Iterator<RankRequest> requests) {
        this.requests = requests;
    }

    static BatchCall start(RankingServiceStub stub, Iterator<RankRequest> requests) {
        BatchCall call = new BatchCall(requests);
        stub.batchRank(call.new Receiver());
        return call;
    }

    /** Waits for the next answer or the end of the batch. */
    @Override
    public boolean hasNext() {
        if (next == null) {
            next = take();
        }
        if (next.error != null) {
            throw next.error;
        }
        return next.answer != null;
    }

    @Override
    public BatchAnswer next() {
        if (!hasNext()) {
            throw new NoSuchElementException("the batch has no more answers");
        }
        BatchAnswer answer = new BatchAnswer(next.answer);
        next = null;
        stream.request(1);
        return answer;
    }

    /** Ends the batch; does nothing when it has ended. */
    @Override
    public void close() {
        sent = true;
        stream.cancel("the caller closed the batch", null);
    }

    // Bounded by the call's deadline, which ends the stream.
    private Event take() {
        try {
            return events.take();
        } catch (InterruptedException interrupted) {
            close();
            Thread.currentThread().interrupt();
            Status status = Status.CANCELLED.withDescription("interrupted while waiting for an answer");
            return new Event(null, EndcapException.of(status.asRuntimeException()));
        }
    }

    // Called by one thread at a time, whenever the stream has room.
    private void send() {
        try {
            while (!sent && stream.isReady()) {
                sendNext();
            }
        } catch (RuntimeException thrown) {
            failure = thrown;
            finishSending();
        }
    }

    private void sendNext() {
        if (requests.hasNext()) {
            stream.onNext(BatchRankRequest.newBuilder().setRequest(requests.next()).build());
        } else {
            finishSending();
        }
    }

    private void finishSending() {
        sent = true;
        stream.onCompleted();
    }

    /** An answer, an error, or neither: the end. */
    private record Event(BatchRankResponse answer, RuntimeException error) {}

    private final class Receiver implements ClientResponseObserver<BatchRankRequest, BatchRankResponse> {
        @Override
        public void beforeStart(ClientCallStreamObserver<BatchRankRequest> started) {
            stream = started;
            stream.disableAutoRequestWithInitial(1);
            stream.setOnReadyHandler(BatchCall.this::send);
        }

        @Override
        public void onNext(BatchRankResponse answer) {
            events.add(new Event(answer, null));
        }

        @Override
        public void onError(Throwable error) {
            events.add(new Event(null, EndcapException.of(error)));
        }

        @Override
        public void onCompleted() {
            events.add(new Event(null, failure));
        }
    }
}
