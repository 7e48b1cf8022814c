package endcap.client;

import static java.util.concurrent.CompletableFuture.delayedExecutor;
import static java.util.concurrent.TimeUnit.MILLISECONDS;

import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;

/**
 * Connects again sooner after a failure than gRPC does, whose first wait of a second is longer than all tries of a call
 * together. Java's gRPC has no setting for it, so its wait is cut short: after 50, 80, … 833 ms. From then on its own
 * waits hold, which begin with a second and grow on.
 */
final class Reconnects {
    // Other languages begin with 100 ms; but the tries of a call can be over sooner here, since Java's gRPC draws the
    // waits between them from zero on.
    private static final long FIRST_MS = 50;
    private static final double GROWTH = 1.6;
    private static final long OWN_MS = 1000;

    private final ManagedChannel channel;

    private Reconnects(ManagedChannel channel) {
        this.channel = channel;
    }

    /** Does so for this channel until it is shut down. */
    static void hasten(ManagedChannel channel) {
        new Reconnects(channel).watch();
    }

    private void watch() {
        ConnectivityState state = channel.getState(false);
        if (state == ConnectivityState.SHUTDOWN) {
            return;
        }
        channel.notifyWhenStateChanged(state, this::watch);
        if (state == ConnectivityState.TRANSIENT_FAILURE) {
            cutShort(FIRST_MS);
        }
    }

    // The channel counts as failed until it is connected, so its state does not tell of each attempt.
    private void cutShort(long afterMs) {
        if (afterMs < OWN_MS) {
            delayedExecutor(afterMs, MILLISECONDS).execute(() -> {
                if (channel.getState(false) == ConnectivityState.TRANSIENT_FAILURE) {
                    channel.resetConnectBackoff();
                    cutShort((long) (afterMs * GROWTH));
                }
            });
        }
    }
}
