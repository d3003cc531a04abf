/** Section 10 of the datapath reference: what each path announces, and what each aggregation level leaves of it. */

import { describe, expect, it } from "vitest";
import { AGGREGATION } from "../src/cilium/datapath/config.js";
import { DatapathNode, NODE, OTHER_NODE } from "./support/datapath-node.js";
import type { NodeOptions, PacketSpec } from "./support/datapath-node.js";

const A = "10.1.0.11";
const B = "10.1.0.12";
const D = "10.1.1.21";
const WORLD = "198.51.100.7";
const VIP = "10.96.0.10";
const SYN_ACK = 0x12;
const ACK = 0x10;
const NODEPORT = 66;
const SOCKET_LB = { loadBalancer: { socketLb: true, perPacketLb: false } } as const;
const IN_TUNNEL = { ...SOCKET_LB, config: { tunnel: true } } as const;

type Level = keyof typeof AGGREGATION;

function build(level: Level, options: NodeOptions): DatapathNode {
  const node = new DatapathNode({ maps: { ipv6: false }, ...options, config: { ...options.config, aggregation: AGGREGATION[level] } });
  node.pod(101, 1001, A);
  node.pod(102, 1002, B);
  node.identity(D, 2001, 32, OTHER_NODE);
  node.backend(10, B, 8080);
  node.backend(31, D, 8080);
  node.service(VIP, 80, 7, [10]);
  node.service(NODE, 30080, 21, [31], { flags: NODEPORT });
  node.service(NODE, 30081, 22, [10], { flags: NODEPORT });
  return node;
}

/** Sends one packet after the other; the events of the last one. */
type Send = (node: DatapathNode) => unknown;

const fromA = (dst: string, dport: number, flags?: number): Send => (node) =>
  node.fromPod(101, { src: A, dst, sport: 40000, dport, ...(flags === undefined ? {} : { flags }) });
const fromB = (spec: Omit<PacketSpec, "src">): Send => (node) => node.fromPod(102, { src: B, flags: SYN_ACK, ...spec });
const toNode = (spec: PacketSpec): Send => (node) => node.fromNetwork(spec);
const request = (dport: number): Send => toNode({ src: WORLD, dst: NODE, sport: 51000, dport });

function decapsulated(node: DatapathNode): void {
  const packet = node.fill({ src: D, dst: A, sport: 45000, dport: 80 });
  packet.tunnelKey = 2001;
  node.events.lines = [];
  node.datapath.fromOverlay(packet);
}

function connect(node: DatapathNode): void {
  node.datapath.sockConnect(node.fill({ src: A, dst: VIP, dport: 80 }), { cookie: 77, netnsCookie: 1, inHostNamespace: false });
}

/**
 * Events at level `none`, with their source: an endpoint, the host (1) or nobody (0). `[…]` marks what level `medium` leaves
 * out of a packet whose conntrack asks for no report at that point.
 */
