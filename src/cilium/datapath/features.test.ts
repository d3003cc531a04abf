/** What settings switch on beside the common paths: fragments, SCTP, rate limits, egress gateway, firewall, encryption, routing modes. */

import { describe, expect, it } from "vitest";
import { DatapathNode, NODE, OTHER_NODE, ROUTER } from "../../../test/support/datapath-node.js";
import type { NodeOptions } from "../../../test/support/datapath-node.js";
import { ipv4 } from "../maps/address.js";
import { DEFAULT_DATAPATH } from "./config.js";
import { MARK_DECRYPT, MARK_ENCRYPT, MARK_HOST, MARK_IDENTITY } from "./packet.js";
import { assumedFeatures, unsupportedFeatures } from "./support.js";

const A = "10.1.0.11";
const B = "10.1.0.12";
const D = "10.1.1.21";
const WORLD = "198.51.100.7";
const UDP = 17;
const SCTP = 132;
const FIRST = 0x2000;
const LATER = 0x2000 | 185;
const LAST = 370;
const SYN_ACK = 0x12;

function build(options: NodeOptions = {}): DatapathNode {
  const node = new DatapathNode({ maps: { ipv6: false }, ...options });
  node.pod(101, 1001, A);
  node.pod(102, 1002, B);
  node.identity(D, 2001, 32, OTHER_NODE);
  return node;
}

describe("fragments", () => {
  const part = (fragment: number, ipid = 7) => ({ src: A, dst: B, sport: 5000, dport: 53, protocol: UDP, fragment, ipid });

  it("follow their first one's ports", () => {
    const node = build();
    node.maps.policy(102).clear();
    node.maps.policy(102).insert({ direction: 0, identity: 1001, protocol: UDP, port: 53 });
    expect(node.fromPod(101, part(FIRST))).toMatch(/^deliver 102/);
    const { count } = node.maps.ctAny4Global.map;
    for (const fragment of [LATER, LAST]) expect(node.fromPod(101, { ...part(fragment), sport: 0, dport: 0 })).toMatch(/^deliver 102/);
    expect(node.maps.ctAny4Global.map.count).toBe(count);
    expect(node.operations).toMatchObject({ "fragments.lookup": 3 });
  });

  it("are dropped without it, and without tracking", () => {
    expect(build().fromPod(101, part(LATER))).toMatch(/^drop 175/);
    const node = build({ config: { fragmentTracking: false } });
    expect(node.fromPod(101, part(FIRST))).toMatch(/^drop 157/);
    expect(node.fromNetwork({ ...part(FIRST), src: D, dst: A })).toMatch(/^drop 157/);
  });

  it("are masqueraded by their ports, which only the first one carries", () => {
    const node = build();
    const out = { ...part(FIRST), dst: WORLD, sport: 40000, dport: 443 };
    expect(node.fromPod(101, out)).toBe(`wire ${NODE}:40000>${WORLD}:443`);
    expect(node.fromPod(101, { ...out, fragment: LAST, sport: 0, dport: 0 })).toBe(`wire ${NODE}:0>${WORLD}:0`);
  });
});

describe("SCTP", () => {
  const flow = { src: A, dst: B, sport: 36412, dport: 36412, protocol: SCTP };

  it("is tracked when it is on, and dropped when not", () => {
    expect(build({ config: { sctp: true } }).fromPod(101, flow)).toMatch(/^deliver 102/);
    expect(build().fromPod(101, flow)).toMatch(/^drop 137/);
  });

  it("is masqueraded only with its own port", () => {
    const node = build({ config: { sctp: true } });
    expect(node.fromPod(101, { ...flow, dst: WORLD })).toBe(`wire ${NODE}:36412>${WORLD}:36412`);
    expect(node.fromPod(102, { ...flow, src: B, dst: WORLD })).toMatch(/^drop 154/);
  });
});

describe("bandwidth manager", () => {
  it("spaces packets at the endpoint's rate and drops beyond the horizon", () => {
    const node = build({ config: { bandwidthManager: true } });
    node.maps.throttle.setRate(101, 1_000_000);
    node.datapath.nowNs = 5e9;
    const send = (): string => node.fromPod(101, { src: A, dst: D, sport: 1, dport: 80, length: 1000 });
    send();
    expect(node.packet.departure).toBe(0);
    send();
    expect(node.packet.departure).toBe(5e9 + 1e6);
    send();
    expect(node.packet.departure).toBe(5e9 + 2e6);
    let sent = 3;
    while (send().startsWith("wire")) sent++;
    expect(sent).toBe(2000);
    expect(node.datapath.dropReason).toBe(162);
    node.maps.throttle.setRate(101, 0);
    expect(send()).toMatch(/^wire/);
  });
});

