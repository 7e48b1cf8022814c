import assert from "node:assert/strict";
import { test } from "node:test";
import { type DescMessage, type MessageInitShape, create, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { Metadata, type sendUnaryData } from "@grpc/grpc-js";
import { EndcapError, status } from "@endcap/client";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../src/gen/google/rpc/status_pb.js";
import { connect, serve } from "./server.js";

const CODE = status.INVALID_ARGUMENT;

/** What a call throws when the server's status has these bytes as its details. */
async function thrown(details: Uint8Array | undefined): Promise<EndcapError> {
  const metadata = new Metadata();
  if (details !== undefined) metadata.set("grpc-status-details-bin", Buffer.from(details));
  const rank = (_: unknown, respond: sendUnaryData<unknown>) => respond({ code: CODE, details: "it is 999", metadata });
  await using server = await serve({ rank });
  using client = connect(server.address);
  return await client.rank({}).then(
    () => assert.fail("it answered"),
    (error: EndcapError) => error,
  );
}

function packed<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any {
  return anyPack(schema, create(schema, init));
}

test("an error carries all that the server says", async () => {
  const details = [
    packed(ErrorInfoSchema, { reason: "FIELD_OUT_OF_LIMITS", domain: "endcap", metadata: { limit: "200" } }),
    packed(BadRequestSchema, { fieldViolations: [{ field: "page_size", description: "expected 0 to 200" }] }),
    packed(RetryInfoSchema, { retryDelay: { seconds: 1n, nanos: 500_000_000 } }),
  ];
  const error = await thrown(toBinary(StatusSchema, create(StatusSchema, { code: CODE, details })));
  assert.ok(error instanceof EndcapError);
  assert.deepEqual(
    [error.code, error.message, error.reason, error.domain, error.metadata, error.fields, error.retryDelayMs],
    [CODE, "it is 999", "FIELD_OUT_OF_LIMITS", "endcap", { limit: "200" }, { page_size: "expected 0 to 200" }, 1500],
  );
  assert.equal(
    error.toString(),
    "INVALID_ARGUMENT (FIELD_OUT_OF_LIMITS): it is 999\n  page_size: expected 0 to 200",
  );
});

test("an error of a server that says nothing more has empty details", async () => {
  const error = await thrown(undefined);
  assert.deepEqual([error.reason, error.domain, error.metadata, error.fields], ["", "", {}, {}]);
  assert.equal(error.retryDelayMs, undefined);
});

test("details that cannot be read count as none", async () => {
  const error = await thrown(Buffer.from("no message"));
  assert.deepEqual([error.code, error.message, error.reason], [CODE, "it is 999", ""]);
});
