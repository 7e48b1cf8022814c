/** Throw-away certificates, made by openssl: an authority, and a server and a client that it vouches for. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificates extends Disposable {
  /** Where a file of that name is: ca.pem, server.pem, server.key, client.pem, client.key. */
  path(name: string): string;
}

export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), "endcap-certificates-"));
  const openssl = (...words: string[]) => execFileSync("openssl", words, { cwd: folder, stdio: "pipe" });
  const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
  openssl(...request, "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem");
  for (const [name, addition] of [
    ["server", "subjectAltName=DNS:localhost"],
    ["client", "extendedKeyUsage=clientAuth"],
  ]) {
    const issuer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"];
    const files = ["-keyout", `${name}.key`, "-out", `${name}.pem`];
    openssl(...request, "-subj", `/CN=${name}`, ...issuer, "-addext", addition!, ...files);
  }
  return {
    path: (name) => join(folder, name),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}
