import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { fromProtoJson, goJson, protoJson } from "./json.js";
import { FlowSchema, Verdict } from "./proto/flow_pb.js";
import { GetFlowsResponseSchema, ServerStatusResponseSchema } from "./proto/observer_pb.js";

const LINE =
  '{"flow":{"time":"2025-07-29T03:24:11.007Z","uuid":"u","verdict":"DROPPED","drop_reason":155,"IP":{"source":"10.0.0.1",' +
  '"source_xlated":"10.0.0.9","destination":"10.0.0.2","ipVersion":"IPv4"},"l4":{"TCP":{"source_port":1,"flags":{}}},' +
  '"source":{"identity":7,"cluster_name":"c","namespace":"n"},"Type":"L3_L4","l7":{"latency_ns":"18446744073709551615"},' +
  '"is_reply":false,"cgroup_id":"9007199254740993","Summary":"a\\u003cb"},"node_name":"kind/n1","time":"2025-07-29T03:24:11.000001Z"}';

describe("protoJson", () => {
  it("writes names of the .proto in the order of declaration, zero values left out, 64-bit integers as text", () => {
    expect(protoJson(GetFlowsResponseSchema, fromProtoJson(GetFlowsResponseSchema, JSON.parse(LINE)))).toBe(LINE);
  });

  it("keeps everything through the wire", () => {
    const message = fromProtoJson(GetFlowsResponseSchema, JSON.parse(LINE));
    expect(protoJson(GetFlowsResponseSchema, fromBinary(GetFlowsResponseSchema, toBinary(GetFlowsResponseSchema, message)))).toBe(LINE);
  });

  it("writes an enum's number when it has no name", () => {
    expect(protoJson(FlowSchema, create(FlowSchema, { verdict: 99 as Verdict }))).toBe('{"verdict":99}');
  });

  it("writes wrappers bare", () => {
    expect(protoJson(ServerStatusResponseSchema, create(ServerStatusResponseSchema, { numConnectedNodes: 0 }))).toBe('{"num_connected_nodes":0}');
  });

  it("escapes as Go does", () => {
    expect(goJson("<&>\u2028\u2029\u0001é\"")).toBe('"\\u003c\\u0026\\u003e\\u2028\\u2029\\u0001é\\""');
  });
});

describe("fromProtoJson", () => {
  it("takes camel case, numbers of enums and numeric 64-bit integers", () => {
    const message = fromProtoJson(FlowSchema, { verdict: 2, nodeName: "n", cgroup_id: 5, time: "2025-07-29T05:24:11+02:00" });
    expect(protoJson(FlowSchema, message)).toBe('{"time":"2025-07-29T03:24:11Z","verdict":"DROPPED","node_name":"n","cgroup_id":"5"}');
  });

  it("refuses an unknown enum name, and an unknown field unless told", () => {
    expect(() => fromProtoJson(FlowSchema, { verdict: "PERHAPS" })).toThrow(/PERHAPS/);
    expect(() => fromProtoJson(FlowSchema, { colour: 1 })).toThrow(/colour/);
    expect(protoJson(FlowSchema, fromProtoJson(FlowSchema, { colour: 1, uuid: "u" }, true))).toBe('{"uuid":"u"}');
  });
});
