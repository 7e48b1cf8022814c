/** A server of endcap.v1 in the test's own process, on a free port of loopback. */

import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { type DescService, type Message, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { Client, type ClientOptions } from "@endcap/client";
import { AdminService, RankingService } from "@endcap/client/v1";

export interface Running extends AsyncDisposable {
  address: string;
}

/** Serve the methods given, by their names in TypeScript, at a free port or that one; the others answer UNIMPLEMENTED. */
export async function serve(
  methods: UntypedServiceImplementation,
  credentials: ServerCredentials = ServerCredentials.createInsecure(),
  wanted = 0,
): Promise<Running> {
  const server = new Server();
  for (const service of [RankingService, AdminService]) server.addService(definition(service), methods);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${wanted}`, credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
  return {
    address: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
    },
  };
}

/** A port where the first connection is taken and broken off, as by a process that is killed; then nobody listens. */
export async function dying(): Promise<{ port: number; gone: Promise<unknown> }> {
  const server = createServer((socket) => {
    socket.resetAndDestroy();
    server.close();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, gone: once(server, "close") };
}

/** A client that is closed at the end of its block. */
export function connect(address: string, options: ClientOptions = {}): Client & Disposable {
  const client = new Client(address, options);
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

function definition(service: DescService): ServiceDefinition {
  return Object.fromEntries(
    service.methods.map((method): [string, MethodDefinition<Message, Message>] => [
      method.localName,
      {
        path: `/${service.typeName}/${method.name}`,
        requestStream: method.methodKind === "bidi_streaming",
        responseStream: method.methodKind === "bidi_streaming",
        requestSerialize: (message) => Buffer.from(toBinary(method.input, message)),
        requestDeserialize: (bytes) => fromBinary(method.input, bytes),
        // Handlers answer with plain objects, as callers ask with them.
        responseSerialize: (message) => Buffer.from(toBinary(method.output, create(method.output, message))),
        responseDeserialize: (bytes) => fromBinary(method.output, bytes),
      },
    ]),
  );
}
