package endcap.example;

import endcap.client.EndcapClient;
import endcap.client.EndcapException;
import endcap.v1.RankRequest;
import endcap.v1.RankedItem;
import endcap.v1.Reason;
import endcap.v1.ReasonCode;
import java.util.stream.Collectors;

/** Prints what everyone buys, and why each item is there: Ranking [ADDRESS]. */
public final class Ranking {
    private Ranking() {}

    /** Takes the server's address; without one, localhost:50051. */
    public static void main(String[] args) {
        String address = args.length > 0 ? args[0] : EndcapClient.DEFAULT_TARGET;
        RankRequest request = RankRequest.newBuilder().setUserId("1234").setPageSize(5).build();
        try (EndcapClient client = EndcapClient.connect(address)) {
            client.rank(request).getItemsList().forEach(Ranking::print);
        } catch (EndcapException error) {
            System.err.println(error.getMessage());
            System.exit(1);
        }
    }

    private static void print(RankedItem item) {
        String reasons = item.getReasonsList().stream().map(Ranking::words).collect(Collectors.joining(", "));
        System.out.printf("%-40s %8.3f  %s%n", item.getTitle(), item.getScore(), reasons);
    }

    /** "bought before", and the item, brand or category that is the evidence, where there is one. */
    private static String words(Reason reason) {
        String kind = reason.getCode() == ReasonCode.REASON_CODE_OTHER ? reason.getFeature() : reason.getCode().name();
        String words = kind.replace("REASON_CODE_", "").replace('_', ' ').toLowerCase();
        String evidence = reason.getItemId().isEmpty() ? reason.getAttribute() : reason.getItemId();
        return evidence.isEmpty() ? words : words + " " + evidence;
    }
}
