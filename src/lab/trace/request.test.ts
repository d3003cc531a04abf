import { describe, expect, it } from "vitest";
import { ipv4 } from "../../cilium/maps/address.js";
import { InputError } from "../../scenario/diagnostics.js";
import { parseTraceRequest, tupleText } from "./request.js";

const WORKLOADS = ["spies", "job:nightly"];

describe("what --trace takes", () => {
  it("the n-th connection of a workload, whose name may hold colons", () => {
    expect(parseTraceRequest("spies:17", WORKLOADS)).toEqual({ kind: "nth", text: "spies:17", workload: "spies", nth: 17 });
    expect(parseTraceRequest("job:nightly:2", WORKLOADS)).toMatchObject({ workload: "job:nightly", nth: 2 });
  });

  it("a 5-tuple, of either protocol unless it says which", () => {
    const text = "10.244.1.7:41234->10.96.0.10:8080";
    const ends = { ipv6: false, source: ipv4("10.244.1.7"), sourcePort: 41234, target: ipv4("10.96.0.10"), targetPort: 8080 };
    expect(parseTraceRequest(text, WORKLOADS)).toEqual({ kind: "tuple", text, protocol: null, ...ends });
    expect(parseTraceRequest(`TCP ${text}`, [])).toMatchObject({ protocol: 6, ...ends });
    expect(parseTraceRequest("udp 10.244.1.7:41234 -> 10.96.0.10:8080", [])).toMatchObject({ protocol: 17, ...ends });
    expect(tupleText(ends.source, ends.sourcePort, ends.target, ends.targetPort)).toBe(text);
  });

  it("IPv6 ends in brackets, which stand for the same words", () => {
    const text = "[fd00::af4:107]:41234->[fd00::a60:a]:8080";
    const ends = { source: ipv4("10.244.1.7"), sourcePort: 41234, target: ipv4("10.96.0.10"), targetPort: 8080 };
    expect(parseTraceRequest(text, WORKLOADS)).toEqual({ kind: "tuple", text, protocol: null, ipv6: true, ...ends });
    expect(tupleText(ends.source, ends.sourcePort, ends.target, ends.targetPort, true)).toBe(text);
  });

  it.each([
    ["[fd01::af4:107]:1->[fd00::a60:a]:2", "is no IPv6 address of this network", "[fd00::af4:a]"],
    ["[fd00::af4:107]:1->10.96.0.10:2", "is no IPv6 address of this network", "[fd00::af4:a]"],
    ["spyes:1", 'there is no workload "spyes"', 'did you mean "spies"?'],
    ["spies", '"spies" does not say which connection', "expected spies:1, spies:2"],
    ["spies:0", "count from 1", "spies:1 or more"],
    ["17", '"17" names no connection', "WORKLOAD:N"],
    ["spies:1.5", '"spies:1.5" names no connection', "WORKLOAD:N"],
    ["10.1.2.3->10.96.0.10:80", "is no connection", "ADDRESS:PORT->ADDRESS:PORT"],
    ["sctp 10.1.2.3:5->10.96.0.10:80", "is no connection", "tcp|udp"],
    ["10.1.2.3:5->10.96.0.10:65536", "65536 is no port", "0 to 65535"],
    ["10.1.2.300:5->10.96.0.10:80", '"10.1.2.300" is no IPv4 address', "10.244.0.10"],
    ["fd00::1:5->10.96.0.10:80", '"fd00::1" is no IPv4 address', "10.244.0.10"],
  ])("nothing else: %s", (text, message, hint) => {
    const read = (): unknown => parseTraceRequest(text, WORKLOADS);
    expect(read).toThrow(InputError);
    expect(read).toThrow(message);
    expect(read).toThrow(hint);
  });
});
