/** Map operations of every path in section 11 of the datapath reference: what each packet costs, counted in the programs. */

import { describe, expect, it } from "vitest";
import { MARK_HOST } from "../src/cilium/datapath/packet.js";
import { ipv4 } from "../src/cilium/maps/address.js";
import { LB_SCOPE_INTERNAL, SVC_FLAG_TWO_SCOPES } from "../src/cilium/maps/service-maps.js";
import { DatapathNode, NODE, OTHER_NODE } from "./support/datapath-node.js";
import type { NodeOptions } from "./support/datapath-node.js";

const A = "10.1.0.11";
const B = "10.1.0.12";
const D = "10.1.1.21";
const WORLD = "198.51.100.7";
const SYN_ACK = 0x12;
const ACK = 0x10;
const VIP = "10.96.0.10";
const NODEPORT = 66;
const NAT_PORT = 40000;

/** Columns of the table; what is not named is zero. */
interface Counts {
  /** Conntrack stages of bpf_lxc: each updates and looks up a scratch array once. */
  stages?: number;
  /** Per-CPU metrics: one lookup for each from- and to-event but from-endpoint and proxy's, one for each local delivery. */
  metrics?: number;
  svc?: number;
  ctL?: number;
  ctU?: number;
  be?: number;
  rn?: number;
  ipc?: number;
  pol?: number;
  lxc?: number;
  natL?: number;
  natU?: number;
  neighL?: number;
  neighU?: number;
  fib?: number;
  affinityL?: number;
  affinityU?: number;
  matchL?: number;
  outer?: number;
  inner?: number;
  skL?: number;
  skU?: number;
  srcRange?: number;
  ipMasq?: number;
}

const COLUMNS: Readonly<Record<keyof Counts, string>> = {
  svc: "services.lookup",
  ctL: "ct.lookup",
  ctU: "ct.update",
  be: "backends.lookup",
  rn: "reverse_nat.lookup",
  ipc: "ipcache.lookup",
  pol: "policy.lookup",
  lxc: "endpoints.lookup",
  natL: "snat.lookup",
  natU: "snat.update",
  neighL: "neigh.lookup",
  neighU: "neigh.update",
  fib: "fib",
  affinityL: "affinity.lookup",
  affinityU: "affinity.update",
  matchL: "affinity_match.lookup",
  outer: "maglev_outer.lookup",
  inner: "maglev_inner.lookup",
  skL: "reverse_sk.lookup",
  skU: "reverse_sk.update",
  stages: "scratch.lookup",
  metrics: "metrics.lookup",
  srcRange: "source_range.lookup",
  ipMasq: "ipmasq.lookup",
};

/**
 * What is counted and has no column: no operation of a map (FIB lookups have one), and what follows from others: scratch
 * updates go with the lookups, and the first packet that a metric counts makes its element. Recorded runs hold both.
 */
const NO_COLUMN = /^(run|event)\.|^(tail_call|signal|random|hash|crypto|scratch\.update|metrics\.update)$/;

/** All map operations of the last packet, by column; one that no column stands for keeps its own name. */
function counts(node: DatapathNode): Readonly<Record<string, number>> {
  const { operations } = node;
  expect(operations["scratch.update"]).toBe(operations["scratch.lookup"]);
  const columns = new Map<string, string>(Object.entries(COLUMNS).map(([column, name]) => [name, column]));
  const shown = Object.entries(operations).filter(([name, count]) => count !== 0 && !NO_COLUMN.test(name));
  return Object.fromEntries(shown.map(([name, count]) => [columns.get(name) ?? name, count]));
}

function build(options: NodeOptions = {}): DatapathNode {
  const node = new DatapathNode({ maps: { ipv6: false }, ...options });
  node.pod(101, 1001, A);
  node.pod(102, 1002, B);
  node.identity(D, 2001, 32, OTHER_NODE);
  return node;
}

/** The reference build has no load balancing in the pod program. */
const SOCKET_LB = { socketLb: true, perPacketLb: false } as const;

