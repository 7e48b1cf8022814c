package endcap.client;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import endcap.v1.RankRequest;
import io.grpc.Status;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

public class EndcapClientTest {
    private static final Status AWAY = Status.UNAVAILABLE.withDescription("away");
    private static final Duration LONG = Duration.ofSeconds(20);

    @Rule
    public final TemporaryFolder folder = new TemporaryFolder();

    @Test
    public void theServiceConfigIsTheSharedFile() throws Exception {
        assertEquals(Files.readString(Path.of("../service_config.json")), Channels.serviceConfig());
    }

    @Test
    public void aCallIsTriedAgainWhileTheServerIsAway() throws Exception {
        try (Fake server = new Fake(2, AWAY.asRuntimeException()); EndcapClient client = client(server)) {
            assertEquals("r1", client.rank(request("u1", "r1"), LONG).getRequestId());
            assertEquals(3, server.attempts.get());
        }
    }

    @Test
    public void theFourthAttemptIsTheLast() throws Exception {
        try (Fake server = new Fake(9, AWAY.asRuntimeException()); EndcapClient client = client(server)) {
            EndcapException error =
                    assertThrows(EndcapException.class, () -> client.rank(request("u1", "r1"), LONG));
            assertEquals(Status.Code.UNAVAILABLE, error.code());
            assertEquals(4, server.attempts.get());
        }
    }

    @Test
    public void aWrongRequestIsNotTriedAgain() throws Exception {
        Status wrong = Status.INVALID_ARGUMENT.withDescription("page_size: is 999");
        try (Fake server = new Fake(9, Fake.error(wrong, Fake.BAD)); EndcapClient client = client(server)) {
            EndcapException error =
                    assertThrows(EndcapException.class, () -> client.rank(request("u1", "r1"), LONG));
            assertEquals("is 999", error.fields().get("page_size"));
            assertEquals(1, server.attempts.get());
        }
    }

    @Test
    public void theDeadlineEndsACallThatIsNotAnswered() throws Exception {
        try (Fake server = new Fake(9, null);
                EndcapClient client = EndcapClient.builder(server.target()).timeout(Duration.ofMillis(200)).build()) {
            EndcapException error = assertThrows(EndcapException.class, () -> client.rank(request("u1", "r1")));
            assertEquals(Status.Code.DEADLINE_EXCEEDED, error.code());
            assertTrue(error.isTemporary());
        }
    }

    @Test
    public void aPortWithNobodyBehindItIsUnavailableBeforeTheDeadline() throws Exception {
        try (EndcapClient client = EndcapClient.connect("127.0.0.1:" + unusedPort())) {
            EndcapException error =
                    assertThrows(EndcapException.class, () -> client.rank(request("u1", "r1"), LONG));
            assertEquals(Status.Code.UNAVAILABLE, error.code());
            assertTrue(error.description(), error.description().contains("Connection refused"));
        }
    }

    @Test(timeout = 20_000)
    public void afterAFailedConnectionTheNextIsTriedSoonerThanACallGivesUp() throws Exception {
        try (ServerSocket dying = new ServerSocket(0, 8, InetAddress.getLoopbackAddress());
                EndcapClient client = EndcapClient.connect("127.0.0.1:" + dying.getLocalPort())) {
            CompletableFuture.runAsync(client::getServingState);
            long first = breakOff(dying);
            long second = breakOff(dying);
            long third = breakOff(dying);
            assertTrue(second - first + " ms", second - first < 500);
            assertTrue(third - second + " ms", third - second < 500);
        }
    }

    @Test
    public void eachRequestOfABatchHasAnAnswerOrAnError() throws Exception {
        try (Fake server = new Fake(0, null); EndcapClient client = client(server)) {
            BatchCall answers = client.batchRank(List.of(request("u1", "a"), request("", "b")), LONG);
            assertEquals("a", answers.next().response().getRequestId());
            BatchAnswer wrong = answers.next();
            assertEquals(1, wrong.index());
            assertEquals("NOTHING_TO_RANK", assertThrows(EndcapException.class, wrong::response).reason());
            assertFalse(answers.hasNext());
            assertThrows(NoSuchElementException.class, answers::next);
        }
    }

    @Test
    public void whatTheCallersRequestsThrowIsThrownAfterTheAnswersBefore() throws Exception {
        Iterator<RankRequest> good = List.of(request("u1", "a")).iterator();
        Iterable<RankRequest> failing = () -> new Iterator<>() {
            @Override
            public boolean hasNext() {
                return true;
            }

            @Override
            public RankRequest next() {
                return good.next();
            }
        };
        try (Fake server = new Fake(0, null); EndcapClient client = client(server)) {
            BatchCall answers = client.batchRank(failing, LONG);
            assertEquals("a", answers.next().requestId());
            assertThrows(NoSuchElementException.class, answers::hasNext);
        }
    }

    @Test
    public void closingABatchEarlyEndsItAtTheServer() throws Exception {
        Iterable<RankRequest> endless = () -> java.util.stream.Stream.generate(() -> request("u1", "a")).iterator();
        try (Fake server = new Fake(0, null); EndcapClient client = client(server)) {
            try (BatchCall answers = client.batchRank(endless, LONG)) {
                assertEquals("a", answers.next().requestId());
            }
            assertTrue(server.cancelled.await(LONG.toSeconds(), TimeUnit.SECONDS));
        }
    }

    @Test
    public void aKeyInAnotherFormThanPkcs8IsRefusedWithTheCommandThatConvertsIt() throws Exception {
        Path key = folder.newFile("client.key").toPath();
        Files.writeString(key, "-----BEGIN EC PRIVATE KEY-----\n");
        EndcapClient.Builder builder = EndcapClient.builder("localhost:1").tls(Tls.system().identity(key, key));
        String message = assertThrows(IllegalArgumentException.class, builder::build).getMessage();
        assertTrue(message, message.contains("openssl pkcs8 -topk8"));
    }

    private static EndcapClient client(Fake server) {
        return EndcapClient.connect(server.target());
    }

    private static RankRequest request(String user, String id) {
        return RankRequest.newBuilder().setUserId(user).setRequestId(id).build();
    }

    /** Takes a connection and ends it; returns when that was, in milliseconds. */
    private static long breakOff(ServerSocket server) throws Exception {
        server.accept().close();
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
    }

    private static int unusedPort() throws Exception {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
