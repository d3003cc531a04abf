import { describe, expect, it } from "vitest";
import { DatapathNode, NODE, OTHER_NODE } from "../../../test/support/datapath-node.js";
import type { NodeOptions } from "../../../test/support/datapath-node.js";
import {
  BACKEND_TERMINATING,
  SVC_FLAG_HOSTPORT,
  SVC_FLAG_NODEPORT,
  SVC_FLAG_ROUTABLE,
  SVC_FLAG_SOURCE_RANGE_DENY,
  SVC_FLAG_TWO_SCOPES,
} from "../maps/service-maps.js";
import { Tuple } from "../maps/tuple.js";
import { hashServiceTuple, jhash3 } from "./hash.js";

const A = "10.1.0.11";
const B = "10.1.0.12";
const D = "10.1.1.21";
const VIP = "10.96.0.10";
const WORLD = "198.51.100.7";
const ACK = 0x10;
const RST = 0x04;
const NODEPORT = SVC_FLAG_NODEPORT | SVC_FLAG_ROUTABLE;

function build(options: NodeOptions = {}): DatapathNode {
  const node = new DatapathNode({ maps: { ipv6: false }, ...options });
  node.pod(101, 1001, A);
  node.pod(102, 1002, B);
  node.identity(D, 2001, 32, OTHER_NODE);
  node.backend(10, B, 8080);
  node.backend(31, D, 8080);
  return node;
}

const request = (sport: number, flags = 0x02) => ({ src: A, dst: VIP, sport, dport: 80, flags });

describe("choice of a backend", () => {
  it("is the drawn number modulo the count, and stays with the connection", () => {
    const node = build();
    node.service(VIP, 80, 7, [10, 31]);
    node.random = [3];
    expect(node.fromPod(101, request(1))).toBe(`wire ${A}:1>${D}:8080`);
    node.random = [2];
    expect(node.fromPod(101, request(1, ACK))).toBe(`wire ${A}:1>${D}:8080`);
    expect(node.fromPod(101, request(2))).toMatch(/^deliver 102/);
  });

  it("moves when the backend is gone, but not when it only drains", () => {
    const node = build();
    node.service(VIP, 80, 7, [31]);
    node.fromPod(101, request(1));
    node.backend(31, D, 8080, 6, BACKEND_TERMINATING);
    node.service(VIP, 80, 7, [10]);
    expect(node.fromPod(101, request(1, ACK))).toMatch(/^wire/);
    expect(node.fromPod(101, request(1))).toMatch(/^deliver 102/);
    expect(node.fromPod(101, request(1, ACK))).toMatch(/^deliver 102/);
  });

  it("is made again for a SYN on a closing entry, inside and after the grace time", () => {
    for (const later of [1, 100]) {
      const node = build();
      node.service(VIP, 80, 7, [10, 31]);
      node.fromPod(101, request(1));
      node.fromPod(101, request(1, RST));
      node.datapath.now += later;
      node.random = [1];
      expect(node.fromPod(101, request(1))).toMatch(/^wire/);
    }
  });

  it("without a backend answers with port unreachable, or drops", () => {
    const node = build();
    node.service(VIP, 80, 7, []);
    expect(node.fromPod(101, request(1))).toBe(`deliver 101 ${VIP}:0>${A}:0`);
    expect(node.packet.icmpType).toBe(3);
    expect(node.packet.icmpCode).toBe(3);
    expect(node.events.lines).toEqual([]);
    const silent = build({ loadBalancer: { noBackendResponse: "drop" } });
    silent.service(VIP, 80, 7, []);
    expect(silent.fromPod(101, request(1))).toMatch(/^drop 158/);
  });

  it("follows the service's own algorithm when there is one", () => {
    const table = new Array<number>(251).fill(31);
    for (const [algorithm, outcome] of [[1, /^deliver 102/], [2, /^wire/], [0, /^deliver 102/]] as const) {
      const node = build({
        loadBalancer: { perServiceAlgorithm: true, maglevTableSize: 251 },
        maps: { ipv6: false, maglevTableSize: 251 },
      });
      node.service(VIP, 80, 7, [10], { maglevTable: table });
      const { services } = node.maps.family(1);
      services.keySlot = 0;
      services.map.setWord(services.map.peek(services.key, 0), 0, algorithm << 24);
      expect(node.fromPod(101, request(1))).toMatch(outcome);
    }
  });

  it("by affinity ends with the timeout, and with membership", () => {
    const node = build();
    node.service(VIP, 80, 7, [10, 31], { affinitySeconds: 30 });
    const other = (sport: number, draw: number): string => {
      node.random = [draw];
      return node.fromPod(101, request(sport)).split(" ")[0]!;
    };
    expect(other(1, 1)).toBe("wire");
    expect(other(2, 0)).toBe("wire");
    node.datapath.now += 29;
    expect(other(3, 0)).toBe("wire");
    node.datapath.now += 30;
    expect(other(4, 0)).toBe("deliver");
    node.maps.affinityMatch.setKey(10, 7);
    node.maps.affinityMatch.map.remove(node.maps.affinityMatch.key, 0, 0);
    expect(other(5, 1)).toBe("wire");
  });

  it("uses the internal scope of a two-scope service from a pod", () => {
    const node = build();
    node.service(VIP, 80, 7, [31], { flags2: SVC_FLAG_TWO_SCOPES });
    const { services } = node.maps.family(1);
    for (const [slotNumber, first] of [[0, 0], [1, 10]] as const) {
      services.keySlot = slotNumber;
      services.keyScope = 1;
      services.setValue(services.map.update(services.key, 0, 0, 0), first, 1, 7, 0, 0, 0);
    }
    expect(node.fromPod(101, request(1))).toMatch(/^deliver 102/);
    expect(node.operations["services.lookup"]).toBe(3);
  });
});

