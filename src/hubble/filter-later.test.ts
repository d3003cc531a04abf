/** Fields of filters that came with Cilium 1.16 to 1.19: labels of nodes, names of clusters, interfaces, trace identifiers of packets. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { parseObserve } from "./command-line.js";
import { flowFilters } from "./filter.js";
import { FlowFilterSchema, FlowSchema } from "./proto/flow_pb.js";
import { instantFromNs } from "./times.js";

type Filter = MessageInitShape<typeof FlowFilterSchema>;

const flow = create(FlowSchema, {
  nodeLabels: ["kubernetes.io/hostname=node-0", "kubernetes.io/os=linux"],
  source: { clusterName: "east" },
  destination: { clusterName: "west" },
  interface: { index: 10, name: "lxc0" },
  ipTraceId: { traceId: 77n },
});
const select = (filter: Filter): ReturnType<typeof flowFilters> => flowFilters([create(FlowFilterSchema, filter)], []);
const passes = (filter: Filter): boolean => select(filter)(flow);

describe("a filter of later releases", () => {
  it.each<[string, Filter, boolean]>([
    ["a label of the node", { nodeLabels: ["kubernetes.io/os=linux"] }, true],
    ["either of two labels", { nodeLabels: ["kubernetes.io/os=plan9", "kubernetes.io/hostname in (node-0, node-1)"] }, true],
    ["another node's label", { nodeLabels: ["kubernetes.io/hostname=node-1"] }, false],
    ["the source's cluster", { sourceClusterName: ["north", "east"] }, true],
    ["the destination's", { destinationClusterName: ["east"] }, false],
    ["an interface by name", { interface: [{ name: "lxc0" }] }, true],
    ["by index", { interface: [{ index: 10 }] }, true],
    ["by both, of which one is wrong", { interface: [{ index: 11, name: "lxc0" }] }, false],
    ["a packet's trace", { ipTraceId: [1n, 77n] }, true],
    ["another one's", { ipTraceId: [1n] }, false],
  ])("%s", (_name, filter, expected) => {
    expect(passes(filter)).toBe(expected);
  });

  it("passes nothing that has no flow, and takes no nonsense", () => {
    const filters: readonly Filter[] = [{ nodeLabels: ["a=b"] }, { sourceClusterName: ["east"] }, { interface: [{ name: "lxc0" }] }];
    for (const filter of filters) expect(select(filter)(undefined)).toBe(false);
    expect(() => passes({ nodeLabels: ["a in ("] })).toThrow(/invalid node label filter/);
    expect(() => passes({ destinationClusterName: [""] })).toThrow(/must not be empty/);
    expect(() => passes({ experimental: { celExpression: ["true"] } })).toThrow(/experimental is not supported/);
  });
});

describe("flags of later clients", () => {
  const parse = (release: "0.12.3" | "latest", ...args: readonly string[]) => parseObserve([...args, "-"], { release, now: instantFromNs(0n), legacyJson: false }).request;

  it("make filters, undirected ones of each end", () => {
    const { whitelist, blacklist } = parse("latest", "--cluster", "east", "--node-label=kubernetes.io/os=linux", "--not", "--interface", "lxc0");
    expect(whitelist.map(({ sourceClusterName, destinationClusterName, nodeLabels }) => [sourceClusterName, destinationClusterName, nodeLabels])).toEqual([
      [["east"], [], ["kubernetes.io/os=linux"]],
      [[], ["east"], ["kubernetes.io/os=linux"]],
    ]);
    expect(blacklist).toMatchObject([{ interface: [{ name: "lxc0", index: 0 }] }]);
    const [all] = parse("latest", "--to-cluster", "west", "--encrypted", "--snat-ip", "10.0.0.1", "--drop-reason-desc", "POLICY_DENIED", "--http-header", "a:b:c").whitelist;
    expect(all).toMatchObject({
      destinationClusterName: ["west"], encrypted: [true], sourceIpXlated: ["10.0.0.1"], dropReasonDesc: [133], httpHeader: [{ key: "a", value: "b:c" }],
    });
  });

  it("refuse what these refuse, and are unknown to the recorded one", () => {
    expect(() => parse("latest", "--drop-reason-desc", "NOTHING")).toThrow(/invalid --drop-reason-desc value: NOTHING/);
    expect(() => parse("latest", "--http-header", "a")).toThrow(/expected name:value/);
    expect(() => parse("latest", "--encrypted", "--unencrypted")).toThrow(/cannot be combined/);
    for (const flag of ["--cluster", "--node-label", "--http-url"]) expect(() => parse("0.12.3", flag, "a")).toThrow(`unknown flag: ${flag}`);
  });
});
