/** From datapath events to lines: what the agent would derive, the filter, the cap, and the counters. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  METRIC_EGRESS,
  TRACE_REASON_ENCRYPTED,
  TRACE_REASON_UNKNOWN,
  TRACE_TO_LXC,
  TRACE_TO_NETWORK,
  TRACE_TO_PROXY,
  TRACE_TO_STACK,
} from "../cilium/datapath/events.js";
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Packet, TCP_ACK, TCP_SYN } from "../cilium/datapath/packet.js";
import { ipv4, ipv6 } from "../cilium/maps/address.js";
import { Ethernet } from "./ethernet.js";
import { FlowRecorder, type RecordedFlows } from "./flow-recorder.js";
import { FlowTables } from "./flow-tables.js";
import { FLOW_EPOCH_SECONDS } from "./flow-text.js";
import { FlowWriter } from "./flow-writer.js";
import { flowFormat } from "./flow-format.js";
import { FlowEncoder } from "./hubble-flow.js";
import { linesText } from "../../test/support/flow-lines.js";

const CLIENT = ipv4("10.244.1.10");
const SERVER = ipv4("10.244.7.20");
const VIP = ipv4("10.96.0.10");
const CLIENT_ID = 7;

const tables = new FlowTables({
  endpoints: [
    {
      address: [CLIENT],
      id: CLIENT_ID,
      identity: 300,
      namespace: "production",
      podName: "order-service-0",
      labels: ["k8s:app=order-service"],
      workloads: [{ name: "order-service", kind: "Deployment" }],
    },
    {
      address: [SERVER],
      id: 0,
      identity: 301,
      namespace: "production",
      podName: "inventory-service-3",
      labels: ["k8s:app=inventory-service"],
    },
    { address: ipv6("fd00::1"), id: 9, identity: 302 },
  ],
  services: [{ address: [VIP], port: 8080, name: "inventory-service", namespace: "production" }],
  interfaces: new Map([[12, "lxc0a1b"]]),
});

interface Flow {
  readonly flow: Readonly<Record<string, unknown>>;
  readonly node_name: string;
  readonly time: string;
}

/** A recorder that writes into a text, and a TCP SYN from client to server. */
function rig(which: RecordedFlows = "all", max = 1e9, ethernet: Ethernet | null = null) {
  let text = "";
  const encoder = new FlowEncoder({
    tables,
    nodeName: "prod/node-0",
    epochSeconds: FLOW_EPOCH_SECONDS,
    uuidKey: [1, 2, 3, 4],
    format: flowFormat(["Flow.trace_reason=36", "IP.source_xlated=5"], "1.16.0"),
    ethernet,
  });
  const writer = new FlowWriter({ write: (lines) => (text += linesText(lines)) }, encoder, max);
  const clock = { now: 1_500_000_000 };
  const recorder = new FlowRecorder(writer, tables, clock, which, null, ethernet);
  const packet = new Packet();
  packet.saddr = CLIENT;
  packet.daddr = SERVER;
  packet.sport = 40_000;
  packet.dport = 8080;
  packet.protocol = IPPROTO_TCP;
  packet.tcpFlags = TCP_SYN;
  const lines = (): Flow[] => {
    writer.flush();
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Flow);
  };
  return { recorder, packet, clock, lines };
}

describe("addresses of devices", () => {
  it("stand before the IP addresses, in traces, drops and verdicts alike", () => {
    const endpoints = [{ address: [CLIENT], node: 0, id: CLIENT_ID, identity: 300, podName: "order-service-0" }];
    const devices = { hostIfindex: 4, tunnelIfindex: 5, podsHaveAddresses: true, skipsFib: true, directRoutes: false };
    const { recorder, packet, lines } = rig("all", 1e9, new Ethernet({ key: [1, 2, 3, 4], endpoints, ...devices }));
    recorder.trace(packet, TRACE_TO_STACK, CLIENT_ID, 300, 301, 0, 0, 0, 128, -1);
    recorder.drop(packet, CLIENT_ID, 300, 301, 0, 133, 0, METRIC_EGRESS);
    recorder.policyVerdict(packet, CLIENT_ID, 301, -133, 8080, 1, 0, 0);
    const [trace, drop, verdict] = lines().map(({ flow }) => flow);
    expect(Object.keys(trace!).slice(2, 5)).toEqual(["verdict", "ethernet", "IP"]);
    expect(Object.keys(drop!).slice(2, 6)).toEqual(["verdict", "drop_reason", "ethernet", "IP"]);
    expect([drop!["ethernet"], verdict!["ethernet"]]).toEqual([trace!["ethernet"], trace!["ethernet"]]);
  });
});

