/** The interop tests' driver: a JSON object a line on stdin asks for calls, one on stdout answers; see tests/interop. */

import { createInterface } from "node:readline";
import {
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type MessageInitShape,
  create,
  fromJson,
  toJson,
} from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { type BatchAnswer, type CallOptions, Client, EndcapError, status } from "@endcap/client";
import {
  BatchRankRequestSchema,
  BatchRankResponseSchema,
  GetServingStateResponseSchema,
  ListStrategiesResponseSchema,
  RankRequestSchema,
  RankResponseSchema,
} from "@endcap/client/v1";

interface ChannelSpec {
  target: string;
  tls: { ca: string; cert?: string; key?: string; server_name?: string } | null;
}

interface Question {
  id: string;
  channel: ChannelSpec;
  method: string;
  requests: JsonValue[];
  timeout_ms: number;
}

type Method = (client: Client, requests: JsonValue[], options: CallOptions, responses: JsonValue[]) => Promise<void>;

const methods: Record<string, Method> = {
  async Rank(client, [request = {}], options, responses) {
    responses.push(json(RankResponseSchema, await client.rank(fromJson(RankRequestSchema, request), options)));
  },
  async BatchRank(client, requests, options, responses) {
    const wanted = requests.map((request) => fromJson(BatchRankRequestSchema, request).request ?? {});
    for await (const answer of client.batchRank(wanted, options)) responses.push(batchJson(answer));
  },
  async ListStrategies(client, _, options, responses) {
    responses.push(json(ListStrategiesResponseSchema, await client.listStrategies(options)));
  },
  async GetServingState(client, _, options, responses) {
    responses.push(json(GetServingStateResponseSchema, await client.getServingState(options)));
  },
};

const clients = new Map<string, Client>();
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line) as Question)));
}
clients.forEach((client) => client.close());

async function answer({ id, channel, method, requests, timeout_ms: timeoutMs }: Question): Promise<JsonObject> {
  const call = methods[method];
  if (call === undefined) throw new TypeError(`no method ${method}; there are ${Object.keys(methods).join(", ")}`);
  const responses: JsonValue[] = [];
  const started = performance.now();
  let outcome = new EndcapError(status.OK, "");
  try {
    await call(clientOf(channel), requests, { timeoutMs }, responses);
  } catch (error) {
    if (!(error instanceof EndcapError)) throw error;
    outcome = error;
  }
  return { id, ...outcomeJson(outcome), responses, elapsed_ms: performance.now() - started };
}

function clientOf(channel: ChannelSpec): Client {
  const key = JSON.stringify(channel, Object.keys({ ...channel, ...channel.tls }).sort());
  const client = clients.get(key) ?? newClient(channel);
  clients.set(key, client);
  return client;
}

function newClient({ target, tls }: ChannelSpec): Client {
  if (tls === null) return new Client(target);
  const { server_name: serverName, ...files } = tls;
  return new Client(target, { tls: { ...files, ...(serverName === undefined ? {} : { serverName }) } });
}

function outcomeJson({ code, message, reason, domain, metadata, fields, retryDelayMs }: EndcapError): JsonObject {
  const details = { reason, domain, metadata: { ...metadata }, fields: { ...fields } };
  return { code: status[code], message, ...details, retry_ms: retryDelayMs ?? null };
}

/** What the client made of a message of the stream, as that message again. */
function batchJson({ index, requestId, response, error }: BatchAnswer): JsonValue {
  const place = { index: BigInt(index), requestId };
  if (error === undefined) {
    return json(BatchRankResponseSchema, { ...place, outcome: { case: "response", value: response } });
  }
  const { code, message, reason, fields, retryDelayMs } = error;
  const violations = Object.entries(fields).map(([field, description]) => ({ field, description }));
  const retry = retryDelayMs === undefined ? {} : { retryDelay: durationFromMs(retryDelayMs) };
  const value = { code, message, reason, violations, ...retry };
  return json(BatchRankResponseSchema, { ...place, outcome: { case: "error", value } });
}

function json<Desc extends DescMessage>(schema: Desc, message: MessageInitShape<Desc>): JsonValue {
  return toJson(schema, create(schema, message));
}
