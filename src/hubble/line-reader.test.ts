import { describe, expect, it } from "vitest";
import { protoJson } from "./json.js";
import { FlowLineReader } from "./line-reader.js";
import type { ClientRelease } from "./names.js";
import { GetFlowsResponseSchema } from "./proto/observer_pb.js";

function read(lines: readonly string[], release: ClientRelease = "latest") {
  const skipped: string[] = [];
  const unknown: string[] = [];
  const reader = new FlowLineReader(release, { skipped: (reason) => skipped.push(reason), unknownField: (name) => unknown.push(name) });
  const messages = lines.map((line) => reader.read(line)).map((message) => (message === undefined ? undefined : protoJson(GetFlowsResponseSchema, message)));
  return { skipped, unknown, messages };
}

describe("FlowLineReader", () => {
  it("keeps 64-bit integers that are written as numbers", () => {
    const line = '{"flow":{"socket_cookie":18446744073709551615,"Summary":"a: 12345678901234567890, b"}}';
    expect(read([line]).messages).toEqual(['{"flow":{"socket_cookie":"18446744073709551615","Summary":"a: 12345678901234567890, b"}}']);
    expect(read(['{"flow":{"socket_cookie":18446744073709551616}}']).skipped).toHaveLength(1);
  });

  it("takes camel case, enum numbers and any time zone", () => {
    expect(read(['{"flow":{"nodeName":"n","verdict":1},"time":"2025-07-29T05:24:11+02:00"}']).messages).toEqual([
      '{"flow":{"verdict":"FORWARDED","node_name":"n"},"time":"2025-07-29T03:24:11Z"}',
    ]);
  });

  it("wraps bare flows, which the recorded client takes for wrappers", () => {
    const flow = '{"time":"2025-07-29T03:24:11Z","uuid":"u","node_name":"n"}';
    expect(read([flow]).messages).toEqual(['{"flow":{"time":"2025-07-29T03:24:11Z","uuid":"u","node_name":"n"},"node_name":"n","time":"2025-07-29T03:24:11Z"}']);
    expect(read([flow], "0.12.3")).toEqual({ skipped: [], unknown: ["uuid"], messages: ['{"node_name":"n","time":"2025-07-29T03:24:11Z"}'] });
  });

  it("names an unknown field once and tolerates it", () => {
    const { unknown, skipped, messages } = read(['{"flow":{"colour":1,"uuid":"a"}}', '{"flow":{"uuid":"b","colour":1,"shape":{}}}']);
    expect(unknown).toEqual(["colour", "shape"]);
    expect(skipped).toEqual([]);
    expect(messages).toEqual(['{"flow":{"uuid":"a"}}', '{"flow":{"uuid":"b"}}']);
  });

  it("skips lines that it can't read, also those with unknown names beside unknown fields", () => {
    const { skipped, messages } = read([
      '{"flow":{"verdict":"PERHAPS"}}',
      '{"flow":{"verdict":"PERHAPS","colour":1}}',
      '{"flow":{"uuid":"a"',
      "",
      "[]",
      "1",
      '{"flow":{}}{"flow":{}}',
      '{"flow":{"drop_reason":-1}}',
      '{"flow":{"uuid":"\\ud800"}}',
    ]);
    expect(messages.every((message) => message === undefined)).toBe(true);
    expect(skipped).toHaveLength(9);
    expect(skipped[0]).toBe('field verdict: unknown name "PERHAPS"');
  });

  it("agent events of an exporter are no flows, and nothing is wrong with them", () => {
    expect(read(['{"agent_event":{"type":"AGENT_STARTED"},"node_name":"n"}'])).toEqual({ skipped: [], unknown: [], messages: ['{"node_name":"n"}'] });
  });

  it("as the recorded client leaves newer fields out and skips newer names", () => {
    const { unknown, skipped, messages } = read(
      ['{"flow":{"uuid":"a","trace_reason":"NEW","IP":{"source":"1.1.1.1","source_xlated":"2.2.2.2"}}}', '{"flow":{"drop_reason_desc":"DROP_RATE_LIMITED"}}'],
      "0.12.3",
    );
    expect(unknown).toEqual(["trace_reason", "source_xlated"]);
    expect(skipped).toEqual(['field drop_reason_desc: unknown name "DROP_RATE_LIMITED"']);
    expect(messages).toEqual(['{"flow":{"uuid":"a","IP":{"source":"1.1.1.1"}}}', undefined]);
  });
});
