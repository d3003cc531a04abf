/** What flows of the proxies say, as the client's own files have it. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { layer7Json, layer7Summary, NO_TTL_S, type Layer7 } from "./layer7.js";

/** Flows as the client's own encoder wrote them. */
const recorded = (
  JSON.parse(gunzipSync(readFileSync(new URL("../../test/vectors/hubble/flow-lines.json.gz", import.meta.url))).toString("utf8")) as {
    vectors: { expect: { jsonpb?: string } }[];
  }
).vectors.flatMap(({ expect: { jsonpb } }) => (jsonpb ?? "").split("\n").filter((line) => line.startsWith('{"flow"')));

const ID = "d8a7c038-c844-420c-afe0-08429aad3b44";
const HEADERS = `,"headers":[{"key":"X-Request-Id","value":"${ID}"}]`;
const http = (code: number, method: string, url: string): Layer7["record"] => ({ kind: "http", code, method, url, requestId: ID });

const CASES: readonly Layer7[] = [
  { type: "REQUEST", latencyNs: 0, record: { kind: "dns", query: "example.com.", qtype: "A", answer: null } },
  { type: "RESPONSE", latencyNs: 1000, record: { kind: "dns", query: "nope.", qtype: "AAAA", answer: { rcode: 3, ips: [], ttlS: 0 } } },
  { type: "RESPONSE", latencyNs: 7_123_456, record: http(200, "GET", "http://b/v1/items") },
  { type: "REQUEST", latencyNs: 0, record: http(0, "PUT", "http://b/admin") },
];

describe("a flow of a proxy", () => {
  it.each(CASES)("$type $record is written as recorded", (layer7) => {
    const wanted = layer7Json(layer7).replace(HEADERS, "");
    const line = recorded.find((each) => each.includes(`"l7":${wanted}`));
    expect(line, wanted).toBeDefined();
    expect(line).toContain(`"Summary":${layer7Summary(layer7)}`);
  });

  it("shows addresses and their types, and the greatest time to live where there is none", () => {
    const found: Layer7 = { type: "RESPONSE", latencyNs: 0, record: { kind: "dns", query: "a.", qtype: "A", answer: { rcode: 0, ips: ["10.0.0.1", "10.0.0.2"], ttlS: 30 } } };
    expect(JSON.parse(layer7Json(found))).toMatchObject({ dns: { ips: ["10.0.0.1", "10.0.0.2"], ttl: 30, rrtypes: ["A", "A"] } });
    expect(JSON.parse(layer7Summary(found))).toBe('DNS Answer "10.0.0.1,10.0.0.2" TTL: 30 (Proxy a. A)');
    const none: Layer7 = { ...found, record: { kind: "dns", query: "a.", qtype: "AAAA", answer: { rcode: 0, ips: [], ttlS: NO_TTL_S } } };
    expect(JSON.parse(layer7Summary(none))).toBe("DNS Answer  TTL: 4294967295 (Proxy a. AAAA)");
  });
});
