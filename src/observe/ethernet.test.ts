/** Which addresses a captured frame bears: two pods of the node, a pod and a node elsewhere, and the world. */
import { beforeEach, describe, expect, it } from "vitest";
import { DROP_EP_NOT_READY } from "../cilium/datapath/drop-reasons.js";
import {
  METRIC_EGRESS, METRIC_INGRESS, TRACE_FROM_HOST, TRACE_FROM_LXC, TRACE_FROM_NETWORK, TRACE_FROM_OVERLAY, TRACE_FROM_PROXY,
  TRACE_FROM_STACK, TRACE_TO_HOST, TRACE_TO_LXC, TRACE_TO_NETWORK, TRACE_TO_OVERLAY, TRACE_TO_PROXY, TRACE_TO_STACK,
} from "../cilium/datapath/events.js";
import { MARK_DECRYPT, MARK_ENCRYPT, MARK_PROXY_EGRESS, Packet } from "../cilium/datapath/packet.js";
import { ipv4 } from "../cilium/maps/address.js";
import { Ethernet, type EthernetInput } from "./ethernet.js";
import { type FlowEndpoint, NOBODY } from "./flow-tables.js";
import { FlowRow } from "./flow-row.js";

const NATIVE = 2;
const HOST = 4;
const TUNNEL = 5;
const HOST_ENDPOINT = 9;
/** Places among the endpoints. */
const [HERE, ELSEWHERE, WEB, DB, FAR] = [0, 1, 2, 3, 4];
const WEB_ID = 7;
const DB_ID = 8;

const endpoints: readonly FlowEndpoint[] = [
  { address: [ipv4("172.18.0.2")], node: 0, id: 0, identity: 1 },
  { address: [ipv4("172.18.0.3")], node: 1, id: 0, identity: 6 },
  { address: [ipv4("10.244.0.10")], node: 0, id: WEB_ID, identity: 300, podName: "web" },
  { address: [ipv4("10.244.0.11")], node: 0, id: DB_ID, identity: 301, podName: "db" },
  { address: [ipv4("10.244.1.10")], node: 1, id: 0, identity: 302, podName: "far" },
];
const input: EthernetInput = {
  key: [1, 2, 3, 4], endpoints, hostIfindex: HOST, tunnelIfindex: TUNNEL, podsHaveAddresses: true, skipsFib: true, directRoutes: false,
};

const row = new FlowRow();
const packet = new Packet();

beforeEach(() => {
  packet.reset();
  packet.ifindex = NATIVE;
  row.translated = 0;
});

function between(source: number, destination: number): void {
  row.sourceEndpoint = source;
  row.destinationEndpoint = destination;
}

/** `source>destination`, or nothing. */
function text(ethernet: Ethernet): string {
  const json = ethernet.json(row);
  if (json === "") return "";
  const { source, destination } = (JSON.parse(`{${json.slice(1)}}`) as { readonly ethernet: { readonly source: string; readonly destination: string } }).ethernet;
  return `${source}>${destination}`;
}

function traced(point: number, source: number, options: Partial<EthernetInput> = {}): string {
  const ethernet = new Ethernet({ ...input, ...options });
  ethernet.ofTrace(row, packet, point, source);
  return text(ethernet);
}

function turned(frame: string): string {
  return frame.split(">").reverse().join(">");
}

/** What the tests compare with: frames of the pods, and what leaves for the world and for the other node. */
function known() {
  between(WEB, NOBODY);
  const web = traced(TRACE_FROM_LXC, WEB_ID);
  const db = traced(TRACE_FROM_LXC, DB_ID);
  packet.arriving = false;
  const toWorld = traced(TRACE_TO_NETWORK, HOST_ENDPOINT);
  between(HERE, ELSEWHERE);
  const toNode = traced(TRACE_TO_NETWORK, HOST_ENDPOINT);
  return { web, db, toWorld, toNode };
}

