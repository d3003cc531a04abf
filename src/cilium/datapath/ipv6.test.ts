/** IPv6 takes the same ways as IPv4: 38-byte keys, the maps of its own family. */

import { describe, expect, it } from "vitest";
import { DatapathNode, NODE6 } from "../../../test/support/datapath-node.js";
import type { NodeOptions } from "../../../test/support/datapath-node.js";
import { parseAddress } from "../maps/address.js";

const A = "fd00:1::a";
const B = "fd00:1::b";
const D = "fd00:1:1::d";
const VIP = "fd00:96::10";
const WORLD = "2001:db8::7";
const ICMPV6 = 58;
const SYN_ACK = 0x12;

function build(options: NodeOptions = {}): DatapathNode {
  const node = new DatapathNode({ ...options, config: { bpfMasquerade6: true, ...options.config } });
  node.pod(101, 1001, "10.1.0.11", A);
  node.pod(102, 1002, "10.1.0.12", B);
  node.identity(D, 2001);
  return node;
}

function entries(node: DatapathNode): number[] {
  const { ct6Global, ctAny6Global, snatV6External, ct4Global } = node.maps;
  return [ct6Global.map.count, ctAny6Global.map.count, snatV6External.map.count, ct4Global.map.count];
}

describe("IPv6", () => {
  it("pod to pod: entries in its own maps, reply without policy", () => {
    const node = build();
    expect(node.fromPod(101, { src: A, dst: B, sport: 40000, dport: 80 })).toBe(`deliver 102 [${A}]:40000>[${B}]:80`);
    expect(entries(node)).toEqual([2, 2, 0, 0]);
    node.maps.policy(102).clear();
    expect(node.fromPod(102, { src: B, dst: A, sport: 80, dport: 40000, flags: SYN_ACK })).toMatch(/^deliver 101/);
    expect(node.fromPod(101, { src: A, dst: B, sport: 40001, dport: 80 })).toMatch(/^drop 133/);
  });

  it("keys are told apart by every word of an address", () => {
    const node = build();
    const far = ["fd00:1:0:1::b", "fd00:1:0:0:1::b", "fd00:1::1:0:b"];
    for (const dst of [B, ...far]) node.fromPod(101, { src: A, dst, sport: 1, dport: 80 });
    expect(node.maps.ct6Global.map.count).toBe(2 + far.length);
  });

  it("masquerades towards the world, and back", () => {
    const node = build();
    expect(node.fromPod(101, { src: A, dst: WORLD, sport: 40000, dport: 443 })).toBe(`wire [${NODE6}]:40000>[${WORLD}]:443`);
    expect(entries(node)).toEqual([1, 1, 2, 0]);
    expect(node.fromNetwork({ src: WORLD, dst: NODE6, sport: 443, dport: 40000, flags: SYN_ACK })).toBe(`deliver 101 [${WORLD}]:443>[${A}]:40000`);
    expect(node.fromPod(101, { src: A, dst: D, sport: 40000, dport: 443 })).toBe(`wire [${A}]:40000>[${D}]:443`);
  });

  it("services by packet: there, back, and to oneself", () => {
    const node = build();
    node.backend(10, B, 8080);
    node.backend(11, A, 8080);
    node.service(VIP, 80, 7, [10]);
    node.service(VIP, 81, 8, [11]);
    expect(node.fromPod(101, { src: A, dst: VIP, sport: 40000, dport: 80 })).toBe(`deliver 102 [${A}]:40000>[${B}]:8080`);
    expect(node.fromPod(102, { src: B, dst: A, sport: 8080, dport: 40000, flags: SYN_ACK })).toBe(`deliver 101 [${VIP}]:80>[${A}]:40000`);
    expect(node.fromPod(101, { src: A, dst: VIP, sport: 40000, dport: 81 })).toBe(`deliver 101 [fe80::1]:40000>[${A}]:8080`);
    expect(node.fromPod(101, { src: A, dst: "fe80::1", sport: 8080, dport: 40000, flags: SYN_ACK })).toBe(`deliver 101 [${VIP}]:81>[${A}]:40000`);
  });

  it("NodePort by SNAT, DSR and Maglev", () => {
    const snat = build();
    snat.backend(31, D, 8080);
    snat.service(NODE6, 30080, 21, [31], { flags: 66 });
    expect(snat.fromNetwork({ src: WORLD, dst: NODE6, sport: 50000, dport: 30080 })).toBe(`wire [${NODE6}]:50000>[${D}]:8080`);
    expect(snat.fromNetwork({ src: D, dst: NODE6, sport: 8080, dport: 50000, flags: SYN_ACK })).toBe(`wire [${NODE6}]:30080>[${WORLD}]:50000`);
    const dsr = build({ loadBalancer: { mode: "dsr" } });
    dsr.fromNetwork({ src: WORLD, dst: B, sport: 50000, dport: 8080, dsr: { addr: NODE6, port: 30080 } });
    expect(dsr.fromPod(102, { src: B, dst: WORLD, sport: 8080, dport: 50000, flags: SYN_ACK })).toBe(`wire [${NODE6}]:30080>[${WORLD}]:50000`);
    const maglev = build({ loadBalancer: { algorithm: "maglev", maglevTableSize: 251 }, maps: { maglevTableSize: 251 } });
    maglev.backend(31, D, 8080);
    maglev.service(NODE6, 30080, 21, [31], { flags: 66, maglevTable: new Array<number>(251).fill(31) });
    expect(maglev.fromNetwork({ src: WORLD, dst: NODE6, sport: 50000, dport: 30080 })).toMatch(/^wire/);
    expect(maglev.operations).toMatchObject({ "maglev_inner.lookup": 1, hash: 1 });
  });

  it("ping by identifier; packet-too-big is RELATED, and is translated with its embedded packet", () => {
    const node = build();
    const echo = { protocol: ICMPV6, type: 128, id: 40000 };
    expect(node.fromPod(101, { src: A, dst: WORLD, ...echo })).toMatch(/^wire/);
    expect(node.fromNetwork({ src: WORLD, dst: NODE6, protocol: ICMPV6, type: 129, id: 40000 })).toMatch(/^deliver 101/);
    node.fromPod(101, { src: A, dst: WORLD, sport: 41000, dport: 443 });
    const inner = { src: NODE6, dst: WORLD, sport: 41000, dport: 443, protocol: 6 };
    expect(node.fromNetwork({ src: WORLD, dst: NODE6, protocol: ICMPV6, type: 2, inner })).toMatch(/^deliver 101/);
    expect(node.packet.row.slice(node.packet.innerSaddrAt, node.packet.innerSaddrAt + 4)).toEqual(Int32Array.from(parseAddress(A)!));
    expect(node.events.lines.at(-1)).toBe("to-endpoint related 101");
    expect(node.fromPod(101, { src: A, dst: WORLD, protocol: ICMPV6, type: 135 })).toMatch(/^drop 168/);
  });

  it("is refused where the family is off, and drops fragments", () => {
    const node = new DatapathNode({ maps: { ipv6: false } });
    node.pod(101, 1001, "10.1.0.11");
    expect(node.fromPod(101, { src: A, dst: B, sport: 1, dport: 80 })).toMatch(/^drop 139/);
    expect(build().fromPod(101, { src: A, dst: B, sport: 1, dport: 80, fragment: 0x2000 })).toMatch(/^drop 157/);
  });

  it("connect() uses the IPv6 maps", () => {
    const node = build({ loadBalancer: { socketLb: true, perPacketLb: false } });
    node.backend(10, B, 8080);
    node.service(VIP, 80, 7, [10]);
    expect(node.datapath.sockConnect(node.fill({ src: A, dst: VIP, dport: 80 }), { cookie: 1, netnsCookie: 1, inHostNamespace: false })).toBe(1);
    expect(node.headers()).toBe(`[${A}]:0>[${B}]:8080`);
    expect(node.maps.family(4).reverseSk.map.count).toBe(1);
  });
});
