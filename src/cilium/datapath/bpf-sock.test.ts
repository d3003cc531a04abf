import { describe, expect, it } from "vitest";
import { DatapathNode, NODE, OTHER_NODE } from "../../../test/support/datapath-node.js";
import { SVC_FLAG_NODEPORT, SVC_FLAG_ROUTABLE } from "../maps/service-maps.js";

const A = "10.1.0.11";
const B = "10.1.0.12";
const D = "10.1.1.21";
const VIP = "10.96.0.10";
const NODEPORT = SVC_FLAG_NODEPORT | SVC_FLAG_ROUTABLE;
const SOCKET = { cookie: 77, netnsCookie: 5, inHostNamespace: false };
const HOST_SOCKET = { ...SOCKET, inHostNamespace: true };
const UDP = 17;
const EHOSTUNREACH = -113;
const EADDRINUSE = -98;
const ENOMEM = -12;
const ENOENT = -2;

function build(): DatapathNode {
  const node = new DatapathNode({ maps: { ipv6: false }, loadBalancer: { socketLb: true, perPacketLb: false } });
  node.identity(B, 1002);
  node.identity(D, 2001);
  node.backend(10, B, 8080);
  node.backend(31, D, 8080);
  return node;
}

function connect(node: DatapathNode, dst: string, dport: number, socket = SOCKET, protocol = 6): number {
  node.datapath.ops.fill(0);
  return node.datapath.sockConnect(node.fill({ src: A, dst, dport, protocol }), socket);
}

describe("connect()", () => {
  it("rewrites the destination, and remembers what was asked for", () => {
    const node = build();
    node.service(VIP, 80, 7, [10, 31]);
    node.random = [1];
    expect(connect(node, VIP, 80)).toBe(1);
    expect(node.headers()).toBe(`${A}:0>${D}:8080`);
    expect(node.maps.lb4ReverseSk.map.count).toBe(1);
    expect(node.events.lines).toEqual(["sock 1 77", "sock 2 77"]);
    // The same choice again finds its note.
    node.random = [1];
    connect(node, VIP, 80);
    expect(node.operations).toMatchObject({ "reverse_sk.lookup": 1 });
    expect(node.operations["reverse_sk.update"]).toBeUndefined();
  });

  it("leaves other destinations alone", () => {
    const node = build();
    expect(connect(node, D, 80)).toBe(0);
    expect(node.headers()).toBe(`${A}:0>${D}:80`);
    expect(node.operations).toEqual({ "services.lookup": 2, "ipcache.lookup": 1, "run.sock": 1 });
  });

  it("fails without a backend: no slot, no entry, no room for the note", () => {
    const node = build();
    node.service(VIP, 80, 7, []);
    expect(connect(node, VIP, 80)).toBe(EHOSTUNREACH);
    node.service(VIP, 81, 8, [99]);
    expect(connect(node, VIP, 81)).toBe(EHOSTUNREACH);
    expect(node.datapath.metrics.packets(6, 2)).toBe(1);
    node.service(VIP, 82, 9, [10]);
    node.maps.lb4ReverseSk.map.update = () => ENOMEM;
    expect(connect(node, VIP, 82)).toBe(ENOMEM);
    expect(node.headers()).toBe(`${A}:0>${VIP}:82`);
  });

  it("UDP chooses by socket cookie, without a random number", () => {
    const node = build();
    node.backend(12, B, 53, UDP);
    node.backend(32, D, 53, UDP);
    node.service(VIP, 53, 7, [12, 32], { protocol: UDP });
    connect(node, VIP, 53, { ...SOCKET, cookie: 8 }, UDP);
    expect(node.headers()).toBe(`${A}:0>${B}:53`);
    connect(node, VIP, 53, { ...SOCKET, cookie: 9 }, UDP);
    expect(node.headers()).toBe(`${A}:0>${D}:53`);
    expect(node.operations["random"]).toBeUndefined();
  });

  it("affinity goes by network namespace", () => {
    const node = build();
    node.service(VIP, 80, 7, [10, 31], { affinitySeconds: 30 });
    const backend = (netnsCookie: number, draw: number): string => {
      node.random = [draw];
      connect(node, VIP, 80, { ...SOCKET, netnsCookie });
      return node.headers();
    };
    expect(backend(5, 1)).toBe(`${A}:0>${D}:8080`);
    expect(backend(5, 0)).toBe(`${A}:0>${D}:8080`);
    expect(backend(6, 0)).toBe(`${A}:0>${B}:8080`);
  });

  it("NodePorts of any node, by the wildcard entry; other ports of this node only", () => {
    const node = build();
    node.service("0.0.0.0", 30080, 7, [10], { flags: NODEPORT });
    node.service("0.0.0.0", 8443, 8, [31], { flags: NODEPORT });
    expect(connect(node, NODE, 30080)).toBe(1);
    expect(connect(node, OTHER_NODE, 30080)).toBe(1);
    expect(connect(node, D, 30080)).toBe(0);
    expect(connect(node, NODE, 8443)).toBe(1);
    expect(connect(node, OTHER_NODE, 8443)).toBe(0);
  });
});

describe("the way back", () => {
  it("getpeername shows the service", () => {
    const node = build();
    node.service(VIP, 80, 7, [10]);
    connect(node, VIP, 80);
    const packet = node.fill({ src: B, dst: A, sport: 8080 });
    expect(node.datapath.sockGetpeername(packet, SOCKET)).toBe(1);
    expect(node.headers().split(">")[0]).toBe(`${VIP}:80`);
    expect(node.datapath.sockRecvmsg(node.fill({ src: D, dst: A, sport: 8080 }), SOCKET)).toBe(0);
  });

  it("a stale note is deleted", () => {
    const node = build();
    node.service(VIP, 80, 7, [10]);
    connect(node, VIP, 80);
    node.service(VIP, 80, 9, [10]);
    expect(node.datapath.sockRecvmsg(node.fill({ src: B, dst: A, sport: 8080 }), SOCKET)).toBe(ENOENT);
    expect(node.maps.lb4ReverseSk.map.count).toBe(0);
    expect(node.datapath.metrics.packets(8, 2)).toBe(1);
  });
});

describe("bind()", () => {
  it("refuses a service's port to processes of the node", () => {
    const node = build();
    node.service(NODE, 30080, 7, [10], { flags: NODEPORT });
    const bind = (sport: number, socket = HOST_SOCKET): number => node.datapath.sockPostBind(node.fill({ src: NODE, dst: NODE, sport }), socket);
    expect(bind(30080)).toBe(EADDRINUSE);
    expect(bind(30081)).toBe(0);
    expect(bind(30080, SOCKET)).toBe(0);
  });
});
