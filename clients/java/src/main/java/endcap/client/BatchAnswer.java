package endcap.client;

import endcap.v1.BatchRankResponse;
import endcap.v1.RankResponse;
import java.util.Optional;

/**
 * The answer to one request of a batch.
 *
 * @param message the answer as it came
 */
public record BatchAnswer(BatchRankResponse message) {
    /** The request's place in the batch, from 0. */
    public long index() {
        return message.getIndex();
    }

    /** The request's id. */
    public String requestId() {
        return message.getRequestId();
    }

    /** Why there is no slate; empty when there is one. */
    public Optional<EndcapException> error() {
        return message.hasError() ? Optional.of(EndcapException.of(message.getError())) : Optional.empty();
    }

    /** Returns the slate, or throws the error. */
    public RankResponse response() {
        error().ifPresent(error -> {
            throw error;
        });
        return message.getResponse();
    }
}
