import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseObserve } from "./command-line.js";
import { flowFilters } from "./filter.js";
import { FilterError } from "./flow-test.js";
import { FlowLineReader } from "./line-reader.js";
import type { Flow } from "./proto/flow_pb.js";

const reader = new FlowLineReader("latest", {
  skipped: (reason) => {
    throw new Error(reason);
  },
  unknownField: () => undefined,
});
const CORPUS: readonly (Flow | undefined)[] = [
  ...gunzipSync(readFileSync(new URL("../../test/vectors/hubble/filter-corpus.ndjson.gz", import.meta.url)))
    .toString("utf8")
    .trim()
    .split("\n")
    .map((line) => reader.read(line)!.responseTypes.value as Flow),
  undefined,
];

const context = { release: "latest", now: { seconds: 0n, nanos: 0 }, legacyJson: false } as const;

/** Which flows of the corpus pass. */
function selected(...args: string[]): boolean[] {
  const { request } = parseObserve(args, context);
  const passes = flowFilters(request.whitelist, request.blacklist);
  return CORPUS.map((flow) => passes(flow));
}

/** Directed filter flags with values that select some of the corpus. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  verdict: ["DROPPED", "FORWARDED", "AUDIT", "ERROR"],
  type: ["trace", "drop", "l7", "trace:to-stack", "1:133", "policy-verdict", "trace-sock"],
  protocol: ["tcp", "UDP", "icmp", "dns", "http", "kafka", "sctp"],
  "tcp-flags": ["syn", "syn,ack", "fin", "ns"],
  "to-port": ["53", "80", "8080"],
  "from-pod": ["kube-system/a", "default/", "lonely"],
  "to-label": ["app=b", "k8s:app", "!app", "app notin (b)"],
  "to-identity": ["31337", "world", "host"],
  "to-service": ["default/kubernetes", "kube-system/"],
  "node-name": ["node-1", "kind/", "*/node-*"],
  "ip-version": ["v4", "v6", "none"],
  "traffic-direction": ["ingress", "egress"],
};
const flagValue = fc.constantFrom(...Object.keys(VALUES)).chain((flag) => fc.tuple(fc.constant(flag), fc.constantFrom(...VALUES[flag]!)));

describe("filters", () => {
  it("a flag that is repeated selects what any of its values selects", () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(VALUES)), fc.nat(), fc.nat(), (flag, i, j) => {
        const [one, other] = [VALUES[flag]![i % VALUES[flag]!.length]!, VALUES[flag]![j % VALUES[flag]!.length]!];
        const [a, b] = [selected(`--${flag}`, one), selected(`--${flag}`, other)];
        expect(selected(`--${flag}`, one, `--${flag}`, other)).toEqual(a.map((passes, index) => passes || b[index]!));
      }),
    );
  });

  it("different flags select what each of them selects", () => {
    fc.assert(
      fc.property(flagValue, flagValue, ([flag, one], [other, two]) => {
        fc.pre(flag !== other);
        const [a, b] = [selected(`--${flag}`, one), selected(`--${other}`, two)];
        expect(selected(`--${flag}`, one, `--${other}`, two)).toEqual(a.map((passes, index) => passes && b[index]!));
      }),
    );
  });

  it("--not selects all others", () => {
    fc.assert(
      fc.property(flagValue, flagValue, ([flag, one], [other, two]) => {
        const without = selected(`--${flag}`, one);
        expect(selected("--not", `--${flag}`, one)).toEqual(without.map((passes) => !passes));
        const both = selected(`--${other}`, two).map((passes, index) => passes && !without[index]!);
        expect(selected("--not", `--${flag}`, one, `--${other}`, two)).toEqual(both);
      }),
    );
  });

  it("an undirected flag selects what either direction selects", () => {
    for (const flag of ["port", "identity", "service", "label", "workload", "ip", "pod", "namespace", "fqdn"]) {
      const value = { port: "53", identity: "4711", service: "default/", label: "app=a", workload: "wl", ip: "10.244.0.0/16", pod: "kube-system/", namespace: "default", fqdn: "*com" }[flag]!;
      const [from, to] = [selected(`--from-${flag}`, value), selected(`--to-${flag}`, value)];
      expect(selected(`--${flag}`, value), flag).toEqual(from.map((passes, index) => passes || to[index]!));
      expect(from.some(Boolean) || to.some(Boolean), flag).toBe(true);
    }
  });

  it("a response without a flow passes an empty filter only, and what asks for nothing to be there", () => {
    const last = (...args: string[]): boolean => selected(...args).at(-1)!;
    expect([last(), last("--allowlist", "{}"), last("--to-label", "!app"), last("--trace-id", "")]).toEqual([true, true, true, true]);
    expect([last("--verdict", "FORWARDED"), last("--ip-version", "none"), last("--type", "0"), last("--uuid", ""), last("--port", "0")]).toEqual(
      new Array<boolean>(5).fill(false),
    );
  });

  it.each([
    ["--ip", "1.2.3"],
    ["--ip", "1.2.3.4/33"],
    ["--port", "65536"],
    ["--port", "http"],
    ["--protocol", "gre"],
    ["--pod", ""],
    ["--service", "/"],
    ["--fqdn", ".."],
    ["--fqdn", "a b"],
    ["--node-name", "a/b/c"],
    ["--node-name", ""],
    ["--label", "app in"],
    ["--http-status", "600"],
    ["--http-status", "4xx"],
    ["--http-path", "("],
    ["--http-path", "(?=x)"],
    ["--allowlist", '{"http_method":["GET"],"event_type":[{"type":4}]}'],
    ["--allowlist", '{"experimental":{"cel_expression":["true"]}}'],
  ])("%s %s can't be used", (flag, value) => {
    expect(() => selected(flag, value)).toThrow(FilterError);
  });
});
