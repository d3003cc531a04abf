/** FIB look-ups that programs of a node with one device leave out (ENABLE_SKIP_FIB), and those that no setting takes away. */
import { describe, expect, it } from "vitest";
import { DatapathNode, NODE, OTHER_NODE } from "./support/datapath-node.js";
import type { NodeOptions } from "./support/datapath-node.js";

const A = "10.1.0.11";
const B = "10.1.0.12";
const D = "10.1.1.21";
const WORLD = "198.51.100.7";
const SYN_ACK = 0x12;
/** External, from outside the cluster. */
const NODEPORT = 66;
const ONE_DEVICE = { lxcSkipsFib: true, hostSkipsFib: true };

function build(options: NodeOptions): DatapathNode {
  const node = new DatapathNode({ maps: { ipv6: false }, ...options });
  node.pod(101, 1001, A);
  node.pod(102, 1002, B);
  node.identity(D, 2001, 32, OTHER_NODE);
  return node;
}

/** FIB look-ups, and redirects that left the route to the kernel. */
function routed(node: DatapathNode): readonly [fib: number, redirectNeigh: number] {
  return [node.operations["fib"] ?? 0, node.operations["redirect_neigh"] ?? 0];
}

describe("a node with one device", () => {
  it.each([
    ["both programs skip", ONE_DEVICE, [0, 1]],
    ["endpoint routes: only the host's", { lxcSkipsFib: false, hostSkipsFib: true }, [1, 0]],
    ["nobody", {}, [1, 0]],
  ])("pod to pod of another node: %s", (_name, skip, expected) => {
    const node = build({ node: skip });
    expect(node.fromPod(101, { src: A, dst: D, sport: 40000, dport: 80 })).toBe(`wire ${A}:40000>${D}:80`);
    expect(routed(node)).toEqual(expected);
  });

  it.each([
    ["at TC", "fromNetdev", ONE_DEVICE, [0, 1]],
    ["at TC with the pods' programs alone", "fromNetdev", { lxcSkipsFib: true }, [1, 0]],
    ["by XDP, which cannot resolve neighbours", "xdpEntry", ONE_DEVICE, [1, 0]],
  ] as const)("NodePort to a remote backend %s", (_name, hook, skip, expected) => {
    const node = build({ node: skip, loadBalancer: { xdp: hook === "xdpEntry" } });
    node.backend(31, D, 8080);
    node.service(NODE, 30080, 21, [31], { flags: NODEPORT });
    for (const spec of [
      { src: WORLD, dst: NODE, sport: 51000, dport: 30080 },
      { src: D, dst: NODE, sport: 8080, dport: 51000, flags: SYN_ACK },
    ]) {
      const packet = node.fill(spec);
      node.datapath.ops.fill(0);
      expect(node.outcome(node.datapath.follow(packet, node.datapath[hook](packet)))).toMatch(/^wire/);
      expect(routed(node)).toEqual(expected);
    }
  });

  it.each([
    ["neither bpf_lxc nor to-netdev asks", ONE_DEVICE, [0, 1]],
    ["endpoint routes: bpf_lxc asks", { hostSkipsFib: true }, [1, 0]],
    ["two devices: both ask", {}, [2, 0]],
  ])("reply of a local NodePort backend: %s", (_name, skip, expected) => {
    const node = build({ node: skip, loadBalancer: { socketLb: true, perPacketLb: false } });
    node.backend(10, B, 8080);
    node.service(NODE, 30081, 22, [10], { flags: NODEPORT });
    node.fromNetwork({ src: WORLD, dst: NODE, sport: 51000, dport: 30081 });
    expect(node.fromPod(102, { src: B, dst: WORLD, sport: 8080, dport: 51000, flags: SYN_ACK })).toBe(`wire ${NODE}:30081>${WORLD}:51000`);
    expect(routed(node)).toEqual(expected);
  });

  it("a reply that comes through the tunnel is routed by bpf_overlay, which asks the FIB", () => {
    const node = build({ node: ONE_DEVICE, config: { tunnel: true } });
    node.backend(31, D, 8080);
    node.service(NODE, 30080, 21, [31], { flags: NODEPORT });
    const request = node.fromNetwork({ src: WORLD, dst: NODE, sport: 51000, dport: 30080 });
    expect(request).toMatch(/^tunnel 2/);
    const reply = node.fill({ src: D, dst: "10.1.0.1", sport: 8080, dport: 51000, flags: SYN_ACK });
    reply.tunnelKey = 2001;
    node.datapath.ops.fill(0);
    expect(node.outcome(node.datapath.follow(reply, node.datapath.fromOverlay(reply)))).toBe(`wire ${NODE}:30080>${WORLD}:51000`);
    expect(routed(node)).toEqual([1, 0]);
  });
});
