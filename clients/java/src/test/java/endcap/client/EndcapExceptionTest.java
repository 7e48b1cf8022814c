package endcap.client;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import io.grpc.Status;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.Test;

public class EndcapExceptionTest {
    private static final Status BUSY = Status.RESOURCE_EXHAUSTED.withDescription("too busy");

    @Test
    public void standardDetailsBecomeReasonDomainMetadataFieldsAndDelay() {
        EndcapException error = EndcapException.of(Fake.error(BUSY, Fake.INFO, Fake.BAD, Fake.RETRY));
        assertEquals(Status.Code.RESOURCE_EXHAUSTED, error.code());
        assertEquals("too busy", error.description());
        assertEquals("OVERLOADED", error.reason());
        assertEquals("endcap", error.domain());
        assertEquals(Map.of("limit", "3"), error.metadata());
        assertEquals(Map.of("page_size", "is 999"), error.fields());
        assertEquals(Optional.of(Duration.ofMillis(250)), error.retryDelay());
        assertEquals("RESOURCE_EXHAUSTED (OVERLOADED): too busy\n  page_size: is 999", error.getMessage());
    }

    @Test
    public void anErrorOfAProxyHasNoDetails() {
        EndcapException error = EndcapException.of(Status.UNAVAILABLE.asRuntimeException());
        assertEquals("", error.reason());
        assertEquals(Map.of(), error.fields());
        assertEquals(Optional.empty(), error.retryDelay());
        assertEquals("UNAVAILABLE: UNAVAILABLE", error.getMessage());
    }

    @Test
    public void detailsThatCannotBeReadCountAsNone() {
        EndcapException error = EndcapException.of(Fake.error(BUSY, new byte[] {(byte) 0xff, 1, 2}));
        assertEquals("too busy", error.description());
        assertEquals("", error.reason());
    }

    @Test
    public void onlyWhatMayPassIsTemporary() {
        assertTrue(EndcapException.of(BUSY.asRuntimeException()).isTemporary());
        assertFalse(EndcapException.of(Status.NOT_FOUND.asRuntimeException()).isTemporary());
    }

    @Test
    public void theRootCauseOfABrokenConnectionIsSaid() {
        IOException refused = new IOException("Connection refused: /127.0.0.1:1");
        IOException wrapped = new IOException("wrapped", refused);
        Status status = Status.UNAVAILABLE.withDescription("io exception").withCause(wrapped);
        assertEquals(
                "io exception: Connection refused: /127.0.0.1:1",
                EndcapException.of(status.asRuntimeException()).description());
    }
}
