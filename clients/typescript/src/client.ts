/** The client. */

import {
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
  create,
  fromBinary,
  toBinary,
} from "@bufbuild/protobuf";
import { type ChannelOptions, Client as Channel, type ServiceError } from "@grpc/grpc-js";
import { type BatchAnswer, batchAnswer, send } from "./batch.js";
import { type TlsFiles, channelCredentials, channelOptions } from "./channel.js";
import { fromServiceError } from "./errors.js";
import { AdminService, type GetServingStateResponse, type ListStrategiesResponse } from "./gen/endcap/v1/admin_pb.js";
import { BatchRankResponseSchema, type RankResponse, RankingService } from "./gen/endcap/v1/ranking_pb.js";
import type { RankRequestInit } from "./requests.js";

export const DEFAULT_TARGET = "localhost:50051";
/** How long one call may take, retries included. */
export const DEFAULT_TIMEOUT_MS = 2_000;
/** How long one batch may take. */
export const BATCH_TIMEOUT_MS = 60_000;

export interface ClientOptions {
  /** The default deadline of each call but batchRank. Default: DEFAULT_TIMEOUT_MS. */
  timeoutMs?: number;
  /** Turns TLS on. Default: plain text. */
  tls?: TlsFiles;
  /** Channel options of grpc-js; they win over the client's own. */
  channelOptions?: ChannelOptions;
}

export interface CallOptions {
  /** The deadline of this call. */
  timeoutMs?: number;
  /** Cancels the call, which then rejects with the code CANCELLED. */
  signal?: AbortSignal;
}

/**
 * Calls a server. Make one and keep it: it holds the connections, and may be shared.
 *
 * The target is "host:port", or "dns:///name:port" for all the addresses behind a name, taken in turn. Every call can
 * reject with EndcapError. The constructor throws when a file of `tls` cannot be read.
 */
export class Client {
  readonly #channel: Channel;
  readonly #timeoutMs: number;

  constructor(target: string = DEFAULT_TARGET, options: ClientOptions = {}) {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, tls, channelOptions: more = {} } = options;
    this.#timeoutMs = timeoutMs;
    this.#channel = new Channel(target, channelCredentials(tls), channelOptions(tls, more));
  }

  /** Return the slate for a request. */
  rank(request: RankRequestInit, options: CallOptions = {}): Promise<RankResponse> {
    return this.#call(RankingService.method.rank, request, options);
  }

  /**
   * Yield an answer to each request, in the order in which they come; the deadline is for the batch as a whole and
   * BATCH_TIMEOUT_MS by default.
   *
   * The requests are taken as the server is ready for them. One that is wrong for the server has an answer with an
   * error. One that cannot even be built ends the batch: its exception is thrown last.
   */
  async *batchRank(
    requests: Iterable<RankRequestInit> | AsyncIterable<RankRequestInit>,
    { timeoutMs = BATCH_TIMEOUT_MS, signal }: CallOptions = {},
  ): AsyncGenerator<BatchAnswer, void, undefined> {
    const call = this.#channel.makeBidiStreamRequest(
      pathOf(RankingService.method.batchRank),
      Buffer.from,
      reader(BatchRankResponseSchema),
      { deadline: Date.now() + timeoutMs },
    );
    // Without a listener, the status of a batch that its reader left would end the process.
    call.on("error", () => {});
    const ignore = cancelOn(signal, call);
    const sending = send(requests, call);
    try {
      for await (const message of answers(call)) yield batchAnswer(message);
    } finally {
      sending.stop();
      call.cancel();
      ignore();
    }
    if (sending.failure !== undefined) throw sending.failure;
  }

  /** Return the strategies that a request can name. */
  listStrategies(options: CallOptions = {}): Promise<ListStrategiesResponse> {
    return this.#call(AdminService.method.listStrategies, {}, options);
  }

  /** Return what the server has loaded and how it is. */
  getServingState(options: CallOptions = {}): Promise<GetServingStateResponse> {
    return this.#call(AdminService.method.getServingState, {}, options);
  }

  /** Close the connections. Calls that are under way go on to their end. */
  close(): void {
    this.#channel.close();
  }

  async #call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    { timeoutMs = this.#timeoutMs, signal }: CallOptions,
  ): Promise<MessageShape<O>> {
    // Written here and not by grpc-js, which would call a field of the wrong type INTERNAL.
    const bytes = toBinary(method.input, create(method.input, request));
    const options = { deadline: Date.now() + timeoutMs };
    return new Promise((resolve, reject) => {
      const call = this.#channel.makeUnaryRequest(
        pathOf(method),
        Buffer.from,
        reader(method.output),
        bytes,
        options,
        (error, answer) => {
          ignore();
          if (error !== null) reject(fromServiceError(error));
          else resolve(answer as MessageShape<O>);
        },
      );
      const ignore = cancelOn(signal, call);
    });
  }
}

/** The messages of a stream; its status becomes an EndcapError. */
async function* answers<M>(call: AsyncIterable<M>): AsyncGenerator<M> {
  try {
    yield* call;
  } catch (error) {
    throw fromServiceError(error as ServiceError);
  }
}

/** Cancel the call when the signal says so. Returns how to stop listening. */
function cancelOn(signal: AbortSignal | undefined, call: { cancel(): void }): () => void {
  const cancel = () => call.cancel();
  if (signal?.aborted === true) cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  return () => signal?.removeEventListener("abort", cancel);
}

/** "/endcap.v1.RankingService/Rank" */
function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function reader<Desc extends DescMessage>(schema: Desc): (bytes: Buffer) => MessageShape<Desc> {
  return (bytes) => fromBinary(schema, bytes);
}
