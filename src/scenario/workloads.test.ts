import { describe, expect, it } from "vitest";
import { changed, load, mistakes } from "../../test/scenario/fixtures.js";

const CLIENT = "    from: { workload: shop/web, pods: 2 }\n    to: shop/cart:80\n    arrivals";

/** The fixture's second workload with another origin and target. */
function withEnds(from: string, to: string, more = ""): string {
  return changed(CLIENT, `    from: ${from}\n    to: ${to}\n${more}    arrivals`);
}

describe("who calls whom", () => {
  it.each([
    ["{ remote: shop/web, pods: 3 }", "pods shop/cart", { from: { kind: "remote", workload: "shop/web", pods: 3 }, to: { kind: "backends", service: 0 } }],
    [
      "{ workload: shop/web }",
      "world 203.0.113.16/28:443",
      { from: { kind: "pod", pods: 1 }, to: { kind: "world", prefix: "203.0.113.16/28", addresses: 16, port: 443 } },
    ],
    ["{ host: true }", "world 203.0.113.10:443", { from: { kind: "host" }, to: { addresses: 1, port: 443 } }],
  ])("from %s to %s", (from, to, expected) => {
    expect(load(withEnds(from, to)).base.workloads[1]).toMatchObject({ ...expected, entry: "here" });
  });

  it("the world calls services that are reachable from outside", () => {
    const text = withEnds('{ world: 198.51.100.0/24, clients: 9, ports: 1024..2047 }', "shop/cart", "    entry: elsewhere\n");
    const outside = text.replace("name: shop/cart, port: 80", "name: shop/cart, port: 80, type: NodePort, nodePort: 30123, sessionAffinity: 3h");
    const { base } = load(outside);
    expect(base.workloads[1]).toMatchObject({ from: { kind: "world", clients: 9, ports: [1024, 2047] }, entry: "elsewhere" });
    expect(base.services[0]).toMatchObject({ type: "NodePort", nodePort: 30123, affinityNs: 10_800e9 });
    expect(mistakes(text).map(({ message }) => message)).toEqual([`the world can't reach "shop/cart": it is a ClusterIP service`]);
  });

  it.each([
    ["{ workload: shop/web }", "world 203.0.113.300:443", /no address or prefix/],
    ["{ workload: shop/web }", "world 203.0.113.17/28:443", /no address or prefix/],
    ["{ workload: shop/web }", "world 10.0.3.3:443", /lies in the pod network/],
    ["{ workload: shop/web }", "world 203.0.113.3:70000", /no port 70000/],
    ["{ world: 198.51.100.0/30, clients: 5 }", "world 203.0.113.3:80", /no room for 5 clients/],
    ["{ workload: shop/web }", "pods shop/card", /there is no service "shop\/card"/],
    ["{ world: 198.51.100.0/24, ports: 9..3 }", "world 203.0.113.3:80", /it ends before it begins/],
  ])("refuses from %s to %s", (from, to, message) => {
    const found = mistakes(withEnds(from, to));
    expect(found.map((each) => each.message).join("\n")).toMatch(message);
    expect(found).toHaveLength(1);
  });

  it("asks for the world where a node's entry is named", () => {
    expect(mistakes(withEnds("{ workload: shop/web }", "shop/cart", "    entry: elsewhere\n"))[0]!.message).toMatch(/only requests of the world/);
  });
});

describe("queries", () => {
  const query = changed("connection: { requests: 2, thinkTime: { uniform: 1ms..3ms }, hold: { exponential: 200ms }, close: server, leak: 5% }", "query: {}");

  it("go to UDP services", () => {
    const { base } = load(query.replace("    to: shop/cart:80\n    arrivals", "    to: shop/dns\n    arrivals"));
    expect(base.workloads[1]).toMatchObject({ kind: "queries", dns: null, query: { timeoutNs: 5e9, attempts: 2, requestBytes: 256 } });
    expect(mistakes(query)[0]).toMatchObject({ message: '"shop/cart:80" is a TCP service, and this is a workload of UDP' });
  });

  it("look names up with kubelet's settings", () => {
    const text = query.replace("    to: shop/cart:80\n    arrivals", "    to: shop/dns\n    arrivals").replace("query: {}", "query: { dns: {} }");
    expect(load(text).base.workloads[1]).toMatchObject({ dns: { ndots: 5, search: 3, dots: 1, foundAt: 0 } });
  });
});

