import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { ServerCredentials, type sendUnaryData } from "@grpc/grpc-js";
import { Client, type ClientOptions, status } from "@endcap/client";
import { makeCertificates } from "./certificates.js";
import { connect, serve } from "./server.js";

const certificates = makeCertificates();
after(() => certificates[Symbol.dispose]());
const [ca, cert, key] = ["ca.pem", "client.pem", "client.key"].map(certificates.path);
const serverName = "localhost";

/** Call a server with TLS, which asks for a client's certificate if `mutual`. */
async function call({ mutual }: { mutual: boolean }, options: ClientOptions): Promise<string> {
  const rank = (_: unknown, respond: sendUnaryData<unknown>) => respond(null, { strategy: "als" });
  const [authority, chain, secret] = ["ca.pem", "server.pem", "server.key"].map((name) =>
    readFileSync(certificates.path(name)),
  );
  const pair = { cert_chain: chain!, private_key: secret! };
  await using server = await serve({ rank }, ServerCredentials.createSsl(authority!, [pair], mutual));
  using client = connect(server.address, options);
  return (await client.rank({})).strategy;
}

test("a server is believed by the authority's file and the name in its certificate", async () => {
  assert.equal(await call({ mutual: false }, { tls: { ca: ca!, serverName } }), "als");
});

test("a certificate that no trusted authority vouches for is refused", async () => {
  await assert.rejects(call({ mutual: false }, { tls: { serverName } }), { code: status.UNAVAILABLE });
});

test("a certificate of another name is refused", async () => {
  const tls = { ca: ca!, serverName: "elsewhere.example" };
  await assert.rejects(call({ mutual: false }, { tls }), { code: status.UNAVAILABLE });
});

test("a client without TLS cannot talk to a server with it", async () => {
  await assert.rejects(call({ mutual: false }, {}), { code: status.UNAVAILABLE });
});

test("a client shows its own certificate where the server asks for one", async () => {
  assert.equal(await call({ mutual: true }, { tls: { ca: ca!, cert: cert!, key: key!, serverName } }), "als");
});

test("a client without a certificate is turned away where the server asks for one", async () => {
  await assert.rejects(call({ mutual: true }, { tls: { ca: ca!, serverName } }), { code: status.UNAVAILABLE });
});

test("a certificate without its key is a mistake that is named", () => {
  assert.throws(() => new Client("localhost:1", { tls: { cert: cert! } }), /tls has cert alone/);
});
