package endcap.client;

import endcap.v1.AdminServiceGrpc;
import endcap.v1.AdminServiceGrpc.AdminServiceBlockingStub;
import endcap.v1.GetServingStateRequest;
import endcap.v1.GetServingStateResponse;
import endcap.v1.ListStrategiesRequest;
import endcap.v1.ListStrategiesResponse;
import endcap.v1.RankRequest;
import endcap.v1.RankResponse;
import endcap.v1.RankingServiceGrpc;
import endcap.v1.RankingServiceGrpc.RankingServiceBlockingStub;
import endcap.v1.RankingServiceGrpc.RankingServiceStub;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.AbstractStub;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Calls a server and waits for its answers. Safe to share between threads; make one and keep it.
 *
 * <pre>{@code
 * try (EndcapClient client = EndcapClient.connect("localhost:50051")) {
 *     RankRequest request = RankRequest.newBuilder().setUserId("1234").setPageSize(5).build();
 *     client.rank(request).getItemsList().forEach(item -> System.out.println(item.getTitle()));
 * }
 * }</pre>
 *
 * <p>Every call can throw {@link EndcapException}. What fails because a server is away or overloaded is tried again
 * inside the deadline, by the policy that all of Endcap's clients share.
 */
public final class EndcapClient implements AutoCloseable {
    /** Where a server listens that was started without saying where. */
    public static final String DEFAULT_TARGET = "localhost:50051";

    /** How long one call may take, retries included. */
    public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(2);

    /** How long one batch may take. */
    public static final Duration BATCH_TIMEOUT = Duration.ofSeconds(60);

    private final Duration timeout;
    private final Duration batchTimeout;
    private final ManagedChannel channel;
    private final RankingServiceBlockingStub ranking;
    private final RankingServiceStub streams;
    private final AdminServiceBlockingStub admin;

    private EndcapClient(Builder builder) {
        timeout = builder.timeout;
        batchTimeout = builder.batchTimeout;
        channel = Channels.open(builder.target, builder.tls, builder.more);
        ranking = RankingServiceGrpc.newBlockingStub(channel);
        streams = RankingServiceGrpc.newStub(channel);
        admin = AdminServiceGrpc.newBlockingStub(channel);
    }

    /** Returns a client without TLS and with all the defaults; it connects when it is first used. */
    public static EndcapClient connect(String target) {
        return builder(target).build();
    }

    /** Starts a client of the server at {@code target}: "host:port", or "dns:///name:port" for all hosts of a name. */
    public static Builder builder(String target) {
        return new Builder(target);
    }

    /** Returns the slate for a request. */
    public RankResponse rank(RankRequest request) {
        return rank(request, timeout);
    }

    /** Returns the slate for a request, or throws when it takes longer than {@code within}. */
    public RankResponse rank(RankRequest request, Duration within) {
        return call(ranking, within, stub -> stub.rank(request));
    }

    /**
     * Ranks for many requests in one stream; the answers come in any order. The requests are taken as the server is
     * ready for them, in another thread.
     */
    public BatchCall batchRank(Iterable<RankRequest> requests) {
        return batchRank(requests, batchTimeout);
    }

    /** As {@link #batchRank(Iterable)}; the batch as a whole ends within {@code within}. */
    public BatchCall batchRank(Iterable<RankRequest> requests, Duration within) {
        return BatchCall.start(within(streams, within), requests.iterator());
    }

    /** Returns the strategies that a request can name. */
    public ListStrategiesResponse listStrategies() {
        return listStrategies(timeout);
    }

    /** Returns the strategies that a request can name, or throws when it takes longer than {@code within}. */
    public ListStrategiesResponse listStrategies(Duration within) {
        return call(admin, within, stub -> stub.listStrategies(ListStrategiesRequest.getDefaultInstance()));
    }

    /** Returns what the server has loaded and how it is. */
    public GetServingStateResponse getServingState() {
        return getServingState(timeout);
    }

    /** Returns what the server has loaded and how it is, or throws when it takes longer than {@code within}. */
    public GetServingStateResponse getServingState(Duration within) {
        return call(admin, within, stub -> stub.getServingState(GetServingStateRequest.getDefaultInstance()));
    }

    /** Closes the connections; calls that are under way are cancelled. */
    @Override
    public void close() {
        channel.shutdownNow();
    }

    private static <S extends AbstractStub<S>, R> R call(S stub, Duration within, Function<S, R> method) {
        try {
            return method.apply(within(stub, within));
        } catch (StatusRuntimeException error) {
            throw EndcapException.of(error);
        }
    }

    private static <S extends AbstractStub<S>> S within(S stub, Duration within) {
        return stub.withDeadlineAfter(within.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** The options of a client. */
    public static final class Builder {
        private final String target;
        private Duration timeout = DEFAULT_TIMEOUT;
        private Duration batchTimeout = BATCH_TIMEOUT;
        private Tls tls;
        private Consumer<ManagedChannelBuilder<?>> more = channel -> {};

        private Builder(String target) {
            this.target = Objects.requireNonNull(target, "target");
        }

        /** How long one call may take, retries included. Default: 2 s. */
        public Builder timeout(Duration value) {
            timeout = Objects.requireNonNull(value, "timeout");
            return this;
        }

        /** How long one batch may take. Default: 60 s. */
        public Builder batchTimeout(Duration value) {
            batchTimeout = Objects.requireNonNull(value, "batchTimeout");
            return this;
        }

        /** Turns TLS on. Default: without. */
        public Builder tls(Tls value) {
            tls = Objects.requireNonNull(value, "tls");
            return this;
        }

        /** Changes the channel after the client's own settings, and so wins over them: interceptors, message sizes. */
        public Builder channel(Consumer<ManagedChannelBuilder<?>> value) {
            more = Objects.requireNonNull(value, "channel");
            return this;
        }

        /** Makes the client; it connects when it is first used. */
        public EndcapClient build() {
            return new EndcapClient(this);
        }
    }
}