describe("egress gateway", () => {
  const options = { config: { egressGateway: true } };

  it("sends through the gateway's tunnel, or drops when there is none", () => {
    const node = build(options);
    node.maps.egressGateway.insert(ipv4(A), ipv4("198.51.100.0"), 24, 0, ipv4(OTHER_NODE));
    expect(node.fromPod(101, { src: A, dst: WORLD, sport: 1, dport: 443 })).toMatch(/^tunnel 1001/);
    expect(node.fromPod(102, { src: B, dst: WORLD, sport: 40000, dport: 443 })).toMatch(/^wire/);
    node.maps.egressGateway.insert(ipv4(A), ipv4("198.51.100.0"), 24, 0, 0);
    expect(node.fromPod(101, { src: A, dst: WORLD, sport: 1, dport: 443 })).toMatch(/^drop 194/);
  });

  it("translates here when this node is the gateway, and steers replies back", () => {
    const node = build(options);
    node.maps.egressGateway.insert(ipv4(D), ipv4(WORLD), 32, ipv4("192.168.10.77"), ipv4(NODE));
    expect(node.fromHost({ src: D, dst: WORLD, sport: 999, dport: 443 })).toMatch(/^wire 192.168.10.77:\d+>/);
    expect(node.maps.ct4Global.map.count).toBe(1);
    const port = node.packet.sport;
    const reply = node.fromNetwork({ src: WORLD, dst: "192.168.10.77", sport: 443, dport: port, flags: SYN_ACK });
    expect(reply).toBe(`tunnel 0 ${WORLD}:443>${D}:999`);
    node.maps.egressGateway.insert(ipv4(D), ipv4(WORLD), 32, 0, ipv4(NODE));
    expect(node.fromHost({ src: D, dst: WORLD, sport: 999, dport: 443 })).toMatch(/^drop 204/);
  });
});

describe("host firewall", () => {
  it("asks the host's policy for packets of and to the node", () => {
    const node = build({ config: { hostFirewall: true } });
    const { hostEndpointId } = node.datapath.config.node;
    node.pod(hostEndpointId, 1, "10.99.0.1");
    const policy = node.maps.policy(hostEndpointId);
    policy.clear();
    policy.insert({ direction: 0, identity: 2, protocol: 6, port: 22 });
    const inbound = { src: WORLD, dst: NODE, sport: 5000, dport: 22 };
    expect(node.fromNetwork(inbound)).toMatch(/^stack/);
    expect(node.fromNetwork({ ...inbound, dport: 23 })).toMatch(/^drop 133/);
    expect(node.fromHost({ src: NODE, dst: WORLD, sport: 22, dport: 5000, flags: SYN_ACK, mark: MARK_HOST })).toMatch(/^wire/);
    expect(node.fromHost({ src: NODE, dst: WORLD, sport: 999, dport: 443, mark: MARK_HOST })).toMatch(/^drop 133/);
    expect(node.fromNetwork({ src: D, dst: A, sport: 1, dport: 80 })).toMatch(/^deliver 101/);
  });
});

describe("encryption", () => {
  it.each(["wireguard", "ipsec"] as const)("%s: pod traffic to other nodes is marked, longer and paid for", (encryption) => {
    const node = build({ config: { encryption } });
    node.maps.ipcache.insert([ipv4(D)], 32, { identity: 2001, tunnelEndpoint: ipv4(OTHER_NODE), encryptKey: 3 });
    node.fromPod(101, { src: A, dst: D, sport: 1, dport: 80, length: 100 });
    expect([node.packet.mark, node.packet.length > 100, node.operations["crypto"]]).toEqual([MARK_ENCRYPT, true, 1]);
    node.fromPod(101, { src: A, dst: WORLD, sport: 40000, dport: 80, length: 100 });
    expect([node.packet.length, node.operations["crypto"]]).toEqual([100, undefined]);
    node.fromNetwork({ src: D, dst: A, sport: 1, dport: 80, mark: MARK_DECRYPT });
    expect(node.operations["crypto"]).toBe(1);
  });
});

