/** What a call can throw, and how a gRPC status becomes it. */

import { fromBinary } from "@bufbuild/protobuf";
import { type Any, anyUnpack, durationMs } from "@bufbuild/protobuf/wkt";
import { type Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { CallError } from "./gen/endcap/v1/common_pb.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "./gen/google/rpc/status_pb.js";

const TEMPORARY: readonly status[] = [status.RESOURCE_EXHAUSTED, status.UNAVAILABLE, status.DEADLINE_EXCEEDED];

/** What google.rpc's standard details say of a failure. */
export interface ErrorDetails {
  reason?: string;
  domain?: string;
  metadata?: Record<string, string>;
  fields?: Record<string, string>;
  retryDelayMs?: number;
}

/** A call that failed. `message` says what was wrong, for people. */
export class EndcapError extends Error {
  override readonly name = "EndcapError";
  /** The gRPC status code, as in `status.NOT_FOUND`. */
  readonly code: status;
  /** What was wrong, for programs: an UPPER_SNAKE word such as UNKNOWN_STRATEGY; empty when the server gave none. */
  readonly reason: string;
  /** Whose word `reason` is: "endcap"; empty when the server gave none. */
  readonly domain: string;
  /** More about `reason`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The request fields at fault, as "override.recall[0].limit", and what is wrong with each. */
  readonly fields: Readonly<Record<string, string>>;
  /** How long to wait before trying again, in milliseconds; undefined when the server does not say. */
  readonly retryDelayMs: number | undefined;

  constructor(code: status, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.reason = details.reason ?? "";
    this.domain = details.domain ?? "";
    this.metadata = details.metadata ?? {};
    this.fields = details.fields ?? {};
    this.retryDelayMs = details.retryDelayMs;
  }

  /** Whether trying again may help: the server is away, has too much to do, or did not answer in time. */
  get temporary(): boolean {
    return TEMPORARY.includes(this.code);
  }

  override toString(): string {
    const reason = this.reason === "" ? "" : ` (${this.reason})`;
    const fields = Object.entries(this.fields).filter(([, text]) => !this.message.includes(text));
    return [`${status[this.code]}${reason}: ${this.message}`, ...fields.map(([name, text]) => `${name}: ${text}`)].join(
      "\n  ",
    );
  }
}

/** Translate what grpc-js rejects a call with. */
export function fromServiceError(error: ServiceError): EndcapError {
  const message = error.details === "" ? (status[error.code] ?? error.message) : error.details;
  return new EndcapError(error.code, message, detailsOf(error.metadata), { cause: error });
}

/** Translate the error of one call inside a stream. */
export function fromCallError(error: CallError): EndcapError {
  return new EndcapError(error.code, error.message, {
    reason: error.reason,
    fields: byField(error.violations),
    ...(error.retryDelay === undefined ? {} : { retryDelayMs: durationMs(error.retryDelay) }),
  });
}

/** Read google.rpc's standard details; a proxy's status has none, and one that cannot be read counts as none. */
function detailsOf(trailers: Metadata | undefined): ErrorDetails {
  const packed = trailers?.get("grpc-status-details-bin")[0];
  if (!(packed instanceof Buffer)) return {};
  try {
    return Object.assign({}, ...fromBinary(StatusSchema, packed).details.map(unpack)) as ErrorDetails;
  } catch {
    return {};
  }
}

function unpack(packed: Any): ErrorDetails {
  const info = anyUnpack(packed, ErrorInfoSchema);
  if (info !== undefined) return { reason: info.reason, domain: info.domain, metadata: info.metadata };
  const bad = anyUnpack(packed, BadRequestSchema);
  if (bad !== undefined) return { fields: byField(bad.fieldViolations) };
  const retry = anyUnpack(packed, RetryInfoSchema);
  return retry?.retryDelay === undefined ? {} : { retryDelayMs: durationMs(retry.retryDelay) };
}

function byField(violations: readonly { field: string; description: string }[]): Record<string, string> {
  return Object.fromEntries(violations.map(({ field, description }) => [field, description]));
}
