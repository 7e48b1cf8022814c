package endcap.interop;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.NullValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import endcap.client.BatchCall;
import endcap.client.EndcapClient;
import endcap.client.EndcapException;
import endcap.v1.BatchRankRequest;
import endcap.v1.RankRequest;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Makes the calls that the interop tests ask for: a JSON line in, a JSON line out, in order. */
public final class Driver {
    private static final double NANOS_PER_MS = 1e6;
    private static final JsonFormat.Printer JSON = JsonFormat.printer().omittingInsignificantWhitespace();
    private static final JsonFormat.Printer LINES = JSON.preservingProtoFieldNames().includingDefaultValueFields();

    private final Map<Channel, EndcapClient> clients = new HashMap<>();

    private Driver() {}

    /** Answers standard input until it ends. */
    public static void main(String[] args) throws IOException {
        loadClasses();
        Driver driver = new Driver();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(LINES.print(driver.answer(parse(line, Call.newBuilder()).build())));
        }
        driver.clients.values().forEach(EndcapClient::close);
    }

    // Calls to nobody: on a busy machine, loading gRPC and TLS takes seconds of the first call's deadline.
    private static void loadClasses() {
        String nobody = "127.0.0.1:1";
        for (EndcapClient.Builder builder : List.of(
                EndcapClient.builder(nobody), EndcapClient.builder(nobody).tls(endcap.client.Tls.system()))) {
            try (EndcapClient client = builder.build()) {
                client.getServingState(Duration.ofSeconds(10));
            } catch (EndcapException expected) {
                System.err.println("loaded: " + expected.getMessage());
            }
        }
    }

    private Outcome answer(Call call) throws IOException {
        EndcapClient client = clients.computeIfAbsent(call.getChannel(), Driver::connect);
        Outcome.Builder outcome = Outcome.newBuilder().setId(call.getId()).setCode("OK");
        outcome.setRetryMs(Value.newBuilder().setNullValue(NullValue.NULL_VALUE));
        long start = System.nanoTime();
        try {
            make(client, call, outcome);
        } catch (EndcapException error) {
            report(error, outcome);
        }
        return outcome.setElapsedMs((System.nanoTime() - start) / NANOS_PER_MS).build();
    }

    private static EndcapClient connect(Channel channel) {
        EndcapClient.Builder builder = EndcapClient.builder(channel.getTarget());
        return (channel.hasTls() ? builder.tls(tls(channel.getTls())) : builder).build();
    }

    private static endcap.client.Tls tls(Tls tls) {
        String name = tls.getServerName().isEmpty() ? null : tls.getServerName();
        return new endcap.client.Tls(path(tls.getCa()), path(tls.getCert()), path(tls.getKey()), name);
    }

    private static Path path(String name) {
        return name.isEmpty() ? null : Path.of(name);
    }

    private static void make(EndcapClient client, Call call, Outcome.Builder outcome) throws IOException {
        Duration within = Duration.ofMillis(call.getTimeoutMs());
        switch (call.getMethod()) {
            case "Rank" -> add(outcome, client.rank(rankRequest(call), within));
            case "BatchRank" -> makeBatch(client, call, within, outcome);
            case "ListStrategies" -> add(outcome, client.listStrategies(within));
            case "GetServingState" -> add(outcome, client.getServingState(within));
            default -> throw new IllegalArgumentException("the driver has no method " + call.getMethod());
        }
    }

    private static RankRequest rankRequest(Call call) throws IOException {
        return parse(json(call.getRequests(0)), RankRequest.newBuilder()).build();
    }

    private static void makeBatch(EndcapClient client, Call call, Duration within, Outcome.Builder outcome)
            throws IOException {
        List<RankRequest> requests = new ArrayList<>();
        for (Struct request : call.getRequestsList()) {
            requests.add(parse(json(request), BatchRankRequest.newBuilder()).getRequest());
        }
        try (BatchCall batch = client.batchRank(requests, within)) {
            while (batch.hasNext()) {
                add(outcome, batch.next().message());
            }
        }
    }

    private static void add(Outcome.Builder outcome, Message response) throws IOException {
        outcome.addResponses(parse(json(response), Struct.newBuilder()));
    }

    private static void report(EndcapException error, Outcome.Builder outcome) {
        outcome.setCode(error.code().name()).setMessage(error.description());
        outcome.setReason(error.reason()).setDomain(error.domain());
        outcome.putAllMetadata(error.metadata()).putAllFields(error.fields());
        error.retryDelay().ifPresent(delay -> outcome.setRetryMs(number(delay.toNanos() / NANOS_PER_MS)));
    }

    private static Value number(double value) {
        return Value.newBuilder().setNumberValue(value).build();
    }

    private static <B extends Message.Builder> B parse(String json, B into) throws InvalidProtocolBufferException {
        JsonFormat.parser().merge(json, into);
        return into;
    }

    private static String json(Message message) throws InvalidProtocolBufferException {
        return JSON.print(message);
    }
}