const PATHS: readonly [string, NodeOptions, readonly Send[], readonly string[]][] = [
  [
    "P1 first",
    SOCKET_LB,
    [fromA(B, 80)],
    ["[from-endpoint unknown 101]", "verdict 0 101 egress 1002 all", "verdict 0 102 ingress 1001 all", "to-endpoint new 102"],
  ],
  [
    "P1 later, nothing to report",
    SOCKET_LB,
    [fromA(B, 80), fromA(B, 80, ACK), fromA(B, 80, ACK)],
    ["[from-endpoint unknown 101]", "[to-endpoint established 102]"],
  ],
  [
    "P1 reply",
    SOCKET_LB,
    [fromA(B, 80), fromB({ dst: A, sport: 80, dport: 40000 })],
    ["[from-endpoint unknown 102]", "to-endpoint reply 101"],
  ],
  [
    "P2 sender",
    SOCKET_LB,
    [fromA(D, 80)],
    ["[from-endpoint unknown 101]", "verdict 0 101 egress 2001 all", "to-network new 101", "[to-network unknown 1]"],
  ],
  [
    "P2 receiver",
    SOCKET_LB,
    [toNode({ src: D, dst: A, sport: 45000, dport: 80 })],
    ["[from-network unknown 1]", "verdict 0 101 ingress 2001 all", "to-endpoint new 101"],
  ],
  [
    "P2 reply at the client",
    SOCKET_LB,
    [fromA(D, 80), toNode({ src: D, dst: A, sport: 80, dport: 40000, flags: SYN_ACK })],
    ["[from-network unknown 1]", "to-endpoint reply 101"],
  ],
  [
    "P3 sender",
    IN_TUNNEL,
    [fromA(D, 80)],
    ["[from-endpoint unknown 101]", "verdict 0 101 egress 2001 all", "to-overlay new 101", "[to-overlay unknown 0]"],
  ],
  [
    "P3 receiver, outer packet",
    IN_TUNNEL,
    [toNode({ src: OTHER_NODE, dst: NODE, sport: 5555, dport: 8472, protocol: 17 })],
    ["[from-network unknown 1]"],
  ],
  [
    "P3 receiver, inner packet",
    IN_TUNNEL,
    [decapsulated],
    ["[from-overlay unknown 0]", "verdict 0 101 ingress 2001 all", "to-endpoint new 101"],
  ],
  [
    "P4 first",
    {},
    [fromA(VIP, 80)],
    ["[from-endpoint unknown 101]", "verdict 0 101 egress 1002 all", "verdict 0 102 ingress 1001 all", "to-endpoint new 102"],
  ],
  [
    "P4 reply",
    {},
    [fromA(VIP, 80), fromB({ dst: A, sport: 8080, dport: 40000 })],
    ["[from-endpoint unknown 102]", "to-endpoint reply 101"],
  ],
  ["P5 connect()", SOCKET_LB, [connect], ["sock 1 77", "sock 2 77"]],
  [
    "P6 out",
    SOCKET_LB,
    [fromA(WORLD, 443)],
    ["[from-endpoint unknown 101]", "verdict 0 101 egress 2 all", "to-network new 101", "[to-network unknown 1]"],
  ],
  [
    "P6 reply",
    SOCKET_LB,
    [fromA(WORLD, 443), toNode({ src: WORLD, dst: NODE, sport: 443, dport: 40000, flags: SYN_ACK })],
    ["[from-network unknown 1]", "to-endpoint reply 101"],
  ],
  ["P7 remote backend", {}, [request(30080)], ["[from-network unknown 1]", "[to-network unknown 1]"]],
  [
    "P7 local backend",
    SOCKET_LB,
    [request(30081)],
    ["[from-network unknown 1]", "verdict 0 102 ingress 2 all", "to-endpoint new 102"],
  ],
  [
    "P7 local backend, reply: once from the pod, once from the device",
    SOCKET_LB,
    [request(30081), fromB({ dst: WORLD, sport: 8080, dport: 51000 })],
    ["[from-endpoint unknown 102]", "to-network reply 102", "to-network reply 1"],
  ],
  [
    "P7 into a tunnel, reported on every packet",
    { config: { tunnel: true } },
    [request(30080), request(30080)],
    ["[from-network unknown 1]", "to-overlay new 1", "[to-overlay unknown 0]"],
  ],
];

function events(level: Level, options: NodeOptions, sends: readonly Send[]): readonly string[] {
  const node = build(level, options);
  for (const send of sends) send(node);
  return node.events.lines;
}

const bare = (event: string): string => event.replace(/^\[|\]$/g, "");
const isFrom = (event: string): boolean => bare(event).startsWith("from-");
const isTrace = (event: string): boolean => /^(from|to)-/.test(bare(event));

describe("section 10: events of every path", () => {
  it.each(PATHS)("%s", (_name, options, sends, listed) => {
    expect(events("none", options, sends)).toEqual(listed.map(bare));
    const arrivalsHidden = listed.filter((event) => !isFrom(event)).map(bare);
    expect(events("lowest", options, sends)).toEqual(arrivalsHidden);
    expect(events("low", options, sends)).toEqual(arrivalsHidden);
    const reported = listed.filter((event) => !event.startsWith("["));
    expect(events("medium", options, sends)).toEqual(reported);
    expect(events("maximum", options, sends)).toEqual(reported);
    // What is no trace is never aggregated.
    expect(reported.filter((event) => !isTrace(event))).toEqual(listed.filter((event) => !isTrace(event)));
  });

  it("a denial is announced at every level", () => {
    for (const level of Object.keys(AGGREGATION) as Level[]) {
      const node = build(level, SOCKET_LB);
      node.maps.policy(101).insert({ direction: 1, identity: 1002, deny: true });
      node.fromPod(101, { src: A, dst: B, sport: 1, dport: 80 });
      expect(node.events.lines.slice(-2)).toEqual(["verdict -181 101 egress 1002 l3-only", "drop 181 0 101"]);
    }
  });
});