describe("traces", () => {
  it("of a first packet: forwarded, no reply, egress at the client", () => {
    const { recorder, packet, lines } = rig();
    recorder.trace(packet, TRACE_TO_STACK, CLIENT_ID, 300, 301, 0, 0, 0, 128, -1);
    expect(lines()).toEqual([
      {
        flow: {
          time: "2025-01-01T00:00:01.500Z",
          uuid: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
          verdict: "FORWARDED",
          IP: { source: "10.244.1.10", destination: "10.244.7.20", ipVersion: "IPv4" },
          l4: { TCP: { source_port: 40000, destination_port: 8080, flags: { SYN: true } } },
          source: {
            ID: CLIENT_ID,
            identity: 300,
            namespace: "production",
            labels: ["k8s:app=order-service"],
            pod_name: "order-service-0",
            workloads: [{ name: "order-service", kind: "Deployment" }],
          },
          destination: {
            identity: 301,
            namespace: "production",
            labels: ["k8s:app=inventory-service"],
            pod_name: "inventory-service-3",
          },
          Type: "L3_L4",
          node_name: "prod/node-0",
          event_type: { type: 4, sub_type: 3 },
          traffic_direction: "EGRESS",
          trace_observation_point: "TO_STACK",
          trace_reason: "NEW",
          is_reply: false,
          Summary: "TCP Flags: SYN",
        },
        node_name: "prod/node-0",
        time: "2025-01-01T00:00:01.500Z",
      },
    ]);
  });

  it("of a reply: egress seen from the endpoint that receives it, with the service it comes from", () => {
    const { recorder, packet, lines } = rig();
    packet.saddr = VIP;
    packet.daddr = CLIENT;
    packet.sport = 8080;
    packet.dport = 40_000;
    packet.tcpFlags = TCP_SYN | TCP_ACK;
    recorder.trace(packet, TRACE_TO_LXC, CLIENT_ID, 301, 300, CLIENT_ID, 12, 2, 128, -1);
    expect(lines()[0]!.flow).toMatchObject({
      event_type: { type: 4 },
      trace_observation_point: "TO_ENDPOINT",
      is_reply: true,
      reply: true,
      traffic_direction: "EGRESS",
      source_service: { name: "inventory-service", namespace: "production" },
      interface: { index: 12, name: "lxc0a1b" },
      Summary: "TCP Flags: SYN, ACK",
      source: { identity: 301 },
    });
  });

  it("of an incoming packet: ingress; of unknown state: neither direction nor reply", () => {
    const { recorder, packet, lines } = rig();
    packet.saddr = SERVER;
    packet.daddr = CLIENT;
    recorder.trace(packet, TRACE_TO_LXC, CLIENT_ID, 301, 300, CLIENT_ID, 0, 1, 128, -1);
    recorder.trace(packet, TRACE_TO_STACK, CLIENT_ID, 301, 300, 0, 0, TRACE_REASON_UNKNOWN, 128, -1);
    const [known, unknown] = lines();
    expect(known!.flow).toMatchObject({ traffic_direction: "INGRESS", is_reply: false, trace_reason: "ESTABLISHED" });
    for (const field of ["traffic_direction", "is_reply", "trace_reason"]) expect(unknown!.flow).not.toHaveProperty(field);
  });

  it("of a translated packet: shown under its address before translation, egress", () => {
    const { recorder, packet, lines } = rig();
    packet.keepOrigSaddr();
    packet.saddr = ipv4("192.168.0.10");
    recorder.trace(packet, TRACE_TO_NETWORK, 4242, 300, 2, 0, 0, TRACE_REASON_ENCRYPTED, 128, packet.origSaddrAt);
    expect(lines()[0]!.flow).toMatchObject({
      IP: { source: "10.244.1.10", source_xlated: "192.168.0.10", encrypted: true },
      source: { pod_name: "order-service-0" },
      traffic_direction: "EGRESS",
      destination: { identity: 2, labels: ["reserved:world"] },
    });
  });

  it("to the proxy carry its port", () => {
    const { recorder, packet, lines } = rig();
    recorder.trace(packet, TRACE_TO_PROXY, CLIENT_ID, 300, 301, 15_001, 0, 0, 128, -1);
    expect(lines()[0]!.flow).toMatchObject({ trace_observation_point: "TO_PROXY", proxy_port: 15001 });
  });
});

