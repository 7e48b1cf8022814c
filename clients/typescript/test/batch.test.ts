import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { type BatchAnswer, EndcapError, type RankRequestInit, status } from "@endcap/client";
import type { BatchRankRequest } from "@endcap/client/v1";
import { connect, serve } from "./server.js";

type BatchCall = ServerDuplexStream<BatchRankRequest, unknown>;

/** Answers each request by a slate, or by an error where its page_size is 999. */
function batchRank(call: BatchCall): void {
  let index = 0n;
  call.on("data", ({ request }: BatchRankRequest) => {
    const error = { code: status.INVALID_ARGUMENT, message: "no", reason: "BAD", retryDelay: { seconds: 2n } };
    const outcome =
      request?.pageSize === 999
        ? { case: "error", value: { ...error, violations: [{ field: "page_size", description: "is 999" }] } }
        : { case: "response", value: { strategy: request?.strategy } };
    call.write({ index: index++, requestId: request?.requestId, outcome });
  });
  call.on("end", () => call.end());
}

async function collected(answers: AsyncIterable<BatchAnswer>): Promise<BatchAnswer[]> {
  const all = [];
  for await (const answer of answers) all.push(answer);
  return all;
}

test("each request of a batch has a slate or an error, and a bad one ends nothing", async () => {
  await using server = await serve({ batchRank });
  using client = connect(server.address);
  const [good, bad, last] = await collected(
    client.batchRank([{ requestId: "a", strategy: "als" }, { pageSize: 999 }, { requestId: "c" }]),
  );
  assert.deepEqual([good?.index, good?.requestId, good?.response?.strategy], [0, "a", "als"]);
  assert.ok(bad?.error instanceof EndcapError && bad.response === undefined);
  assert.deepEqual([bad.error.code, bad.error.reason], [status.INVALID_ARGUMENT, "BAD"]);
  assert.deepEqual([bad.error.fields, bad.error.retryDelayMs], [{ page_size: "is 999" }, 2000]);
  assert.deepEqual([last?.index, last?.requestId, last?.error], [2, "c", undefined]);
});

test("a batch of a thousand is taken as the server is ready for it", async () => {
  async function* requests(): AsyncGenerator<RankRequestInit> {
    for (let n = 0; n < 1000; n++) yield { requestId: `${n}` };
  }
  await using server = await serve({ batchRank });
  using client = connect(server.address);
  const answers = await collected(client.batchRank(requests()));
  assert.deepEqual([answers.length, answers.at(-1)?.requestId], [1000, "999"]);
});

test("a request that cannot be built ends the batch, after the answers to those before it", async () => {
  await using server = await serve({ batchRank });
  using client = connect(server.address);
  const answers: BatchAnswer[] = [];
  await assert.rejects(async () => {
    for await (const answer of client.batchRank([{}, { pageSize: 2 ** 40 }, {}])) answers.push(answer);
  }, /int32/);
  assert.equal(answers.length, 1);
});

test("a batch that its reader leaves is cancelled", async () => {
  let call: BatchCall | undefined;
  await using server = await serve({ batchRank: (each: BatchCall) => batchRank((call = each)) });
  using client = connect(server.address);
  async function* endless(): AsyncGenerator<RankRequestInit> {
    for (;;) yield {};
  }
  for await (const _ of client.batchRank(endless())) break;
  assert.ok(call);
  if (!call.cancelled) await once(call, "cancelled", { signal: AbortSignal.timeout(5_000) });
});

test("a batch ends with its deadline", async () => {
  await using server = await serve({ batchRank: () => {} });
  using client = connect(server.address);
  await assert.rejects(collected(client.batchRank([{}], { timeoutMs: 50 })), { code: status.DEADLINE_EXCEEDED });
});

test("a batch to a server that is not there is UNAVAILABLE", async () => {
  using client = connect("127.0.0.1:1");
  await assert.rejects(collected(client.batchRank([{}])), { code: status.UNAVAILABLE });
});
