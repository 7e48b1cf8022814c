import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Metadata, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import { EndcapError, status } from "@endcap/client";
import type { RankRequest } from "@endcap/client/v1";
import serviceConfig from "../src/gen/service_config.js";
import { connect, dying, serve } from "./server.js";

type RankCall = ServerUnaryCall<RankRequest, unknown>;

/** A Rank that answers with these statuses, one a call, the last one from then on. Counts its calls. */
function scripted(...codes: status[]) {
  const rank = Object.assign(
    (call: RankCall, respond: sendUnaryData<unknown>) => {
      const code = codes[Math.min(rank.calls++, codes.length - 1)]!;
      if (code === status.OK) respond(null, { requestId: call.request.requestId });
      else respond({ code, details: `attempt ${rank.calls}` });
    },
    { calls: 0 },
  );
  return rank;
}

function failsWith(code: status): (error: unknown) => boolean {
  return (error) => error instanceof EndcapError && error.code === code;
}

test("a request is sent as it was given and its slate comes back", async () => {
  let seen: RankRequest | undefined;
  const rank = (call: RankCall, respond: sendUnaryData<unknown>) => {
    seen = call.request;
    respond(null, { strategy: "hybrid", items: [{ itemId: "i1", title: "Tea", score: 2 }] });
  };
  await using server = await serve({ rank });
  using client = connect(server.address);
  const slate = await client.rank({ userId: "u1", override: { recall: [{ source: "als", limit: 5 }], diversity: 0.5 } });
  assert.equal(seen?.userId, "u1");
  assert.equal(seen?.override?.recall[0]?.source, "als");
  assert.deepEqual([slate.strategy, slate.items[0]?.title], ["hybrid", "Tea"]);
});

test("what a server that is away fails is tried again until it answers", async () => {
  const rank = scripted(status.UNAVAILABLE, status.RESOURCE_EXHAUSTED, status.OK);
  await using server = await serve({ rank });
  using client = connect(server.address);
  assert.equal((await client.rank({ requestId: "r" })).requestId, "r");
  assert.equal(rank.calls, 3);
});

test("a call is tried four times and no more", async () => {
  const rank = scripted(status.UNAVAILABLE);
  await using server = await serve({ rank });
  using client = connect(server.address);
  await assert.rejects(client.rank({}), { code: status.UNAVAILABLE, message: "attempt 4", temporary: true });
  assert.equal(rank.calls, 4);
});

test("a call outlasts a server that takes its connection along when it dies", async () => {
  const { port, gone } = await dying();
  using client = connect(`127.0.0.1:${port}`);
  const slate = client.rank({ requestId: "r" });
  await gone;
  await using _ = await serve({ rank: scripted(status.OK) }, undefined, port);
  assert.equal((await slate).requestId, "r");
});

test("what trying again does not help is tried once", async () => {
  const rank = scripted(status.INVALID_ARGUMENT);
  await using server = await serve({ rank });
  using client = connect(server.address);
  await assert.rejects(client.rank({}), { code: status.INVALID_ARGUMENT, temporary: false });
  assert.equal(rank.calls, 1);
});

test("a server that asks for patience gets it", async () => {
  const times: number[] = [];
  const rank = (_: RankCall, respond: sendUnaryData<unknown>) => {
    const trailers = new Metadata();
    trailers.set("grpc-retry-pushback-ms", "400");
    if (times.push(performance.now()) < 2) respond({ code: status.RESOURCE_EXHAUSTED, metadata: trailers });
    else respond(null, {});
  };
  await using server = await serve({ rank });
  using client = connect(server.address);
  await client.rank({});
  assert.ok(times[1]! - times[0]! >= 390, `waited ${times[1]! - times[0]!} ms`);
});

test("a call carries two seconds of deadline unless it says otherwise, and ends with it", async () => {
  const left: number[] = [];
  const rank = (call: RankCall) => void left.push(Number(call.getDeadline()) - Date.now());
  await using server = await serve({ rank });
  using client = connect(server.address);
  const started = performance.now();
  await assert.rejects(client.rank({}, { timeoutMs: 100 }), failsWith(status.DEADLINE_EXCEEDED));
  assert.ok(performance.now() - started < 1000);
  await assert.rejects(client.rank({}), failsWith(status.DEADLINE_EXCEEDED));
  assert.ok(left[0]! <= 100 && left[1]! > 1000 && left[1]! <= 2000, `${left}`);
});

test("a server that is not there is UNAVAILABLE long before the deadline", async () => {
  using client = connect("dns:///127.0.0.1:1");
  const started = performance.now();
  await assert.rejects(client.rank({}, { timeoutMs: 10_000 }), failsWith(status.UNAVAILABLE));
  assert.ok(performance.now() - started < 5_000);
});

test("calls go to all addresses in turn", async () => {
  const [one, other] = [scripted(status.OK), scripted(status.OK)];
  await using first = await serve({ rank: one });
  await using second = await serve({ rank: other });
  using client = connect(`ipv4:${first.address},${second.address}`);
  for (let turn = 0; turn < 40 && Math.min(one.calls, other.calls) < 4; turn++) await client.rank({});
  assert.ok(one.calls >= 4 && other.calls >= 4, `${one.calls} and ${other.calls}`);
});

test("an aborted call is CANCELLED", async () => {
  const abort = new AbortController();
  await using server = await serve({ rank: () => abort.abort() });
  using client = connect(server.address);
  await assert.rejects(client.rank({}, { signal: abort.signal }), failsWith(status.CANCELLED));
  await assert.rejects(client.rank({}, { signal: abort.signal }), failsWith(status.CANCELLED));
});

test("a value that no message can hold is an error of the caller and not of the server", async () => {
  using client = connect("127.0.0.1:1");
  await assert.rejects(client.rank({ pageSize: 2 ** 40 }), (error) => !(error instanceof EndcapError));
});

test("the administrator's questions are answered", async () => {
  await using server = await serve({
    listStrategies: (_: unknown, respond: sendUnaryData<unknown>) => respond(null, { strategies: [{ name: "als" }] }),
    getServingState: (_: unknown, respond: sendUnaryData<unknown>) => respond(null, { serverVersion: "0.1.0" }),
  });
  using client = connect(server.address);
  assert.equal((await client.listStrategies()).strategies[0]?.name, "als");
  assert.equal((await client.getServingState()).serverVersion, "0.1.0");
});

test("the service config is the one that all languages share", () => {
  const shared = readFileSync(new URL("../../../service_config.json", import.meta.url), "utf8");
  assert.deepEqual(serviceConfig, JSON.parse(shared));
});