describe("drops and verdicts", () => {
  it("a drop has reason by number and name, direction by reporter, and no reply", () => {
    const { recorder, packet, lines } = rig("dropped");
    recorder.drop(packet, CLIENT_ID, 300, 301, 0, 155, -7, 2);
    recorder.drop(packet, 99, 300, 301, 0, 155, -7, 1);
    recorder.drop(packet, 0, 300, 301, 0, 159, 0, 1);
    const [atSource, elsewhere, nameless] = lines();
    expect(atSource!.flow).toMatchObject({
      verdict: "DROPPED",
      drop_reason: 155,
      drop_reason_desc: "CT_MAP_INSERTION_FAILED",
      event_type: { type: 1, sub_type: 155 },
      traffic_direction: "EGRESS",
    });
    expect(atSource!.flow).not.toHaveProperty("is_reply");
    expect(elsewhere!.flow["traffic_direction"]).toBe("INGRESS");
    expect(nameless!.flow).toMatchObject({ drop_reason: 159, drop_reason_desc: 159 });
    expect(nameless!.flow).not.toHaveProperty("traffic_direction");
  });

  it("a verdict is allowed, redirected, audited or denied; only the remote side's identity comes from the event", () => {
    const { recorder, packet, lines } = rig();
    for (const [verdict, audited] of [
      [0, 0],
      [15_001, 0],
      [0, 1],
      [-133, 0],
    ] as const) {
      recorder.policyVerdict(packet, CLIENT_ID, 301, verdict, 8080, 1, 2, audited);
    }
    const flows = lines().map(({ flow }) => flow);
    expect(flows.map((flow) => flow["verdict"])).toEqual(["FORWARDED", "REDIRECTED", "AUDIT", "DROPPED"]);
    expect(flows.map((flow) => flow["is_reply"])).toEqual([false, false, false, undefined]);
    expect(flows[0]).toMatchObject({
      event_type: { type: 5 },
      policy_match_type: 2,
      traffic_direction: "EGRESS",
      source: { identity: 300 },
      destination: { identity: 301 },
    });
    expect(flows[3]).toMatchObject({ drop_reason: 133, drop_reason_desc: "POLICY_DENIED" });
  });
});

