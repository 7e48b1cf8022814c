/** How the client reaches the server: load balancing, retries, keepalive and TLS. */

import { readFileSync } from "node:fs";
import { type ChannelCredentials, type ChannelOptions, credentials } from "@grpc/grpc-js";
import serviceConfig from "./gen/service_config.js";

/** How often to ask a quiet connection with calls on it whether it still stands. Servers must allow it. */
export const KEEPALIVE_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;
/** How soon to connect again after a failure, at first. gRPC's own second is longer than all tries of a call together. */
const RECONNECT_MS = 100;

/** The PEM files of TLS. All are optional: `tls: {}` trusts the authorities that Node trusts. */
export interface TlsFiles {
  /** The authorities to trust instead, as a path. */
  ca?: string;
  /** The client's certificate chain, as a path, where the server asks for one (mTLS). Goes with `key`. */
  cert?: string;
  /** The private key of `cert`, as a path. */
  key?: string;
  /** The name that the server's certificate must bear, where it is not the one in the target. */
  serverName?: string;
}

/** The channel's options; those in `more` win. */
export function channelOptions(tls: TlsFiles | undefined, more: ChannelOptions): ChannelOptions {
  return {
    "grpc.service_config": JSON.stringify(serviceConfig),
    // A service config in DNS would silently replace the one above; clients in other languages do not look there either.
    "grpc.service_config_disable_resolution": 1,
    "grpc.enable_retries": 1,
    "grpc.keepalive_time_ms": KEEPALIVE_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    "grpc.initial_reconnect_backoff_ms": RECONNECT_MS,
    ...(tls?.serverName === undefined ? {} : { "grpc.ssl_target_name_override": tls.serverName }),
    ...more,
  };
}

/** TLS where there is a `tls`, else plain text. Throws when a file cannot be read or is not PEM. */
export function channelCredentials(tls: TlsFiles | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw new TypeError(`tls has ${tls.cert === undefined ? "key" : "cert"} alone; mTLS takes cert and key, TLS neither`);
  }
  return credentials.createSsl(contents(tls.ca), contents(tls.key), contents(tls.cert));
}

function contents(path: string | undefined): Buffer | null {
  return path === undefined ? null : readFileSync(path);
}
