/** What differs between releases: the switches of the configuration, one by one. */

import { describe, expect, it } from "vitest";
import { DatapathNode, NODE, OTHER_NODE } from "../../../test/support/datapath-node.js";
import type { NodeOptions } from "../../../test/support/datapath-node.js";
import { MapType } from "../../bpf/spec.js";
import { ipv4 } from "../maps/address.js";
import { TUPLE_F_IN, Tuple } from "../maps/tuple.js";
import { DEFAULT_CONNTRACK, DEFAULT_NAT } from "./config.js";
import type { NatConfig } from "./config.js";
import { clampPort } from "./nat.js";

const A = "10.1.0.11";
const B = "10.1.0.12";
const WORLD = "198.51.100.7";
const SYN_ACK = 0x12;
const ACK = 0x10;
const RST = 0x04;
const PORT = 40000;

function build(options: NodeOptions = {}): DatapathNode {
  const node = new DatapathNode({ maps: { ipv6: false }, ...options });
  node.pod(101, 1001, A);
  node.pod(102, 1002, B);
  node.identity("10.1.1.21", 2001, 32, OTHER_NODE);
  return node;
}

const withNat = (nat: Partial<NatConfig>): NodeOptions => ({ config: { nat: { ...DEFAULT_NAT, ...nat } } });

/** Takes a port towards WORLD:443 away. */
function occupy(node: DatapathNode, port: number): void {
  const key = new Tuple();
  key.words[0] = ipv4(NODE);
  key.words[1] = ipv4(WORLD);
  key.setPorts(port, 443);
  key.setProtocolAndFlags(6, TUPLE_F_IN);
  node.maps.snatV4External.map.update(key.words, 0, 0, 0);
}

function evict(node: DatapathNode, daddr: string, saddr: string, dport: number, sport: number, flags: number): void {
  const key = new Tuple();
  key.words[0] = ipv4(daddr);
  key.words[1] = ipv4(saddr);
  key.setPorts(dport, sport);
  key.setProtocolAndFlags(6, flags);
  expect(node.maps.snatV4External.map.remove(key.words, 0, 0)).toBe(0);
}

const OUT = { src: A, dst: WORLD, sport: PORT, dport: 443 };

describe("SNAT ports", () => {
  it("walks half-way to the top by scaling, by steps of two by remainder", () => {
    const nat = (clamp: NatConfig["clamp"]) => ({ ...DEFAULT_NAT, clamp });
    const next = (clamp: NatConfig["clamp"], port: number) => clampPort(nat(clamp), 32768, 65535, port + 1);
    expect([38940, 52238, 58887].map((port) => next("scale", port))).toEqual([52238, 58887, 62212]);
    expect([38940, 38942, 65533].map((port) => next("modulo", port))).toEqual([38942, 38944, 32768]);
  });

  it.each([
    ["insert-per-try", 1, 4],
    ["lookup-then-insert-per-try", 4, 2],
    ["lookup-per-try-insert-once", 4, 2],
  ] as const)("%s: %i lookups and %i updates for two collisions", (reverseInsert, lookups, updates) => {
    const node = build(withNat({ reverseInsert, clamp: "modulo" }));
    node.random = [12345];
    occupy(node, PORT);
    occupy(node, 12345 + 32768);
    expect(node.fromPod(101, OUT)).toBe(`wire ${NODE}:45115>${WORLD}:443`);
    expect(node.operations).toMatchObject({ "snat.lookup": lookups, "snat.update": updates });
  });

  it("gives up after 128 or 32 tries, and signals", () => {
    for (const [tries, signalAboveTryIndex] of [[128, 64], [32, 16]] as const) {
      const node = build(withNat({ tries, signalAboveTryIndex }));
      node.random = [12345];
      const path = [PORT];
      let port = 38940;
      for (let i = 0; i < 40; i++) {
        path.push(port);
        port = clampPort(DEFAULT_NAT, 32768, 65535, (port + 1) & 0xffff);
      }
      for (const taken of path) occupy(node, taken);
      expect(node.fromPod(101, OUT)).toMatch(/^drop 167/);
      expect(node.operations["snat.update"]).toBe(tries);
      expect(node.signals).toEqual(["nat4"]);
    }
  });
});

