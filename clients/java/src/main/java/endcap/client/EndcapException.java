package endcap.client;

import endcap.v1.CallError;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A call that failed. */
public final class EndcapException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final Metadata.Key<byte[]> DETAILS =
            Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);
    private static final Set<Status.Code> TEMPORARY =
            EnumSet.of(Status.Code.UNAVAILABLE, Status.Code.RESOURCE_EXHAUSTED, Status.Code.DEADLINE_EXCEEDED);

    private static final Map<String, String> HINTS = Map.of(
            "Network closed for unknown reason",
            "the server closed the connection, as one that expects TLS does to a client without it",
            "Connection closed while performing TLS negotiation",
            "the server closed the connection in the TLS handshake, as one does that expects a client's certificate");

    private final Status.Code code;
    private final String description;
    private final Details details;

    private EndcapException(Status.Code code, String description, Details details, Throwable cause) {
        super(text(code, description, details), cause);
        this.code = code;
        this.description = description;
        this.details = details;
    }

    static EndcapException of(Throwable error) {
        Status status = Status.fromThrowable(error);
        Metadata trailers = Status.trailersFromThrowable(error);
        Details details = Details.read(trailers == null ? null : trailers.get(DETAILS));
        return new EndcapException(status.getCode(), describe(status), details, error);
    }

    static EndcapException of(CallError error) {
        Status.Code code = Status.fromCodeValue(error.getCode()).getCode();
        return new EndcapException(code, error.getMessage(), Details.of(error), null);
    }

    /** The gRPC status code. */
    public Status.Code code() {
        return code;
    }

    /** What was wrong, for people; {@link #getMessage} has code, reason and fields as well. */
    public String description() {
        return description;
    }

    /** What was wrong, for programs: an UPPER_SNAKE word such as UNKNOWN_STRATEGY; empty when the server gave none. */
    public String reason() {
        return details.reason();
    }

    /** Who gave the reason: "endcap"; empty when the server gave none, or for one call of a batch. */
    public String domain() {
        return details.domain();
    }

    /** What else the server says of the reason, by name. */
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(details.metadata());
    }

    /** The request fields at fault, as "override.recall[0].limit", and what is wrong with each. */
    public Map<String, String> fields() {
        return Collections.unmodifiableMap(details.fields());
    }

    /** How long to wait before trying again; empty when the server does not say. */
    public Optional<Duration> retryDelay() {
        return Optional.ofNullable(details.retryDelay());
    }

    /** Whether trying again may help: the server is away, overloaded or late. */
    public boolean isTemporary() {
        return TEMPORARY.contains(code);
    }

    // gRPC says of a connection that could not be made "io exception" on its first line, and below it what it is made
    // of; why is said by the root cause, if at all.
    private static String describe(Status status) {
        String said = status.getDescription() == null ? status.getCode().name() : status.getDescription();
        if (status.getCause() == null) {
            return HINTS.getOrDefault(said, said);
        }
        String first = said.lines().findFirst().orElse(said);
        String why = root(status.getCause()).getMessage();
        return why == null ? HINTS.getOrDefault(first, first) : first + ": " + why;
    }

    private static Throwable root(Throwable error) {
        return error.getCause() == null ? error : root(error.getCause());
    }

    private static String text(Status.Code code, String description, Details details) {
        String reason = details.reason().isEmpty() ? "" : " (" + details.reason() + ")";
        StringBuilder text = new StringBuilder(code + reason + ": " + description);
        details.fields().forEach((name, wrong) -> {
            if (!description.contains(wrong)) {
                text.append("\n  ").append(name).append(": ").append(wrong);
            }
        });
        return text.toString();
    }
}
