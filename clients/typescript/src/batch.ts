/** The two ends of a batch. */

import { Readable } from "node:stream";
import { create, toBinary } from "@bufbuild/protobuf";
import { type EndcapError, fromCallError } from "./errors.js";
import { BatchRankRequestSchema, type BatchRankResponse, type RankResponse } from "./gen/endcap/v1/ranking_pb.js";
import type { RankRequestInit } from "./requests.js";

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

/** The messages of a batch as bytes, built one by one as the server is ready for them. */
export function batchSource(requests: Iterable<RankRequestInit> | AsyncIterable<RankRequestInit>): Readable {
  return Readable.from(encoded(requests));
}

async function* encoded(
  requests: Iterable<RankRequestInit> | AsyncIterable<RankRequestInit>,
): AsyncGenerator<Uint8Array> {
  for await (const request of requests) {
    yield toBinary(BatchRankRequestSchema, create(BatchRankRequestSchema, { request }));
  }
}
