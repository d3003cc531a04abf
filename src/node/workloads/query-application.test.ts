import { describe, expect, it } from "vitest";
import { nodeWorld, type NodeWorld } from "../../../test/support/node-world.js";
import { seconds } from "../../core/units.js";
import { candidatesBefore } from "./query-application.js";

const SOCKET_LB_OFF = { "socketLB.enabled": "false", "socketLB.hostNamespaceOnly": "true" };
const ONCE = "arrivals: { constant: 1/s, first: 1s, every: 1000s, for: 1500ms }";

function run(backends: number, query: string, helm: Readonly<Record<string, string>> = {}): NodeWorld {
  const services = `services: [{ name: kube-system/dns, port: 53, protocol: UDP, backends: ${backends} }]`;
  const workload = `{ name: w, from: { workload: shop/web }, to: kube-system/dns, ${ONCE}, query: ${query} }`;
  const world = nodeWorld(`${services}\nworkloads:\n  - ${workload}\n`, helm);
  world.simulation.run(seconds(60));
  return world;
}

describe("UDP exchanges", () => {
  it.each([
    ["socket LB: connect() fails", {}],
    ["per-packet LB: ICMP port unreachable", SOCKET_LB_OFF],
  ])("fail at once when a service has no backend (%s)", (_name, helm) => {
    const { recorder } = run(0, "{}", helm);
    expect(recorder.counts).toMatchObject({ queriesStarted: 1, queriesAnswered: 0, queriesFailed: 1 });
    expect(recorder.drops.total).toBe(0);
  });

  it("are sent again after the time-out, and given up after the last attempt", () => {
    const { recorder, node } = run(1, "{ timeout: 1s, attempts: 3, serverTime: 10s }");
    expect(recorder.counts).toMatchObject({ queriesStarted: 1, querySockets: 1, queriesAnswered: 0, queriesFailed: 1 });
    // Three requests; the client is gone before the first answer.
    expect(recorder.packets).toBe(3);
    expect(node.maps.ctAny4Global.map.count).toBe(2);
  });
});

describe("lookups", () => {
  it.each([
    [{ ndots: 5, search: 3, dots: 1, foundAt: 0 }, 4],
    [{ ndots: 1, search: 3, dots: 1, foundAt: 0 }, 1],
    [{ ndots: 5, search: 3, dots: 1, foundAt: 2 }, 2],
  ])("take one socket with two questions for each name tried: %o", (dns, names) => {
    expect(candidatesBefore(dns)).toBe(names - 1);
    const { recorder, node } = run(1, `{ dns: { ndots: ${dns.ndots}, dots: ${dns.dots}, foundAt: ${dns.foundAt} } }`);
    expect(recorder.counts).toMatchObject({ queriesStarted: 1, querySockets: names, queriesAnswered: 1, queriesRetried: 0 });
    expect(recorder.packets).toBe(4 * names);
    // One entry for each source port, and the RELATED one of the pair of addresses.
    expect(node.maps.ctAny4Global.map.count).toBe(names + 1);
  });

  it("ask again after five seconds, and fail after ten", () => {
    const { recorder } = run(1, "{ serverTime: 100s, dns: { ndots: 1 } }");
    expect(recorder.counts).toMatchObject({ queriesAnswered: 0, queriesFailed: 1, querySockets: 2 });
  });
});

describe("TCP towards a service without backends", () => {
  it.each([
    ["socket LB", {}],
    ["per-packet LB", SOCKET_LB_OFF],
  ])("fails at once (%s)", (_name, helm) => {
    const services = "services: [{ name: shop/cart, port: 80 }]";
    const { recorder, simulation } = nodeWorld(`${services}\nworkloads:\n  - { name: w, from: { workload: shop/web }, to: shop/cart, ${ONCE} }\n`, helm);
    simulation.run(seconds(5));
    expect(recorder.counts).toMatchObject({ connectionsOpened: 1, connectionsEstablished: 0, connectionsFailed: 1 });
  });
});
