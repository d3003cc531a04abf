import { equals, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { messageJson } from "../../test/support/messages.js";
import { fromCanonicalJson } from "./canonical-json.js";
import { fromProtoJson, protoJson } from "./json.js";
import { GetFlowsRequestSchema, GetFlowsResponseSchema, ServerStatusResponseSchema } from "./proto/observer_pb.js";

describe.each([GetFlowsResponseSchema, GetFlowsRequestSchema, ServerStatusResponseSchema])("%s", (schema) => {
  it("JSON and wire keep every message", () => {
    fc.assert(
      fc.property(messageJson(schema), (json) => {
        const message = fromProtoJson(schema, json);
        const text = protoJson(schema, message);
        expect(protoJson(schema, fromBinary(schema, toBinary(schema, message)))).toBe(text);
        expect(protoJson(schema, fromProtoJson(schema, JSON.parse(text)))).toBe(text);
      }),
    );
  });
});

describe("fromCanonicalJson", () => {
  it("reads what the library reads", () => {
    let read = 0;
    fc.assert(
      fc.property(messageJson(GetFlowsResponseSchema), (json) => {
        const ours = fromCanonicalJson(GetFlowsResponseSchema, json);
        if (ours === undefined) return;
        read++;
        const theirs = fromProtoJson(GetFlowsResponseSchema, json);
        expect(equals(GetFlowsResponseSchema, ours, theirs)).toBe(true);
        expect(toBinary(GetFlowsResponseSchema, ours)).toEqual(toBinary(GetFlowsResponseSchema, theirs));
        expect(ours).toEqual(theirs);
      }),
    );
    expect(read).toBeGreaterThan(5);
  });

  it.each([
    { flow: { verdict: 2 } },
    { flow: { verdict: "PERHAPS" } },
    { flow: { nodeName: "n" } },
    { flow: { colour: 1 } },
    { flow: { uuid: 1 } },
    { flow: { uuid: null } },
    { flow: { drop_reason: 1.5 } },
    { flow: { drop_reason: -1 } },
    { flow: { cgroup_id: 5 } },
    { flow: { time: "2025-07-29T05:24:11+02:00" } },
    { flow: { time: "2025-13-29T05:24:11Z" } },
    { flow: { source_names: "n" } },
    { flow: { l4: { TCP: {}, UDP: {} } } },
    { flow: [] },
    { flow: {}, node_status: {} },
  ])("leaves %j to the library", (json) => {
    expect(fromCanonicalJson(GetFlowsResponseSchema, json as never)).toBeUndefined();
  });

  it("gives each message lists of its own", () => {
    const [first, second] = [fromCanonicalJson(GetFlowsResponseSchema, { flow: {} }), fromCanonicalJson(GetFlowsResponseSchema, { flow: {} })];
    if (first?.responseTypes.case !== "flow" || second?.responseTypes.case !== "flow") throw new Error("no flows");
    first.responseTypes.value.sourceNames.push("n");
    expect(second.responseTypes.value.sourceNames).toEqual([]);
  });
});