describe("half of a mapping is lost", () => {
  it.each([
    [true, 2],
    [false, 1],
  ])("reverse entry, restored by the next packet out: %s", (restoreReverseOnForward, entries) => {
    const node = build(withNat({ restoreReverseOnForward }));
    node.fromPod(101, OUT);
    evict(node, NODE, WORLD, PORT, 443, TUPLE_F_IN);
    expect(node.fromNetwork({ src: WORLD, dst: NODE, sport: 443, dport: PORT, flags: ACK })).toMatch(/^stack/);
    expect(node.fromPod(101, { ...OUT, flags: ACK })).toBe(`wire ${NODE}:${PORT}>${WORLD}:443`);
    expect(node.maps.snatV4External.map.count).toBe(entries);
  });

  it("forward entry: the flow's own reverse entry blocks its port", () => {
    const node = build();
    node.random = [12345];
    node.fromPod(101, OUT);
    evict(node, WORLD, A, 443, PORT, 0);
    expect(node.fromPod(101, { ...OUT, flags: ACK })).toBe(`wire ${NODE}:38940>${WORLD}:443`);
  });

  it("forward entry, v1.18: a reply puts it back", () => {
    const node = build(withNat({ restoreForwardOnReply: true }));
    node.fromPod(101, OUT);
    evict(node, WORLD, A, 443, PORT, 0);
    expect(node.fromNetwork({ src: WORLD, dst: NODE, sport: 443, dport: PORT, flags: SYN_ACK })).toMatch(/^deliver 101/);
    expect(node.operations).toMatchObject({ "snat.lookup": 2, "snat.update": 1 });
    expect(node.fromPod(101, { ...OUT, flags: ACK })).toBe(`wire ${NODE}:${PORT}>${WORLD}:443`);
  });

  it.each([
    ["recreated", true, "192.168.10.77", 2],
    ["kept", false, NODE, 2],
  ])("an entry with another source address is %s", (_name, recreateOnStaleAddress, address, entries) => {
    const node = build({ config: { egressGateway: true, nat: { ...DEFAULT_NAT, recreateOnStaleAddress } } });
    node.fromPod(101, OUT);
    node.maps.egressGateway.insert(ipv4(A), ipv4(WORLD), 32, ipv4("192.168.10.77"), ipv4(NODE));
    expect(node.fromPod(101, { ...OUT, flags: ACK })).toBe(`wire ${address}:${PORT}>${WORLD}:443`);
    expect(node.maps.snatV4External.map.count).toBe(entries);
  });
});