describe("section 11: map operations per packet", () => {
  it("P1, whole node", () => {
    const node = build({ loadBalancer: SOCKET_LB });
    const flow = { src: A, dst: B, sport: 40000, dport: 80 };
    expect(node.fromPod(101, flow)).toMatch(/^deliver 102/);
    expect(counts(node)).toEqual({ ctL: 4, ctU: 4, ipc: 1, pol: 4, lxc: 1, stages: 2, metrics: 2 });
    node.fromPod(101, { ...flow, flags: ACK });
    expect(counts(node)).toEqual({ ctL: 4, ipc: 1, pol: 4, lxc: 1, stages: 2, metrics: 2 });
    expect(node.fromPod(102, { src: B, dst: A, sport: 80, dport: 40000, flags: ACK })).toMatch(/^deliver 101/);
    expect(counts(node)).toEqual({ ctL: 2, ipc: 1, lxc: 1, stages: 2, metrics: 2 });
  });

  it.each([
    [false, { ctL: 3, lxc: 2 }],
    [true, { ctL: 4, lxc: 3 }],
  ])("P2 sender, BPF masquerade %s", (bpfMasquerade4, own) => {
    const node = build({ loadBalancer: SOCKET_LB, config: { bpfMasquerade4 } });
    const flow = { src: A, dst: D, sport: 40000, dport: 80 };
    expect(node.fromPod(101, flow)).toMatch(/^wire/);
    expect(counts(node)).toEqual({ ...own, ctU: 2, ipc: 1, pol: 2, fib: 1, stages: 1, metrics: 2 });
    node.fromPod(101, { ...flow, flags: ACK });
    expect(counts(node)).toEqual({ ...own, ipc: 1, pol: 2, fib: 1, stages: 1, metrics: 2 });
  });

  it("P2 receiver, and the server's reply under masquerade", () => {
    const node = build({ loadBalancer: SOCKET_LB });
    const flow = { src: D, dst: A, sport: 45000, dport: 80 };
    expect(node.fromNetwork(flow)).toMatch(/^deliver 101/);
    expect(counts(node)).toEqual({ svc: 2, ctL: 2, ctU: 2, ipc: 1, pol: 2, lxc: 1, stages: 1, metrics: 3 });
    node.fromNetwork({ ...flow, flags: ACK });
    expect(counts(node)).toEqual({ svc: 2, ctL: 2, ipc: 1, pol: 2, lxc: 1, stages: 1, metrics: 3 });
    expect(node.fromPod(101, { src: A, dst: D, sport: 80, dport: 45000, flags: SYN_ACK })).toMatch(/^wire/);
    expect(counts(node)).toEqual({ ctL: 3, ipc: 1, lxc: 3, fib: 1, stages: 1, metrics: 2 });
  });

  it("P2 reply at the client, port in the NAT range", () => {
    const node = build({ loadBalancer: SOCKET_LB });
    node.fromPod(101, { src: A, dst: D, sport: 40000, dport: 80 });
    expect(node.fromNetwork({ src: D, dst: A, sport: 80, dport: 40000, flags: SYN_ACK })).toMatch(/^deliver 101/);
    expect(counts(node)).toEqual({ svc: 2, ctL: 1, ipc: 1, lxc: 1, natL: 1, stages: 1, metrics: 3 });
  });

  it("P3 sender and receiver", () => {
    const node = build({ loadBalancer: SOCKET_LB, config: { tunnel: true } });
    const flow = { src: A, dst: D, sport: 40000, dport: 80 };
    expect(node.fromPod(101, flow)).toMatch(/^tunnel 1001/);
    expect(counts(node)).toEqual({ ctL: 3, ctU: 2, ipc: 1, pol: 2, lxc: 1, stages: 1, metrics: 2 });
    node.fromPod(101, { ...flow, flags: ACK });
    expect(counts(node)).toEqual({ ctL: 3, ipc: 1, pol: 2, lxc: 1, stages: 1, metrics: 2 });
    // The row includes the outer packet at from-netdev.
    const outer = counts((node.fromNetwork({ src: OTHER_NODE, dst: NODE, sport: 5555, dport: 8472, protocol: 17 }), node));
    expect(outer).toEqual({ svc: 2, ipc: 1, lxc: 1, metrics: 1 });
    const packet = node.fill({ src: D, dst: A, sport: 45000, dport: 80 });
    packet.tunnelKey = 2001;
    node.datapath.ops.fill(0);
    expect(node.outcome(node.datapath.fromOverlay(packet))).toMatch(/^deliver 101/);
    expect(counts(node)).toEqual({ svc: 2, ctL: 2, ctU: 2, ipc: 1, pol: 2, lxc: 1, stages: 1, metrics: 3 });
    const later = node.fill({ src: D, dst: A, sport: 45000, dport: 80, flags: ACK });
    later.tunnelKey = 2001;
    node.datapath.ops.fill(0);
    node.datapath.fromOverlay(later);
    expect(counts(node)).toEqual({ svc: 2, ctL: 2, ipc: 1, pol: 2, lxc: 1, stages: 1, metrics: 3 });
  });

  it("P4 on one node", () => {
    const node = build();
    node.backend(10, B, 8080);
    node.service(VIP, 80, 7, [10]);
    const flow = { src: A, dst: VIP, sport: 47000, dport: 80 };
    expect(node.fromPod(101, flow)).toMatch(/^deliver 102/);
    expect(counts(node)).toEqual({ svc: 2, ctL: 4, ctU: 5, be: 1, ipc: 1, pol: 4, lxc: 1, stages: 2, metrics: 2 });
    node.fromPod(101, { ...flow, flags: ACK });
    expect(counts(node)).toEqual({ svc: 1, ctL: 4, be: 1, ipc: 1, pol: 4, lxc: 1, stages: 2, metrics: 2 });
    node.fromPod(102, { src: B, dst: A, sport: 8080, dport: 47000, flags: SYN_ACK });
    expect(counts(node)).toEqual({ svc: 2, ctL: 2, rn: 1, ipc: 1, lxc: 1, stages: 2, metrics: 2 });
  });

  it("P4 additions: affinity, and a destination that is no service", () => {
    const node = build();
    node.backend(10, B, 8080);
    node.service(VIP, 80, 7, [10], { affinitySeconds: 30 });
    node.fromPod(101, { src: A, dst: VIP, sport: 47000, dport: 80 });
    expect(counts(node)).toEqual({ svc: 2, affinityL: 1, affinityU: 1, be: 1, ctL: 4, ctU: 5, ipc: 1, pol: 4, lxc: 1, stages: 2, metrics: 2 });
    node.fromPod(101, { src: A, dst: VIP, sport: 47001, dport: 80 });
    expect(counts(node)).toEqual({ svc: 1, affinityL: 1, matchL: 1, affinityU: 1, be: 1, ctL: 4, ctU: 5, ipc: 1, pol: 4, lxc: 1, stages: 2, metrics: 2 });
    node.fromPod(101, { src: A, dst: VIP, sport: 47001, dport: 80, flags: ACK });
    expect(counts(node)).toEqual({ svc: 1, affinityU: 1, be: 1, ctL: 4, ipc: 1, pol: 4, lxc: 1, stages: 2, metrics: 2 });
    node.fromPod(101, { src: A, dst: B, sport: 40000, dport: 80 });
    expect(counts(node)).toEqual({ svc: 2, ctL: 4, ctU: 4, ipc: 1, pol: 4, lxc: 1, stages: 2, metrics: 2 });
  });

  it("P4 addition: a service of two scopes", () => {
    const node = build();
    node.backend(10, B, 8080);
    node.service(VIP, 80, 7, [10], { flags2: SVC_FLAG_TWO_SCOPES });
    const { services } = node.maps.family(1);
    for (const backendSlot of [0, 1]) {
      services.setFrontend(Int32Array.of(ipv4(VIP)), 0, 80, 6);
      services.keyScope = LB_SCOPE_INTERNAL;
      services.keySlot = backendSlot;
      services.setValue(services.map.update(services.key, 0, 0, 0), 10 * backendSlot, 1 - backendSlot, 7, 0, 0, 0);
    }
    expect(node.fromPod(101, { src: A, dst: VIP, sport: 47000, dport: 80 })).toMatch(/^deliver 102/);
    expect(counts(node)).toEqual({ svc: 3, ctL: 4, ctU: 5, be: 1, ipc: 1, pol: 4, lxc: 1, stages: 2, metrics: 2 });
  });

  it("P5 connect()", () => {
    const node = build({ loadBalancer: SOCKET_LB });
    node.backend(10, B, 8080);
    node.service(VIP, 80, 7, [10]);
    const packet = node.fill({ src: A, dst: VIP, dport: 80 });
    expect(node.datapath.sockConnect(packet, { cookie: 77, netnsCookie: 1, inHostNamespace: false })).toBe(1);
    expect(counts(node)).toEqual({ svc: 2, be: 1, skL: 1, skU: 1 });
    expect(node.headers()).toBe(`${A}:0>${B}:8080`);
  });

  it("P6 out and back", () => {
    const node = build({ loadBalancer: SOCKET_LB });
    const flow = { src: A, dst: WORLD, sport: NAT_PORT, dport: 443 };
    expect(node.fromPod(101, flow)).toBe(`wire ${NODE}:${NAT_PORT}>${WORLD}:443`);
    expect(counts(node)).toEqual({ ctL: 4, ctU: 2, ipc: 2, pol: 2, lxc: 3, natL: 1, natU: 2, fib: 1, stages: 1, metrics: 2 });
    node.fromPod(101, { ...flow, flags: ACK });
    expect(counts(node)).toEqual({ ctL: 4, ipc: 2, pol: 2, lxc: 3, natL: 2, fib: 1, stages: 1, metrics: 2 });
    expect(node.fromNetwork({ src: WORLD, dst: NODE, sport: 443, dport: NAT_PORT, flags: SYN_ACK })).toMatch(/^deliver 101/);
    expect(counts(node)).toEqual({ svc: 2, ctL: 2, ipc: 1, lxc: 1, natL: 1, stages: 1, metrics: 3 });
  });

  it("P6 additions: a collision, and the ip-masq-agent", () => {
    const node = build({ loadBalancer: SOCKET_LB, config: { ipMasqAgent: true } });
    node.fromPod(101, { src: A, dst: WORLD, sport: NAT_PORT, dport: 443 });
    expect(counts(node)).toEqual({ ipMasq: 1, ctL: 4, ctU: 2, natL: 1, natU: 2, ipc: 2, pol: 2, lxc: 3, stages: 1, metrics: 2, fib: 1 });
    node.fromPod(102, { src: B, dst: WORLD, sport: NAT_PORT, dport: 443 });
    expect(counts(node)).toEqual({ natL: 1, natU: 3, ctL: 4, ctU: 2, ipc: 2, pol: 2, lxc: 3, ipMasq: 1, stages: 1, metrics: 2, fib: 1 });
  });

  it.each([
    ["TC", "fromNetdev", { ipc: 1, metrics: 2 }],
    ["XDP", "xdpEntry", {}],
  ] as const)("P7 load-balancer node, SNAT to a remote backend, %s", (_name, hook, own) => {
    const node = build({ loadBalancer: { xdp: hook === "xdpEntry" } });
    node.backend(31, D, 8080);
    node.service(NODE, 30080, 21, [31], { flags: NODEPORT });
    const send = (spec: Parameters<typeof node.fill>[0]): string => {
      const packet = node.fill(spec);
      node.datapath.ops.fill(0);
      return node.outcome(node.datapath.follow(packet, node.datapath[hook](packet)));
    };
    const flow = { src: WORLD, dst: NODE, sport: 51000, dport: 30080 };
    expect(send(flow)).toBe(`wire ${NODE}:51000>${D}:8080`);
    expect(counts(node)).toEqual({ svc: 2, ctL: 2, ctU: 2, be: 1, lxc: 1, natL: 1, natU: 2, neighL: 1, neighU: 1, fib: 1, ...own });
    send({ ...flow, flags: ACK });
    expect(counts(node)).toEqual({ svc: 1, ctL: 2, be: 1, lxc: 1, natL: 2, neighL: 1, fib: 1, ...own });
    expect(send({ src: D, dst: NODE, sport: 8080, dport: 51000, flags: SYN_ACK })).toBe(`wire ${NODE}:30080>${WORLD}:51000`);
    expect(counts(node)).toEqual({ svc: 2, ctL: 1, rn: 1, natL: 1, fib: 1, ...own });
  });

  it("P7 with Maglev, and with source ranges", () => {
    const node = build({ loadBalancer: { algorithm: "maglev", maglevTableSize: 251 }, maps: { ipv6: false, maglevTableSize: 251 } });
    node.backend(31, D, 8080);
    const sourceRanges = [{ address: [0], prefix: 0 }];
    node.service(NODE, 30080, 21, [31], { flags: NODEPORT, maglevTable: new Array<number>(251).fill(31), sourceRanges });
    expect(node.fromNetwork({ src: WORLD, dst: NODE, sport: 51000, dport: 30080 })).toMatch(/^wire/);
    const always = { srcRange: 1, ctL: 2, be: 1, ipc: 1, lxc: 1, neighL: 1, fib: 1, metrics: 2 };
    expect(counts(node)).toEqual({ ...always, svc: 1, outer: 1, inner: 1, ctU: 2, natL: 1, natU: 2, neighU: 1 });
    node.fromNetwork({ src: WORLD, dst: NODE, sport: 51000, dport: 30080, flags: ACK });
    expect(counts(node)).toEqual({ ...always, svc: 1, natL: 2 });
  });

  it("P7 in tunnel mode adds an ipcache lookup", () => {
    const node = build({ config: { tunnel: true } });
    node.backend(31, D, 8080);
    node.service(NODE, 30080, 21, [31], { flags: NODEPORT });
    expect(node.fromNetwork({ src: WORLD, dst: NODE, sport: 51000, dport: 30080 })).toMatch(/^tunnel 2/);
    // from-network, to-overlay by the load balancer, to-overlay by the tunnel device.
    const always = { ctL: 2, be: 1, ipc: 2, lxc: 1, neighL: 1, metrics: 3 };
    expect(counts(node)).toEqual({ ...always, svc: 2, ctU: 2, natL: 1, natU: 2, neighU: 1 });
    node.fromNetwork({ src: WORLD, dst: NODE, sport: 51000, dport: 30080, flags: ACK });
    expect(counts(node)).toEqual({ ...always, svc: 1, natL: 2 });
  });

  it("P7 local backend, request and reply", () => {
    const node = build({ loadBalancer: SOCKET_LB });
    node.backend(10, B, 8080);
    node.service(NODE, 30081, 22, [10], { flags: NODEPORT });
    const flow = { src: WORLD, dst: NODE, sport: 51000, dport: 30081 };
    expect(node.fromNetwork(flow)).toMatch(/^deliver 102/);
    expect(counts(node)).toEqual({ svc: 2, ctL: 4, ctU: 4, be: 1, ipc: 1, pol: 2, lxc: 2, neighL: 1, neighU: 1, stages: 1, metrics: 3 });
    node.fromNetwork({ ...flow, flags: ACK });
    expect(counts(node)).toEqual({ svc: 1, ctL: 4, be: 1, ipc: 1, pol: 2, lxc: 2, neighL: 1, stages: 1, metrics: 3 });
    expect(node.fromPod(102, { src: B, dst: WORLD, sport: 8080, dport: 51000, flags: SYN_ACK })).toBe(`wire ${NODE}:30081>${WORLD}:51000`);
    expect(counts(node)).toEqual({ ctL: 3, rn: 1, ipc: 1, lxc: 1, fib: 2, stages: 1, metrics: 2 });
  });

  it("DSR load-balancer node, TC, masquerade", () => {
    const node = build({ loadBalancer: { ...SOCKET_LB, mode: "dsr" } });
    node.backend(31, D, 8080);
    node.service(NODE, 30080, 21, [31], { flags: NODEPORT });
    const flow = { src: WORLD, dst: NODE, sport: 51000, dport: 30080 };
    expect(node.fromNetwork(flow)).toBe(`wire ${WORLD}:51000>${D}:8080`);
    expect(counts(node)).toEqual({ svc: 2, ctL: 2, ctU: 1, be: 1, ipc: 1, lxc: 3, fib: 1, metrics: 2 });
    node.fromNetwork({ ...flow, flags: ACK });
    expect(counts(node)).toEqual({ svc: 1, ctL: 2, be: 1, ipc: 1, lxc: 3, fib: 1, metrics: 2 });
  });

  it("DSR backend node", () => {
    const node = build({ loadBalancer: { ...SOCKET_LB, mode: "dsr" } });
    const flow = { src: WORLD, dst: B, sport: 51000, dport: 8080 };
    expect(node.fromNetwork({ ...flow, dsr: { addr: OTHER_NODE, port: 30080 } })).toMatch(/^deliver 102/);
    expect(counts(node)).toEqual({ svc: 2, ctL: 3, ctU: 3, ipc: 1, pol: 2, lxc: 1, natU: 1, stages: 1, metrics: 3 });
    node.fromNetwork({ ...flow, flags: ACK });
    expect(counts(node)).toEqual({ svc: 2, ctL: 4, ipc: 1, pol: 2, lxc: 1, stages: 1, metrics: 3 });
    expect(node.fromPod(102, { src: B, dst: WORLD, sport: 8080, dport: 51000, flags: SYN_ACK })).toBe(`wire ${OTHER_NODE}:30080>${WORLD}:51000`);
    expect(counts(node)).toEqual({ ctL: 3, ipc: 1, lxc: 1, natL: 1, fib: 2, stages: 1, metrics: 2 });
  });

  it("a packet for no service on a DSR node costs one more conntrack lookup", () => {
    const node = build({ loadBalancer: { ...SOCKET_LB, mode: "dsr" } });
    node.fromNetwork({ src: D, dst: A, sport: 45000, dport: 80 });
    expect(counts(node)).toEqual({ svc: 2, ctL: 3, ctU: 2, ipc: 1, pol: 2, lxc: 1, stages: 1, metrics: 3 });
  });

  it("host process, port in the NAT range: out and back", () => {
    const node = build({ loadBalancer: SOCKET_LB });
    const flow = { src: NODE, dst: WORLD, sport: NAT_PORT, dport: 443, mark: MARK_HOST };
    expect(node.fromHost(flow)).toMatch(/^wire/);
    expect(counts(node)).toEqual({ ctL: 2, ctU: 1, lxc: 1, natL: 1, natU: 2, metrics: 1 });
    node.fromHost({ ...flow, flags: ACK });
    expect(counts(node)).toEqual({ ctL: 2, lxc: 1, natL: 2, metrics: 1 });
    expect(node.fromNetwork({ src: WORLD, dst: NODE, sport: 443, dport: NAT_PORT, flags: SYN_ACK })).toMatch(/^stack/);
    expect(counts(node)).toEqual({ svc: 2, ctL: 2, ipc: 1, lxc: 1, natL: 1, metrics: 1 });
  });

  it("host process, lower port", () => {
    const node = build({ loadBalancer: SOCKET_LB });
    node.fromHost({ src: NODE, dst: WORLD, sport: 22, dport: 443, mark: MARK_HOST });
    expect(counts(node)).toEqual({ ctL: 1, lxc: 1, metrics: 1 });
  });

  it("a deny by the identity's own rule costs one policy lookup", () => {
    const node = build({ loadBalancer: SOCKET_LB });
    node.maps.policy(101).insert({ direction: 1, identity: 1002, deny: true });
    expect(node.fromPod(101, { src: A, dst: B, sport: 1, dport: 80 })).toMatch(/^drop 181/);
    expect(counts(node)).toEqual({ ctL: 2, ipc: 1, pol: 1, stages: 1, metrics: 1 });
  });
});

