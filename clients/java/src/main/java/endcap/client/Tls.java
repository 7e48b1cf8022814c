package endcap.client;

import io.grpc.ChannelCredentials;
import io.grpc.TlsChannelCredentials;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Whom to trust and who to be on a TLS connection. A null means: not said.
 *
 * @param authorities PEM file of the certificates to trust; null: those that Java trusts
 * @param certificate PEM file of the client's own certificate chain, for mTLS
 * @param key PEM file of its private key, in PKCS#8 ("BEGIN PRIVATE KEY") without a password
 * @param serverName the name that the server's certificate must have; null: the host of the target
 */
public record Tls(Path authorities, Path certificate, Path key, String serverName) {
    private static final String PKCS8 = "-----BEGIN PRIVATE KEY-----";

    /** Trusts the certificates that Java trusts. */
    public static Tls system() {
        return new Tls(null, null, null, null);
    }

    /** Trusts only the certificates of a PEM file. */
    public static Tls trusting(Path authorities) {
        return new Tls(authorities, null, null, null);
    }

    /** The same, and shows the server a certificate of its own. */
    public Tls identity(Path certificate, Path key) {
        return new Tls(authorities, certificate, key, serverName);
    }

    /** The same, but expects this name in the server's certificate. */
    public Tls serverName(String serverName) {
        return new Tls(authorities, certificate, key, serverName);
    }

    ChannelCredentials credentials() {
        TlsChannelCredentials.Builder builder = TlsChannelCredentials.newBuilder();
        try {
            if (authorities != null) {
                builder.trustManager(read(authorities));
            }
            if (certificate != null || key != null) {
                builder.keyManager(read(needed(certificate, "certificate")), readKey(needed(key, "key")));
            }
        } catch (IOException error) {
            throw new UncheckedIOException("cannot read a PEM file: " + error, error);
        }
        return builder.build();
    }

    private static Path needed(Path file, String name) {
        if (file == null) {
            throw new IllegalArgumentException(
                    "a client's identity is a certificate and its key; the " + name + " is missing");
        }
        return file;
    }

    private static InputStream read(Path file) throws IOException {
        return new ByteArrayInputStream(Files.readAllBytes(file));
    }

    // Netty says of any other form only that it found no key.
    private static InputStream readKey(Path file) throws IOException {
        byte[] pem = Files.readAllBytes(file);
        if (!new String(pem, StandardCharsets.ISO_8859_1).contains(PKCS8)) {
            throw new IllegalArgumentException(
                    file + " has no line " + PKCS8 + "; expected a PKCS#8 key without a password, as written by:"
                            + " openssl pkcs8 -topk8 -nocrypt -in " + file + " -out NEW");
        }
        return new ByteArrayInputStream(pem);
    }
}