describe("the timeline", () => {
  const timed = (event: string): string => changed("client: { synRto", `timeline: [${event}]\nclient: { synRto`);

  it("is read with its defaults", () => {
    const { base } = load(timed("{ at: 10s, every: 20s, times: 3, backends: { service: shop/cart, remove: 1, lag: 5s } }"));
    const happening = { kind: "backends", service: 0, add: 0, remove: 1, graceNs: 0, lagNs: 5e9, how: "stops" };
    expect(base.timeline).toEqual([{ atNs: 10e9, everyNs: 20e9, times: 3, happening }]);
    expect(load(timed("{ at: 0s, agent: { down: 30s, resize: { cilium_ct4_global: 4Ki } } }")).base.timeline[0]!.happening).toEqual({
      kind: "agent",
      downNs: 30e9,
      resize: { ct4_global: 4096 },
    });
  });

  it.each([
    ["{ at: 10m, cpu: { share: 50%, for: 1s } }", /happen at 10m, and the run ends at 5m/],
    ["{ at: 1s, times: 3, cpu: { share: 50%, for: 1s } }", /how far apart/],
    ["{ at: 1s, backends: { service: shop/card, remove: 1 } }", /there is no service "shop\/card"/],
    ["{ at: 1s, backends: { service: shop/cart } }", /no backend comes or goes/],
    ["{ at: 1s, pods: { workload: shop/wbe } }", /there is no workload of the simulated node "shop\/wbe"/],
    ["{ at: 1s, agent: { down: 1s, resize: { ipcache: 4096 } } }", /there is no map that can be created anew "ipcache"/],
    ["{ at: 1s, policy: { endpoints: shop/wbe } }", /there is no workload of the simulated node "shop\/wbe"/],
    ["{ at: 1s, link: { loss: 2 , for: 1s } }", /outside 0/],
  ])("refuses %s", (event, message) => {
    const found = mistakes(timed(event));
    expect(found.map((each) => each.message).join("\n")).toMatch(message);
  });

  it("a prefilter is a list of prefixes", () => {
    expect(load(changed("client: { synRto", "prefilter: [198.51.100.0/24]\nclient: { synRto")).base.prefilter).toEqual(["198.51.100.0/24"]);
    expect(mistakes(changed("client: { synRto", "prefilter: [198.51.100.1/24]\nclient: { synRto"))[0]!.message).toMatch(/no network prefix/);
  });
});

describe("when and how long", () => {
  const arriving = (arrivals: string): string => changed("arrivals: { poisson: 100/s, first: 1m, every: 2m, for: 10s }", `arrivals: ${arrivals}`).replace("expect:\n  - syn_latency_p99{window=\"inside\"} < 10ms\n", "");

  it.each([
    ["{ onOff: { rate: 50/s, on: 10s, off: { exponential: 20s } } }", { kind: "on-off", perSecond: 50, on: { kind: "constant", valueNs: 10e9 } }],
    ["{ series: [[0s, 0/s], [1m, 600/m]], repeat: 2m }", { kind: "series", repeatNs: 120e9, points: [{ atNs: 0, perSecond: 0 }, { atNs: 60e9, perSecond: 10 }] }],
    ["{ diurnal: { mean: 5/s, swing: 80%, peakHour: 14 } }", { kind: "diurnal", perSecond: 5, swing: 0.8, peakHour: 14 }],
    ["{ loop: { clients: 20, think: 50ms } }", { kind: "loop", clients: 20 }],
  ])("arrivals %s", (text, arrivals) => {
    expect(load(arriving(text)).base.workloads[1]).toMatchObject({ arrivals, bursts: null });
  });

  it.each([
    ["{ series: [[1m, 5/s], [1m, 6/s]] }", /does not come after/],
    ["{ series: [[0s, 5/s], [1m, 6/s]], repeat: 30s }", /begin again before it ends/],
    ["{ loop: { clients: 20 } }", /"think" is missing/],
  ])("refuses %s", (text, message) => {
    expect(mistakes(arriving(text)).map((each) => each.message).join("\n")).toMatch(message);
  });

  it.each([
    ["{ lognormal: { median: 2ms, sigma: 1.5 } }", { kind: "lognormal", medianNs: 2e6, sigma: 1.5 }],
    ["{ pareto: { min: 1ms, shape: 1.2, max: 1h } }", { kind: "pareto", scaleNs: 1e6, shape: 1.2, highestNs: 3600e9 }],
    ["{ weibull: { scale: 1s, shape: 0.7 } }", { kind: "weibull", scaleNs: 1e9, shape: 0.7 }],
    ["{ empirical: [[1ms, 50%], [10ms, 1]] }", { kind: "empirical", valuesNs: [1e6, 1e7], shares: [0.5, 1] }],
  ])("holds %s", (text, hold) => {
    expect(load(changed("hold: { exponential: 200ms }", `hold: ${text}`)).base.workloads[1]).toMatchObject({ connection: { hold } });
  });
});
