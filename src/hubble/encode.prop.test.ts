import { fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { messageJson } from "../../test/support/messages.js";
import { encode } from "./encode.js";
import { fromProtoJson, protoJson } from "./json.js";
import { GetFlowsRequestSchema, GetFlowsResponseSchema, GetNodesResponseSchema, ServerStatusResponseSchema } from "./proto/observer_pb.js";

describe.each([GetFlowsResponseSchema, GetFlowsRequestSchema, ServerStatusResponseSchema, GetNodesResponseSchema])("%s", (schema) => {
  it("is written as the library writes it", () => {
    fc.assert(
      fc.property(messageJson(schema), (json) => {
        const message = fromProtoJson(schema, json);
        const bytes = encode(schema, message);
        expect(protoJson(schema, fromBinary(schema, bytes))).toBe(protoJson(schema, message));
        expect(bytes.length).toBe(toBinary(schema, message).length);
      }),
    );
  });
});

describe("a length", () => {
  it.each([0, 1, 127, 128, 129, 16_383, 16_384, 70_000])("of %i bytes is read back", (length) => {
    const json = { flow: { Summary: "ü".repeat(Math.floor(length / 2)) + "x".repeat(length % 2), l4: { TCP: { flags: {} } } } };
    const message = fromProtoJson(GetFlowsResponseSchema, json);
    expect(fromBinary(GetFlowsResponseSchema, encode(GetFlowsResponseSchema, message))).toEqual(message);
  });
});
