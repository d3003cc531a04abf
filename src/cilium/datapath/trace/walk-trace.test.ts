import { describe, expect, it } from "vitest";
import { DatapathNode, NODE, OTHER_NODE } from "../../../../test/support/datapath-node.js";
import { packetText, tcpFlagsText, WalkTrace } from "./walk-trace.js";

const A = "10.1.0.11";
const B = "10.1.0.12";

function twoPods(): DatapathNode {
  const node = new DatapathNode();
  node.pod(101, 1001, A);
  node.pod(102, 1002, B);
  node.identity("10.1.1.21", 2001, 32, OTHER_NODE);
  return node;
}

/** Walks a packet from pod 101 under a trace; the lines. */
function walk(node: DatapathNode, spec: Parameters<DatapathNode["fill"]>[0]): string[] {
  const trace = new WalkTrace(node.maps);
  const packet = node.fill(spec);
  trace.begin(packetText(packet), node.datapath);
  node.datapath.observer = trace;
  const verdict = node.datapath.follow(packet, node.datapath.fromContainer(packet, 101));
  node.datapath.observer = null;
  trace.end(node.outcome(verdict), node.datapath);
  return trace.lines();
}

describe("WalkTrace", () => {
  it("tells a first packet's whole way between two pods of a node", () => {
    const lines = walk(twoPods(), { src: A, dst: B, sport: 40000, dport: 8080 });
    const ct = "expires=1060 flags=[] rx=0x00@0 tx=0x02@1000 revnat=0 src_sec_id=1001";
    expect(lines[0]).toBe(`TCP ${A}:40000 -> ${B}:8080 SYN`);
    expect(lines).toContain("  cil_from_container");
    expect(lines).toContain(`    lookup ct4_global TCP OUT ${A}:40000 -> ${B}:8080: miss`);
    expect(lines).toContain("    conntrack egress NEW, monitor 128");
    expect(lines).toContain(`    update ct4_global TCP OUT ${A}:40000 -> ${B}:8080: ${ct}`);
    expect(lines).toContain(`    update ct_any4_global ICMP OUT RELATED ${A}:0 -> ${B}:0: ${ct}`);
    expect(lines).toContain("    event policy-verdict ingress allowed");
    expect(lines).toContain("    event to-endpoint new, 128 bytes");
    expect(lines.at(-1)).toMatch(/^ {2}deliver 102 .*ct\.lookup 4, ct\.update 4/);
  });

  it("tells what changes in an entry, and nothing when nothing does", () => {
    const node = twoPods();
    const flow = { src: A, dst: B, sport: 40000, dport: 8080 };
    node.fromPod(101, flow);
    const states = (): string[] => walk(node, { ...flow, flags: 0x10 }).filter((line) => line.startsWith("    state "));
    expect(states()).toEqual([
      "    state ct4_global: expires=1060 becomes 9000, flags=[] becomes [SeenNonSyn], tx=0x02@1000 becomes 0x12@1000",
      "    state ct4_global: expires=1060 becomes 9000, flags=[] becomes [SeenNonSyn], rx=0x02@1000 becomes 0x12@1000",
    ]);
    expect(states()).toEqual([]);
  });

  it("names services, backends and the client's end of a SERVICE key", () => {
    const node = twoPods();
    node.backend(10, B, 8080);
    node.service("10.96.0.10", 80, 7, [10]);
    const lines = walk(node, { src: A, dst: "10.96.0.10", sport: 40000, dport: 80 });
    expect(lines).toContain("    lookup lb4_services_v2 TCP 10.96.0.10:80 frontend: backend=0 count=1 revnat=7");
    expect(lines).toContain(`    lookup ct4_global TCP SERVICE ${A}:40000 -> 10.96.0.10:80: miss`);
    expect(lines).toContain("    backend service 7: backend 10");
    expect(lines.find((line) => line.startsWith("    update ct4_global TCP SERVICE"))).toMatch(/revnat=7 .*backend=10$/);
  });

  it("tells a drop by Cilium's words, and a NAT pair with the chosen port", () => {
    const node = twoPods();
    const masqueraded = walk(node, { src: A, dst: "198.51.100.7", sport: 40000, dport: 443 });
    expect(masqueraded).toContain("  cil_to_netdev");
    expect(masqueraded).toContain("    nat port 40000 after 0 collisions");
    const mapping = `to=${A}:40000 created=1000 needs_ct=0`;
    expect(masqueraded).toContain(`    update snat_v4_external TCP IN 198.51.100.7:443 -> ${NODE}:40000: ${mapping}`);
    node.maps.policy(101).insert({ direction: 1, identity: 1002, deny: true });
    const lines = walk(node, { src: A, dst: B, sport: 40001, dport: 8080 });
    expect(lines).toContain("    drop 181 Policy denied by denylist");
    expect(lines).toContain("    event policy-verdict egress denied");
  });

  it("speaks of a map that was made anew as of the old one", () => {
    const node = twoPods();
    const trace = new WalkTrace(node.maps);
    node.maps.recreate("ct4_global", 64);
    const packet = node.fill({ src: A, dst: B, sport: 40000, dport: 8080 });
    trace.begin("", node.datapath);
    node.datapath.observer = trace;
    node.datapath.fromContainer(packet, 101);
    expect(trace.lines()).toContain(`    lookup ct4_global TCP OUT ${A}:40000 -> ${B}:8080: miss`);
    expect(trace.take().length).toBeGreaterThan(10);
    expect(trace.steps).toEqual([]);
  });

  it("reads TCP flags", () => {
    expect([0, 0x02, 0x12, 0x19].map(tcpFlagsText)).toEqual(["", "SYN", "SYN,ACK", "FIN,PSH,ACK"]);
  });
});
