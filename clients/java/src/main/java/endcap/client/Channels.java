package endcap.client;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** How the client reaches the server: load balancing, retries, keepalive, TLS. */
final class Channels {
    /** How often to ask a quiet connection with calls on it whether it still stands. Servers must allow it. */
    static final long KEEPALIVE_SECONDS = 30;

    private static final long KEEPALIVE_TIMEOUT_SECONDS = 10;

    private Channels() {}

    static ManagedChannel open(String target, Tls tls, Consumer<ManagedChannelBuilder<?>> more) {
        ManagedChannelBuilder<?> builder =
                Grpc.newChannelBuilder(target, tls == null ? InsecureChannelCredentials.create() : tls.credentials())
                        .defaultServiceConfig(asMap(serviceConfig()))
                        .enableRetry()
                        .keepAliveTime(KEEPALIVE_SECONDS, TimeUnit.SECONDS)
                        .keepAliveTimeout(KEEPALIVE_TIMEOUT_SECONDS, TimeUnit.SECONDS);
        if (tls != null && tls.serverName() != null) {
            builder.overrideAuthority(tls.serverName());
        }
        more.accept(builder);
        ManagedChannel channel = builder.build();
        Reconnects.hasten(channel);
        return channel;
    }

    /** Returns the retry and load-balancing policy as JSON, which clients in other languages share. */
    static String serviceConfig() {
        try (InputStream file = Channels.class.getResourceAsStream("service_config.json")) {
            return new String(file.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    // Every number becomes a Double, as defaultServiceConfig wants it.
    static Map<String, Object> asMap(String json) {
        return new Gson().fromJson(json, new TypeToken<Map<String, Object>>() {}.getType());
    }
}
