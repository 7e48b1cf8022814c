package endcap.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import endcap.details.BadRequest;
import endcap.details.ErrorInfo;
import endcap.details.RetryInfo;
import endcap.details.Status;
import endcap.v1.CallError;
import java.io.Serializable;
import java.time.Duration;
import java.util.LinkedHashMap;

/** What an error says beside its code and its message. A retryDelay of null means: not said. */
record Details(
        String reason,
        String domain,
        LinkedHashMap<String, String> metadata,
        LinkedHashMap<String, String> fields,
        Duration retryDelay)
        implements Serializable {

    static final Details NONE = new Details("", "", new LinkedHashMap<>(), new LinkedHashMap<>(), null);

    /** Reads a google.rpc.Status. A proxy's error has none (null), and one that cannot be read counts as none. */
    static Details read(byte[] status) {
        if (status == null) {
            return NONE;
        }
        try {
            Details found = NONE;
            for (Any packed : Status.parseFrom(status).getDetailsList()) {
                found = found.with(packed);
            }
            return found;
        } catch (InvalidProtocolBufferException unreadable) {
            return NONE;
        }
    }

    static Details of(CallError error) {
        LinkedHashMap<String, String> fields = new LinkedHashMap<>();
        error.getViolationsList().forEach(each -> fields.put(each.getField(), each.getDescription()));
        Duration delay = error.hasRetryDelay() ? duration(error.getRetryDelay()) : null;
        return new Details(error.getReason(), "", NONE.metadata, fields, delay);
    }

    private Details with(Any packed) throws InvalidProtocolBufferException {
        String type = packed.getTypeUrl().substring(packed.getTypeUrl().lastIndexOf('/') + 1);
        return switch (type) {
            case "google.rpc.ErrorInfo" -> with(ErrorInfo.parseFrom(packed.getValue()));
            case "google.rpc.BadRequest" -> with(BadRequest.parseFrom(packed.getValue()));
            case "google.rpc.RetryInfo" -> with(RetryInfo.parseFrom(packed.getValue()));
            default -> this;
        };
    }

    private Details with(ErrorInfo info) {
        LinkedHashMap<String, String> named = new LinkedHashMap<>(info.getMetadataMap());
        return new Details(info.getReason(), info.getDomain(), named, fields, retryDelay);
    }

    private Details with(BadRequest request) {
        LinkedHashMap<String, String> found = new LinkedHashMap<>();
        request.getFieldViolationsList().forEach(each -> found.put(each.getField(), each.getDescription()));
        return new Details(reason, domain, metadata, found, retryDelay);
    }

    private Details with(RetryInfo retry) {
        return new Details(reason, domain, metadata, fields, duration(retry.getRetryDelay()));
    }

    private static Duration duration(com.google.protobuf.Duration value) {
        return Duration.ofSeconds(value.getSeconds(), value.getNanos());
    }
}
