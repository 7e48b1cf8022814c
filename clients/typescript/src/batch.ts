/** The two ends of a batch. */

import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { type EndcapError, fromCallError } from "./errors.js";
import { BatchRankRequestSchema, type BatchRankResponse, type RankResponse } from "./gen/endcap/v1/ranking_pb.js";
import type { RankRequestInit } from "./requests.js";

/** How many messages to send before the process may turn to other things. */
const MESSAGES_A_TURN = 16;

/** The answer to one request of a batch: a slate, or the error that stands for it. */
export type BatchAnswer = {
  /** The request's place in the batch, from 0. */
  index: number;
  /** The request's id. */
  requestId: string;
} & ({ response: RankResponse; error: undefined } | { response: undefined; error: EndcapError });

/** Translate one message of the stream. */
export function batchAnswer(message: BatchRankResponse): BatchAnswer {
  const place = { index: Number(message.index), requestId: message.requestId };
  switch (message.outcome.case) {
    case "response":
      return { ...place, response: message.outcome.value, error: undefined };
    case "error":
      return { ...place, response: undefined, error: fromCallError(message.outcome.value) };
    default:
      throw new TypeError(`the answer to request ${place.index} is neither a slate nor an error`);
  }
}

/** The requests on their way to the server. */
export interface Sending {
  /** What building a request threw, if anything; it ended the batch. */
  failure?: unknown;
  /** Send no more. */
  stop(): void;
}

/** Build and send the requests one by one, as the server is ready for them. */
export function send(
  requests: Iterable<RankRequestInit> | AsyncIterable<RankRequestInit>,
  call: NodeJS.WritableStream,
): Sending {
  const source = Readable.from(encoded(requests));
  const sending: Sending = { stop: () => void source.destroy() };
  source.on("error", (error) => {
    sending.failure = error;
    call.end();
  });
  source.pipe(call);
  return sending;
}

async function* encoded(
  requests: Iterable<RankRequestInit> | AsyncIterable<RankRequestInit>,
): AsyncGenerator<Uint8Array> {
  let count = 0;
  for await (const request of requests) {
    yield toBinary(BatchRankRequestSchema, create(BatchRankRequestSchema, { request }));
    // grpc-js keeps up to 1 MiB to send it again, and takes that much at once: without a pause no answer would get through.
    if (++count % MESSAGES_A_TURN === 0) await setImmediate();
  }
}