describe("entries per connection, section 5", () => {
  const entries = (node: DatapathNode): number[] => {
    const { ct4Global, ctAny4Global, snatV4External } = node.maps;
    return [ct4Global.map.count, ctAny4Global.map.count, snatV4External.map.count];
  };

  it.each<[string, number[], (node: DatapathNode) => void]>([
    ["pod to pod, same node", [2, 2, 0], (node) => void node.fromPod(101, { src: A, dst: B, sport: 1, dport: 80 })],
    ["pod to pod, other node, source", [1, 1, 0], (node) => void node.fromPod(101, { src: A, dst: D, sport: 1, dport: 80 })],
    ["pod to pod, other node, destination", [1, 1, 0], (node) => void node.fromNetwork({ src: D, dst: A, sport: 1, dport: 80 })],
    ["ClusterIP per packet, same node", [3, 2, 0], (node) => void node.fromPod(101, { src: A, dst: VIP, sport: 1, dport: 80 })],
    ["ClusterIP per packet, other node", [2, 1, 0], (node) => void node.fromPod(101, { src: A, dst: VIP, sport: 1, dport: 81 })],
    ["itself by ClusterIP", [3, 2, 0], (node) => void node.fromPod(102, { src: B, dst: VIP, sport: 1, dport: 80 })],
    ["pod to world, masqueraded", [1, 1, 2], (node) => void node.fromPod(101, { src: A, dst: WORLD, sport: NAT_PORT, dport: 80 })],
    ["host process, high port", [1, 0, 2], (node) => void node.fromHost({ src: NODE, dst: WORLD, sport: NAT_PORT, dport: 80, mark: MARK_HOST })],
    ["host process, low port", [0, 0, 0], (node) => void node.fromHost({ src: NODE, dst: WORLD, sport: 999, dport: 80, mark: MARK_HOST })],
    ["NodePort, remote backend", [2, 0, 2], (node) => void node.fromNetwork({ src: WORLD, dst: NODE, sport: NAT_PORT, dport: 30080 })],
    ["NodePort, local backend", [3, 1, 0], (node) => void node.fromNetwork({ src: WORLD, dst: NODE, sport: 1, dport: 30081 })],
  ])("%s", (_name, expected, send) => {
    const node = build();
    node.backend(10, B, 8080);
    node.backend(31, D, 8080);
    node.service(VIP, 80, 7, [10]);
    node.service(VIP, 81, 8, [31]);
    node.service(NODE, 30080, 21, [31], { flags: NODEPORT });
    node.service(NODE, 30081, 22, [10], { flags: NODEPORT });
    send(node);
    expect(entries(node)).toEqual(expected);
  });

  it("DSR: one SERVICE entry at the load balancer, two entries and a mapping at the backend", () => {
    const balancer = build({ loadBalancer: { mode: "dsr" } });
    balancer.backend(31, D, 8080);
    balancer.service(NODE, 30080, 21, [31], { flags: NODEPORT });
    balancer.fromNetwork({ src: WORLD, dst: NODE, sport: 1, dport: 30080 });
    expect(entries(balancer)).toEqual([1, 0, 0]);
    const backend = build({ loadBalancer: { mode: "dsr" } });
    backend.fromNetwork({ src: WORLD, dst: B, sport: 1, dport: 8080, dsr: { addr: OTHER_NODE, port: 30080 } });
    expect(entries(backend)).toEqual([2, 1, 1]);
  });

  it("is the same for UDP, all in the map of other protocols", () => {
    const node = build();
    node.fromPod(101, { src: A, dst: B, sport: 1, dport: 53, protocol: 17 });
    expect(entries(node)).toEqual([0, 4, 0]);
  });
});