describe("routing modes", () => {
  it("legacy routing hands packets to the stack, which takes them on", () => {
    const node = build({ config: { hostRouting: false } });
    expect(node.fromPod(101, { src: A, dst: D, sport: 1, dport: 80 })).toMatch(/^stack/);
    expect(node.outcome(node.datapath.routeByStack(node.packet))).toMatch(/^wire/);
    expect(node.fromNetwork({ src: D, dst: A, sport: 80, dport: 1, flags: SYN_ACK })).toMatch(/^stack/);
    expect(node.outcome(node.datapath.routeByStack(node.packet))).toMatch(/^deliver 101/);
    expect(node.fromNetwork({ src: D, dst: NODE, sport: 80, dport: 22 })).toMatch(/^stack/);
    expect(node.outcome(node.datapath.routeByStack(node.packet))).toMatch(/^stack/);
  });

  it("per-endpoint routes run the receiving half at the pod's device", () => {
    const node = build({ config: { hostRouting: false, endpointRoutes: true, aggregation: 0 } });
    expect(node.fromPod(101, { src: A, dst: B, sport: 1, dport: 80 })).toMatch(/^deliver 102/);
    expect(node.events.lines).toContain("from-stack unknown 102");
    expect(node.operations["run.lxc"]).toBe(2);
  });

  it("host to pod and to another node's pod through cilium_host", () => {
    const node = build({ config: { tunnel: true } });
    const send = (dst: string, mark: number): string => {
      const packet = node.fill({ src: ROUTER, dst, sport: 1, dport: 80, mark });
      packet.identity = 1;
      return node.outcome(node.datapath.follow(packet, node.datapath.fromHost(packet)));
    };
    expect(send(A, MARK_HOST)).toMatch(/^deliver 101/);
    expect(send(D, MARK_IDENTITY)).toMatch(/^tunnel/);
    expect(send(WORLD, MARK_HOST)).toMatch(/^drop 151/);
    expect(send(NODE, MARK_HOST)).toMatch(/^stack/);
  });

  it("a packet that claims to be the host's from a tunnel is dropped", () => {
    const node = build({ config: { tunnel: true } });
    const packet = node.fill({ src: D, dst: A, sport: 1, dport: 80 });
    packet.tunnelKey = 1;
    expect(node.outcome(node.datapath.fromOverlay(packet))).toMatch(/^drop 171/);
  });

  it("hops run out", () => {
    const node = build();
    const packet = node.fill({ src: A, dst: B, sport: 1, dport: 80 });
    packet.ttl = 1;
    expect(node.outcome(node.datapath.fromContainer(packet, 101))).toMatch(/^drop 196/);
  });

  it("no route is a drop with the FIB's answer", () => {
    const node = build();
    Object.assign(node.datapath.environment, { route: () => -4 });
    expect(node.fromPod(101, { src: A, dst: D, sport: 1, dport: 80 })).toMatch(/^drop 169/);
    expect(node.datapath.extError).toBe(4);
  });
});

describe("what is not modelled", () => {
  it("is named by its setting", () => {
    expect(unsupportedFeatures(DEFAULT_DATAPATH)).toEqual([]);
    const lb = DEFAULT_DATAPATH.loadBalancer;
    const refused = unsupportedFeatures({ ...DEFAULT_DATAPATH, loadBalancer: { ...lb, mode: "dsr", dsrDispatch: "ipip" } });
    expect(refused.map(({ setting, value }) => [setting, value])).toEqual([["loadBalancer.dsrDispatch", "ipip"]]);
    expect(unsupportedFeatures({ ...DEFAULT_DATAPATH, encryption: "wireguard", tunnel: true })).toHaveLength(1);
  });

  it("is told apart from what is assumed", () => {
    expect(assumedFeatures({ ...DEFAULT_DATAPATH, hostFirewall: true })[0]).toMatch(/^host firewall/);
  });
});

describe("aggregation", () => {
  it.each([
    [0, ["from-endpoint unknown 101", "to-endpoint established 102"]],
    [1, ["to-endpoint established 102"]],
    [3, []],
  ])("level %i", (aggregation, expected) => {
    const node = build({ config: { aggregation } });
    const flow = { src: A, dst: B, sport: 1, dport: 80 };
    node.fromPod(101, flow);
    node.fromPod(101, { ...flow, flags: 0x10 });
    node.fromPod(101, { ...flow, flags: 0x10 });
    expect(node.events.lines).toEqual(expected);
  });
});
