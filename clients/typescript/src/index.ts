/**
 * The typed client of Endcap.
 *
 *     const client = new Client("localhost:50051");
 *     for (const item of (await client.rank({ userId: "1234", pageSize: 5 })).items) console.log(item.title, item.score);
 */

export { status } from "@grpc/grpc-js";
export type { BatchAnswer } from "./batch.js";
export type { TlsFiles } from "./channel.js";
export {
  BATCH_TIMEOUT_MS,
  type CallOptions,
  Client,
  type ClientOptions,
  DEFAULT_TARGET,
  DEFAULT_TIMEOUT_MS,
} from "./client.js";
export { EndcapError, type ErrorDetails } from "./errors.js";
export { type RankRequestInit, event } from "./requests.js";