describe("NodePort", () => {
  const outside = { src: WORLD, dst: NODE, sport: 5000, dport: 30080 };

  it("refuses ClusterIPs from outside, clients outside the range, and hostPorts without a local backend", () => {
    const node = build();
    node.service(VIP, 80, 7, [31]);
    expect(node.fromNetwork({ ...outside, dst: VIP, dport: 80 })).toMatch(/^drop 174/);
    const range = [{ address: [0], prefix: 0 }];
    node.service(NODE, 30080, 21, [31], { flags: NODEPORT, sourceRanges: range });
    expect(node.fromNetwork(outside)).toMatch(/^wire/);
    node.service(NODE, 30081, 22, [31], { flags: NODEPORT, flags2: SVC_FLAG_SOURCE_RANGE_DENY, sourceRanges: range });
    expect(node.fromNetwork({ ...outside, dport: 30081 })).toMatch(/^drop 177/);
    node.service(NODE, 30082, 23, [31], { flags: NODEPORT | SVC_FLAG_HOSTPORT });
    expect(node.fromNetwork({ ...outside, dport: 30082 })).toMatch(/^drop 134/);
  });

  it("hybrid is DSR for TCP and SNAT for UDP", () => {
    const node = build({ loadBalancer: { mode: "hybrid" } });
    node.backend(32, D, 53, 17);
    node.service(NODE, 30080, 21, [31], { flags: NODEPORT });
    node.service(NODE, 30053, 22, [32], { flags: NODEPORT, protocol: 17 });
    expect(node.fromNetwork(outside)).toBe(`wire ${WORLD}:5000>${D}:8080`);
    expect(node.packet.hasDsrOption).toBe(true);
    expect(node.fromNetwork({ ...outside, dport: 30053, protocol: 17 })).toMatch(new RegExp(`^wire ${NODE}:\\d+>${D}:53`));
  });

  it("DSR: the option only on a TCP SYN, on every UDP packet; too big is dropped only with path MTU discovery", () => {
    for (const pmtuDiscovery of [false, true]) {
      const node = build({ loadBalancer: { mode: "dsr" }, config: { pmtuDiscovery } });
      node.service(NODE, 30080, 21, [31], { flags: NODEPORT });
      node.fromNetwork(outside);
      expect([node.packet.hasDsrOption, node.packet.dsrPort]).toEqual([true, 30080]);
      node.fromNetwork({ ...outside, flags: ACK });
      expect(node.packet.hasDsrOption).toBe(false);
      expect(node.fromNetwork({ ...outside, length: 1496 })).toMatch(pmtuDiscovery ? /^drop 136/ : /^wire/);
    }
  });

  it("DSR by Geneve goes through the tunnel, to the node of the backend", () => {
    const node = build({ loadBalancer: { mode: "dsr", dsrDispatch: "geneve" } });
    node.service(NODE, 30080, 21, [31], { flags: NODEPORT });
    expect(node.fromNetwork(outside)).toMatch(/^tunnel 2/);
    node.backend(33, "10.9.9.9", 8080);
    node.service(NODE, 30081, 22, [33], { flags: NODEPORT });
    expect(node.fromNetwork({ ...outside, dport: 30081 })).toMatch(/^drop 160/);
    const backend = build({ loadBalancer: { mode: "dsr", dsrDispatch: "geneve" } });
    const packet = backend.fill({ src: WORLD, dst: B, sport: 5000, dport: 8080, dsr: { addr: OTHER_NODE, port: 30080 } });
    packet.tunnelKey = 2;
    expect(backend.outcome(backend.datapath.fromOverlay(packet))).toMatch(/^deliver 102/);
    expect(backend.maps.snatV4External.map.count).toBe(1);
  });

  it("an L7 service is passed to the proxy by TC, and up by XDP", () => {
    const node = build();
    node.service(NODE, 30080, 21, [], { flags: NODEPORT, flags2: 4 });
    const { services } = node.maps.family(1);
    services.keySlot = 0;
    services.map.setWord(services.map.peek(services.key, 0), 0, 0x993a);
    expect(node.fromNetwork(outside)).toMatch(/^stack/);
    expect(node.events.lines).toEqual(["to-proxy unknown 1"]);
    const packet = node.fill(outside);
    expect(node.outcome(node.datapath.xdpEntry(packet))).toMatch(/^pass/);
  });
});

describe("hash", () => {
  it("has the recorded answers", () => {
    expect(jhash3(123, 234, 345, 456) >>> 0).toBe(2698615579);
    expect(jhash3(0, 0, 0, 0) >>> 0).toBe(459859287);
  });

  it("leaves the service's address out, and with affinity the client's port", () => {
    const tuple = new Tuple();
    tuple.words.set([1, 2]);
    tuple.setPorts(1234, 80);
    tuple.setProtocolAndFlags(6, 4);
    const other = new Tuple();
    other.copyFrom(tuple);
    other.words[0] = 99;
    expect(hashServiceTuple(other, false, 7)).toBe(hashServiceTuple(tuple, false, 7));
    other.dport = 4321;
    expect(hashServiceTuple(other, false, 7)).not.toBe(hashServiceTuple(tuple, false, 7));
    expect(hashServiceTuple(other, true, 7)).toBe(hashServiceTuple(tuple, true, 7));
  });
});
