/** Prints a ranking with titles and reasons: rank.js [ADDRESS] [USER_ID] */

import { Client, EndcapError } from "@endcap/client";
import { type RankedItem, ReasonCode } from "@endcap/client/v1";

const [address = "localhost:50051", userId = "1"] = process.argv.slice(2);
const client = new Client(address);
try {
  const slate = await client.rank({ userId, pageSize: 5 });
  console.log(`strategy ${slate.strategy}, ${slate.candidateCount} candidates, bundle ${slate.bundleVersion}`);
  slate.items.forEach((item, place) => console.log(line(item, place + 1)));
} catch (error) {
  if (!(error instanceof EndcapError)) throw error;
  console.error(error.toString());
  process.exitCode = 1;
} finally {
  client.close();
}

function line(item: RankedItem, place: number): string {
  const sources = item.sources.map(({ source, rank }) => `${source} ${rank}`).join(", ");
  const reasons = item.reasons.map(({ code }) => ReasonCode[code].toLowerCase().replaceAll("_", " ")).join(", ");
  return `${place}. ${item.title} (${item.itemId}) ${item.score.toFixed(3)}; ${sources}; ${reasons || "no reasons"}`;
}
