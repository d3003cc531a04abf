import { fromJson, toJson, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { FlowSchema } from "../proto/flow_pb.js";
import { FieldMaskError, fieldMask } from "./field-mask.js";

const FLOW: JsonObject = {
  time: "2025-07-29T03:24:25.572Z",
  verdict: "FORWARDED",
  IP: { source: "10.0.0.1", destination: "10.0.0.2", ipVersion: "IPv4" },
  l4: { TCP: { source_port: 1, destination_port: 2, flags: { SYN: true } } },
  source: { ID: 7, namespace: "shop", labels: ["k8s:app=web"], pod_name: "web-1" },
  is_reply: false,
  Summary: "TCP Flags: SYN",
};

function masked(...paths: readonly string[]): unknown {
  const flow = fromJson(FlowSchema, structuredClone<JsonValue>(FLOW));
  fieldMask(paths).apply(flow);
  return toJson(FlowSchema, flow, { useProtoFieldName: true });
}

describe("a field mask", () => {
  it("keeps what it names", () => {
    expect(masked("verdict", "source.pod_name", "Summary")).toEqual({ verdict: "FORWARDED", source: { pod_name: "web-1" }, Summary: "TCP Flags: SYN" });
    expect(masked("l4.TCP.flags", "is_reply")).toEqual({ l4: { TCP: { flags: { SYN: true } } }, is_reply: false });
  });

  it("keeps a field whole that it names, whatever else it says of it", () => {
    expect(masked("source.pod_name", "source", "source.namespace")).toEqual({ source: FLOW["source"] });
  });

  it("leaves out what is not there", () => {
    expect(masked("destination.pod_name", "l7.http")).toEqual({});
  });

  it.each(["", "nothing", "source.nothing", "verdict.x", "source.labels.x", "podName", "source."])("refuses %j", (path) => {
    expect(() => fieldMask([path])).toThrow(FieldMaskError);
  });
});