describe("filter and cap", () => {
  it("dropped: traces and allowed verdicts count as seen and are not written", () => {
    const { recorder, packet, lines } = rig("dropped");
    recorder.trace(packet, TRACE_TO_STACK, CLIENT_ID, 300, 301, 0, 0, 0, 128, -1);
    recorder.policyVerdict(packet, CLIENT_ID, 301, 0, 8080, 1, 2, 0);
    recorder.policyVerdict(packet, CLIENT_ID, 301, -133, 8080, 1, 2, 0);
    recorder.drop(packet, CLIENT_ID, 300, 301, 0, 155, 0, 2);
    expect(lines().map(({ flow }) => flow["drop_reason"])).toEqual([133, 155]);
    expect([recorder.seen, recorder.written]).toEqual([4, 2]);
  });

  it("an event has the same UUID whatever is written beside it", () => {
    const [all, dropped] = [rig("all"), rig("dropped")];
    for (const { recorder, packet } of [all, dropped]) {
      recorder.trace(packet, TRACE_TO_STACK, CLIENT_ID, 300, 301, 0, 0, 0, 128, -1);
      recorder.drop(packet, CLIENT_ID, 300, 301, 0, 155, 0, 2);
    }
    expect(all.lines()[1]).toEqual(dropped.lines()[0]);
  });

  it("beyond the cap flows are counted only", () => {
    const { recorder, packet, lines } = rig("all", 3);
    for (let event = 0; event < 10; event++) recorder.drop(packet, CLIENT_ID, 300, 301, 0, 155, 0, 2);
    expect(lines().length).toBe(3);
    expect([recorder.seen, recorder.written]).toEqual([10, 3]);
  });

  it("nothing of one event shows in the next", () => {
    const { recorder, packet, lines } = rig();
    const fresh = rig();
    packet.keepOrigSaddr();
    recorder.trace(packet, TRACE_TO_PROXY, CLIENT_ID, 300, 301, 15_001, 12, 2 | TRACE_REASON_ENCRYPTED, 128, packet.origSaddrAt);
    recorder.policyVerdict(packet, CLIENT_ID, 301, -133, 8080, 1, 2, 0);
    for (const rigged of [{ recorder, packet }, fresh]) {
      rigged.recorder.trace(rigged.packet, TRACE_TO_STACK, CLIENT_ID, 300, 301, 0, 0, TRACE_REASON_UNKNOWN, 128, -1);
    }
    const { uuid: _ours, ...after } = lines()[2]!.flow;
    const { uuid: _theirs, ...alone } = fresh.lines()[0]!.flow;
    expect(after).toEqual(alone);
  });
});

describe("any packet", () => {
  it("gives one line of JSON in canonical form, without empty or zero members", () => {
    const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    fc.assert(
      fc.property(
        fc.record({
          saddr: fc.oneof(word, fc.constantFrom(CLIENT, SERVER, VIP)),
          daddr: word,
          sport: fc.nat(65535),
          dport: fc.nat(65535),
          flags: fc.nat(255),
          protocol: fc.constantFrom(IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, 58, 132, 47),
          fragment: fc.constantFrom(0, 0x2000, 5),
          type: fc.nat(255),
          code: fc.nat(20),
          v6: fc.boolean(),
          point: fc.nat(13),
          reason: fc.nat(8),
          label: fc.nat(70000),
          at: fc.nat(2 ** 45),
        }),
        (input) => {
          const { packet: own, recorder: other, clock, lines } = rig();
          own.reset();
          own.addressWords = input.v6 ? 4 : 1;
          own.row.set([input.saddr, 1, 2, input.daddr, input.daddr, 3, 0, input.saddr]);
          own.sport = input.sport;
          own.dport = input.dport;
          own.protocol = input.protocol;
          own.tcpFlags = input.flags;
          own.icmpType = input.type;
          own.icmpCode = input.code;
          own.fragment = input.fragment;
          clock.now = input.at;
          other.trace(own, input.point, CLIENT_ID, input.label, 0, 0, 0, input.reason, 1, -1);
          const [line] = lines();
          expect(line!.flow["event_type"]).toEqual(input.point === 0 ? { type: 4 } : { type: 4, sub_type: input.point });
          expect((line!.flow["IP"] as { ipVersion: string }).ipVersion).toBe(input.v6 ? "IPv6" : "IPv4");
          expect(zeroMembers(line!.flow)).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Names of members at their zero value, which protobuf's JSON leaves out; `is_reply` is a wrapper and may be false. */
function zeroMembers(value: unknown, name = ""): string[] {
  if (Array.isArray(value)) return value.length === 0 ? [name] : value.flatMap((item) => zeroMembers(item, name));
  if (typeof value === "object" && value !== null)
    return Object.entries(value).flatMap(([key, member]) => zeroMembers(member, key));
  return (value === 0 || value === "" || value === false) && name !== "is_reply" ? [name] : [];
}