describe("addresses in frames", () => {
  it("are local unicast addresses, one for each device, the same for the same key", () => {
    const { web, db, toWorld, toNode } = known();
    const all = [...web.split(">"), ...db.split(">"), ...toWorld.split(">"), toNode.split(">")[1]!];
    expect(new Set(all).size).toBe(7);
    for (const mac of all) expect(mac).toMatch(/^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/);
    expect(toNode.split(">")[0]).toBe(toWorld.split(">")[0]);
    expect(known()).toEqual({ web, db, toWorld, toNode });
    expect(traced(TRACE_FROM_LXC, WEB_ID, { key: [5, 2, 3, 4] })).not.toBe(web);
  });

  it("a pod's packets keep the pod's frame until something rewrites it", () => {
    const { web } = known();
    between(WEB, NOBODY);
    for (const point of [TRACE_FROM_LXC, TRACE_TO_STACK, TRACE_TO_OVERLAY, TRACE_TO_PROXY, TRACE_TO_NETWORK]) expect(traced(point, WEB_ID)).toBe(web);
    expect(traced(TRACE_TO_NETWORK, WEB_ID, { skipsFib: false })).toBe("");
    packet.ifindex = TUNNEL;
    expect(traced(TRACE_TO_OVERLAY, 0)).toBe(web);
    packet.mark = MARK_PROXY_EGRESS;
    expect(traced(TRACE_TO_OVERLAY, 0)).toBe("");
  });

  it("towards a pod they come from its device, whoever sent the packet", () => {
    const { db } = known();
    for (const from of [WEB, FAR, NOBODY]) {
      between(from, DB);
      for (const point of [TRACE_TO_LXC, TRACE_FROM_STACK, TRACE_FROM_PROXY, TRACE_TO_PROXY]) expect(traced(point, DB_ID)).toBe(turned(db));
    }
  });

  it("on the wire the gateway is the next hop, for other nodes' own addresses the node", () => {
    const { toWorld, toNode } = known();
    expect(toNode).not.toBe(toWorld);
    between(WEB, FAR);
    expect(traced(TRACE_TO_NETWORK, HOST_ENDPOINT)).toBe(toWorld);
    expect(traced(TRACE_TO_NETWORK, HOST_ENDPOINT, { directRoutes: true })).toBe(toNode);
    packet.arriving = true;
    between(FAR, WEB);
    expect(traced(TRACE_FROM_NETWORK, HOST_ENDPOINT)).toBe(turned(toWorld));
    expect(traced(TRACE_FROM_NETWORK, HOST_ENDPOINT, { directRoutes: true })).toBe(turned(toNode));
    between(ELSEWHERE, HERE);
    expect(traced(TRACE_FROM_NETWORK, HOST_ENDPOINT)).toBe(turned(toNode));
    between(NOBODY, HERE);
    expect(traced(TRACE_FROM_NETWORK, HOST_ENDPOINT)).toBe(turned(toWorld));
  });

  it("are absent where nobody can tell", () => {
    packet.arriving = true;
    between(NOBODY, WEB);
    expect(traced(TRACE_FROM_NETWORK, HOST_ENDPOINT)).toBe("");
    between(FAR, WEB);
    packet.mark = MARK_DECRYPT;
    expect(traced(TRACE_FROM_NETWORK, HOST_ENDPOINT)).toBe("");
    packet.arriving = false;
    packet.mark = MARK_ENCRYPT;
    expect(traced(TRACE_TO_NETWORK, HOST_ENDPOINT)).toBe("");
    packet.mark = 0;
    expect(traced(TRACE_TO_HOST, 0)).toBe("");
    between(WEB, DB);
    expect(traced(TRACE_FROM_LXC, WEB_ID, { podsHaveAddresses: false })).toBe("");
  });

  it("cilium_host writes its own twice; a tunnel keeps what the pod elsewhere has sent", () => {
    packet.ifindex = HOST;
    between(HERE, WEB);
    const host = traced(TRACE_FROM_HOST, HOST_ENDPOINT);
    expect(host).toBe(turned(host));
    expect(traced(TRACE_TO_OVERLAY, HOST_ENDPOINT)).toBe(host);
    packet.ifindex = TUNNEL;
    between(FAR, WEB);
    const far = traced(TRACE_FROM_OVERLAY, 0);
    expect(far).not.toBe("");
    expect(new Set([...far.split(">"), ...host.split(">")]).size).toBe(3);
    between(NOBODY, WEB);
    expect(traced(TRACE_FROM_OVERLAY, 0)).toBe("");
  });

  it("drops and verdicts show the frame at that place", () => {
    const { web, db, toWorld } = known();
    const ethernet = new Ethernet(input);
    const dropped = (source: number, reason: number, direction: number): string => {
      ethernet.ofDrop(row, packet, source, reason, direction);
      return text(ethernet);
    };
    const verdict = (source: number, egress: number): string => {
      ethernet.ofVerdict(row, packet, source, egress);
      return text(ethernet);
    };
    between(WEB, DB);
    expect(dropped(WEB_ID, 133, METRIC_EGRESS)).toBe(web);
    expect(dropped(DB_ID, 133, METRIC_INGRESS)).toBe(turned(db));
    expect(dropped(WEB_ID, -DROP_EP_NOT_READY, METRIC_EGRESS)).toBe(turned(db));
    expect([verdict(WEB_ID, 1), verdict(DB_ID, 0)]).toEqual([web, turned(db)]);
    between(WEB, NOBODY);
    packet.arriving = false;
    expect([dropped(HOST_ENDPOINT, 155, METRIC_EGRESS), verdict(HOST_ENDPOINT, 1)]).toEqual([toWorld, toWorld]);
    between(NOBODY, HERE);
    packet.arriving = true;
    expect([dropped(HOST_ENDPOINT, 155, METRIC_EGRESS), dropped(0, 155, METRIC_INGRESS)]).toEqual([turned(toWorld), turned(toWorld)]);
  });
});