describe("conntrack", () => {
  it.each([
    ["syn", 0x03e8 + 60],
    ["syn-without-ack", 1000 + 10],
  ] as const)("a SYN/ACK meeting a dead entry, create action %s", (createAction, lifetime) => {
    const node = build({ config: { conntrack: { ...DEFAULT_CONNTRACK, createAction } } });
    node.fromPod(101, { src: A, dst: B, sport: 1, dport: 80 });
    node.fromPod(102, { src: B, dst: A, sport: 80, dport: 1, flags: RST });
    node.fromPod(102, { src: B, dst: A, sport: 80, dport: 1, flags: SYN_ACK });
    const key = new Tuple();
    key.words[0] = ipv4(A);
    key.words[1] = ipv4(B);
    key.setPorts(80, 1);
    key.setProtocolAndFlags(6, TUPLE_F_IN);
    const { ct4Global } = node.maps;
    expect(ct4Global.lifetime(ct4Global.map.peek(key.words, 0))).toBe(lifetime);
  });

  it.each([
    ["any-error", -16, ["ct4"]],
    ["enomem-only", -16, []],
    ["enomem-only", -12, ["ct4"]],
    ["none", -12, []],
  ] as const)("a failed create signals by %s, error %i", (fillUpSignal, errno, signals) => {
    const node = build({ config: { conntrack: { ...DEFAULT_CONNTRACK, fillUpSignal } } });
    node.maps.ct4Global.map.update = () => errno;
    expect(node.fromPod(101, { src: A, dst: B, sport: 1, dport: 80 })).toMatch(/^drop 155/);
    expect(node.datapath.extError).toBe(errno);
    expect(node.signals).toEqual(signals);
    expect(node.events.lines.at(-1)).toBe(`drop 155 ${errno} 101`);
  });

  it("a plain hash in place of the LRU refuses when it is full, and keeps what it has", () => {
    const node = build({ maps: { ipv6: false, overrides: { ct4_global: { type: MapType.hash, maxEntries: 4, flags: 0 } } } });
    for (const sport of [1, 2]) expect(node.fromPod(101, { src: A, dst: B, sport, dport: 80 })).toMatch(/^deliver/);
    expect(node.fromPod(101, { src: A, dst: B, sport: 3, dport: 80 })).toMatch(/^drop 155/);
    expect(node.datapath.extError).toBe(-7);
    expect(node.fromPod(101, { src: A, dst: B, sport: 1, dport: 80, flags: ACK })).toMatch(/^deliver/);
  });

  it("counts packets and bytes where the release does", () => {
    for (const [ctCounters, packets] of [["none", 0], ["single", 2], ["rx-tx", 2]] as const) {
      const node = build({ maps: { ipv6: false, ctCounters } });
      node.fromPod(101, { src: A, dst: "10.1.1.21", sport: 1, dport: 80, length: 100 });
      node.fromNetwork({ src: "10.1.1.21", dst: A, sport: 80, dport: 1, flags: SYN_ACK, length: 200 });
      const { ct4Global } = node.maps;
      const key = new Tuple();
      ct4Global.map.nextKey(null, 0, key.words, 0);
      const slot = ct4Global.map.peek(key.words, 0);
      expect([ct4Global.packets(slot), ct4Global.bytes(slot)]).toEqual([packets, packets * 150]);
    }
  });

  it("v1.19: DSR survives the loss of its NAT entry", () => {
    for (const dsrInfoInConntrack of [false, true]) {
      const node = build({
        config: { nat: { ...DEFAULT_NAT, dsrInfoInConntrack } },
        loadBalancer: { mode: "dsr" },
        maps: { ipv6: false, ctNatAddress: dsrInfoInConntrack },
      });
      node.fromNetwork({ src: WORLD, dst: B, sport: 5, dport: 8080, dsr: { addr: OTHER_NODE, port: 30080 } });
      evict(node, WORLD, B, 5, 8080, 0);
      const service = dsrInfoInConntrack ? `${OTHER_NODE}:30080` : `${NODE}:`;
      const reply = node.fromPod(102, { src: B, dst: WORLD, sport: 8080, dport: 5, flags: SYN_ACK });
      expect(reply.startsWith(dsrInfoInConntrack ? `wire ${service}` : `wire ${B}:8080`)).toBe(true);
    }
  });
});

describe("frontends without protocol differentiation", () => {
  it("cost one lookup, and are the same for every protocol", () => {
    const node = build({ loadBalancer: { protocolDifferentiation: false } });
    node.backend(10, B, 8080);
    node.service("10.96.0.10", 80, 7, [10], { protocol: 0 });
    expect(node.fromPod(101, { src: A, dst: B, sport: 1, dport: 80 })).toMatch(/^deliver 102/);
    expect(node.operations["services.lookup"]).toBe(1);
    expect(node.fromPod(101, { src: A, dst: "10.96.0.10", sport: 2, dport: 80, protocol: 17 })).toMatch(/>10.1.0.12:8080$/);
  });
});
