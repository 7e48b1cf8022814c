package endcap.client;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.Message;
import endcap.details.BadRequest;
import endcap.details.BadRequest.FieldViolation;
import endcap.details.ErrorInfo;
import endcap.details.RetryInfo;
import endcap.details.Status;
import endcap.v1.BatchRankRequest;
import endcap.v1.BatchRankResponse;
import endcap.v1.CallError;
import endcap.v1.RankRequest;
import endcap.v1.RankResponse;
import endcap.v1.RankingServiceGrpc.RankingServiceImplBase;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** A server on the loopback interface that fails as a test needs it. */
final class Fake extends RankingServiceImplBase implements AutoCloseable {
    static final ErrorInfo INFO =
            ErrorInfo.newBuilder().setReason("OVERLOADED").setDomain("endcap").putMetadata("limit", "3").build();
    static final BadRequest BAD = BadRequest.newBuilder()
            .addFieldViolations(FieldViolation.newBuilder().setField("page_size").setDescription("is 999"))
            .build();
    static final RetryInfo RETRY =
            RetryInfo.newBuilder().setRetryDelay(Duration.newBuilder().setNanos(250_000_000)).build();

    final AtomicInteger attempts = new AtomicInteger();
    final CountDownLatch cancelled = new CountDownLatch(1);
    private final int failures;
    private final StatusRuntimeException failure;
    private final Server server;

    /** A server whose first calls of Rank fail; a failure of null never answers. */
    Fake(int failures, StatusRuntimeException failure) throws IOException {
        this.failures = failures;
        this.failure = failure;
        server = Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create()).addService(this).build().start();
    }

    String target() {
        return "dns:///127.0.0.1:" + server.getPort();
    }

    @Override
    public void rank(RankRequest request, StreamObserver<RankResponse> answer) {
        if (attempts.incrementAndGet() > failures) {
            answer.onNext(RankResponse.newBuilder().setRequestId(request.getRequestId()).build());
            answer.onCompleted();
        } else if (failure != null) {
            answer.onError(failure);
        }
    }

    /** Answers each request; those without a user by an error. */
    @Override
    public StreamObserver<BatchRankRequest> batchRank(StreamObserver<BatchRankResponse> answers) {
        ((ServerCallStreamObserver<BatchRankResponse>) answers).setOnCancelHandler(cancelled::countDown);
        return new StreamObserver<>() {
            private long index;

            @Override
            public void onNext(BatchRankRequest request) {
                answers.onNext(outcome(request.getRequest()).setIndex(index++).build());
            }

            @Override
            public void onError(Throwable error) {}

            @Override
            public void onCompleted() {
                answers.onCompleted();
            }
        };
    }

    @Override
    public void close() {
        server.shutdownNow();
    }

    static StatusRuntimeException error(io.grpc.Status status, Message... details) {
        Status.Builder packed = Status.newBuilder().setCode(status.getCode().value());
        for (Message each : details) {
            packed.addDetails(packed(each.getDescriptorForType().getName(), each.toByteString()));
        }
        return error(status, packed.build().toByteArray());
    }

    static StatusRuntimeException error(io.grpc.Status status, byte[] packed) {
        Metadata trailers = new Metadata();
        trailers.put(Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER), packed);
        return status.asRuntimeException(trailers);
    }

    private static Any packed(String name, ByteString value) {
        return Any.newBuilder().setTypeUrl("type.googleapis.com/google.rpc." + name).setValue(value).build();
    }

    private static BatchRankResponse.Builder outcome(RankRequest request) {
        BatchRankResponse.Builder answer = BatchRankResponse.newBuilder().setRequestId(request.getRequestId());
        return request.getUserId().isEmpty()
                ? answer.setError(CallError.newBuilder().setCode(3).setMessage("nobody").setReason("NOTHING_TO_RANK"))
                : answer.setResponse(RankResponse.newBuilder().setRequestId(request.getRequestId()));
    }
}
