/** Flows of the node's proxies in whole runs: one record for each request and answer, and none where nobody reads them. */
import { describe, expect, it, vi } from "vitest";
import { nodeWorld, type NodeWorld } from "../../test/support/node-world.js";
import { seconds } from "../core/units.js";
import { MetricStore } from "../observe/metrics/metric-store.js";
import { Directory } from "./directory.js";

interface Shown {
  readonly time: string;
  readonly uuid: string;
  readonly verdict: string;
  readonly Type: string;
  readonly IP: { readonly source: string; readonly destination: string };
  readonly l4: { readonly TCP?: { readonly destination_port: number; readonly flags?: object } };
  readonly source: { readonly pod_name?: string; readonly ID?: number; readonly labels: readonly string[] };
  readonly destination: { readonly pod_name?: string; readonly identity?: number; readonly labels: readonly string[] };
  readonly destination_names?: readonly string[];
  readonly l7?: { readonly type: string; readonly latency_ns?: string; readonly http?: { readonly url: string; readonly code?: number } };
  readonly event_type: { readonly type: number };
  readonly traffic_direction: string;
  readonly is_reply: boolean;
  readonly Summary: string;
}

const HTTP = "{ to: PEER, port: 80, l7: http }";
const DNS = "{ to: kube-system/dns, port: 53, protocol: UDP, l7: dns }";
const SERVICES = "services: [{ name: shop/cart, port: 80, BACKENDS: 1 }, { name: kube-system/dns, port: 53, protocol: UDP, backends: 1 }]";
const once = "arrivals: { constant: 1/s, first: 1s, every: 20s, for: 1500ms }";

interface Ran {
  readonly world: NodeWorld;
  readonly lines: readonly string[];
  readonly flows: readonly Shown[];
}

function run(sections: string, observe = "{ flows: all }", helm: Readonly<Record<string, string>> = {}, until = 8): Ran {
  let text = "";
  const world = nodeWorld(sections, helm, undefined, { observe, take: (more) => void (text += more) });
  world.simulation.run(seconds(until));
  world.node.flows.finish();
  const lines = text.split("\n").filter((line) => line.includes('"Type":"L7"'));
  const flows = text.split("\n").slice(0, -1).map((line) => (JSON.parse(line) as { flow: Shown }).flow);
  return { world, lines, flows };
}

const scene = (policy: string, workload: string, backends = "backends"): string =>
  `${SERVICES.replace("BACKENDS", backends)}\npolicies: [${policy}]\nworkloads: [${workload}]\n`;
const fromWeb = (allow: string): string => `{ endpoints: shop/web, egress: deny, allow: [${allow}] }`;
const SAYS = 'connection: { requests: 2, http: { path: "/items?page=2", status: 404 } }';
const TO_CART = `{ name: w, from: { workload: shop/web }, to: shop/cart, ${once}, ${SAYS} }`;

describe("HTTP", () => {
  it("a request and its answer, with ends and latency, for each that passes", () => {
    const { flows, world } = run(scene(fromWeb(HTTP.replace("PEER", "shop/cart")), TO_CART));
    const shown = flows.filter(({ Type }) => Type === "L7");
    expect(shown.map(({ Summary, is_reply }) => [is_reply, Summary.replace(/ \d+ms/, " Nms")])).toEqual(
      [1, 2].flatMap(() => [
        [false, "HTTP/1.1 GET http://cart.shop.svc.cluster.local/items?page=2"],
        [true, "HTTP/1.1 404 Nms (GET http://cart.shop.svc.cluster.local/items?page=2)"],
      ]),
    );
    const [request, response] = shown as [Shown, Shown];
    const all = { verdict: "FORWARDED", event_type: { type: 129 }, traffic_direction: "EGRESS" };
    expect(request).toMatchObject({ ...all, source: { pod_name: "web-0" }, destination: { pod_name: "cart-0" } });
    expect(response).toMatchObject({ ...all, source: { pod_name: "cart-0" }, destination: { pod_name: "web-0" } });
    expect(request.l4.TCP!.flags).toBeUndefined();
    expect(response.IP).toMatchObject({ source: request.IP.destination, destination: request.IP.source });
    // The client waits for what the proxy sees, and for its own way to it.
    const latency = Number(response.l7!.latency_ns);
    const waited = world.recorder.requestLatency.summaries()["all"]!.maxNs!;
    expect(latency).toBeGreaterThan(1e6);
    expect(latency).toBeLessThan(waited);
    expect(new Set(flows.map(({ uuid }) => uuid)).size).toBe(flows.length);
  });

  it("at the server's policy they are ingress; at both, each proxy tells of its own", () => {
    const ingress = "{ endpoints: shop/cart, ingress: deny, allow: [{ from: shop/web, port: 80, l7: http }] }";
    const directions = (policy: string): readonly string[] =>
      run(scene(policy, TO_CART, "localBackends")).flows.flatMap(({ traffic_direction, l7 }) => (l7 === undefined ? [] : [`${traffic_direction} ${l7.type}`]));
    expect(directions(ingress).slice(0, 2)).toEqual(["INGRESS REQUEST", "INGRESS RESPONSE"]);
    const both = directions(`${fromWeb(HTTP.replace("PEER", "shop/cart"))}, ${ingress}`);
    expect(both.slice(0, 4)).toEqual(["EGRESS REQUEST", "INGRESS REQUEST", "INGRESS RESPONSE", "EGRESS RESPONSE"]);
  });

  it("the world by its address, with the port that is not HTTP's", () => {
    const workload = TO_CART.replace("shop/cart", '"world 203.0.113.10:8080"');
    const { flows } = run(scene(fromWeb("{ to: world, port: 8080, l7: http }"), workload));
    const request = flows.find(({ Type }) => Type === "L7")!;
    expect(request.l7!.http!.url).toBe("http://203.0.113.10:8080/items?page=2");
    expect(request.destination).toEqual({ identity: 2, labels: ["reserved:world"] });
  });

  it("no flow without a rule above layer 4, none where only drops are wanted, and nobody listens where none are", () => {
    expect(run(scene(fromWeb("{ to: shop/cart, port: 80 }"), TO_CART)).lines).toEqual([]);
    expect(run(scene(fromWeb(HTTP.replace("PEER", "shop/cart")), TO_CART), "{ flows: dropped }").lines).toEqual([]);
    expect(nodeWorld(scene(fromWeb(HTTP.replace("PEER", "shop/cart")), TO_CART)).node.flows.accessLog).toBeNull();
  });

  it("shows nothing that the values have redacted", () => {
    const shown = (redact: Readonly<Record<string, string>>): readonly string[] => {
      const helm = { "hubble.redact.enabled": "true", ...redact };
      const { lines } = run(scene(fromWeb(HTTP.replace("PEER", "shop/cart")), TO_CART), undefined, helm);
      const [request, response] = lines as [string, string];
      expect(response).toContain('"latency_ns"');
      return [/"value":"(HUBBLE_REDACTED)?/.exec(request)![1] ?? "shown", /"url":"[^"]*?(\?.*?)?"/.exec(request)![1] ?? "no query"];
    };
    expect(shown({ "hubble.redact.http.urlQuery": "true" })).toEqual(["HUBBLE_REDACTED", "no query"]);
    expect(shown({ "hubble.redact.http.headers.allow": "[X-Request-Id]" })).toEqual(["shown", "?page=2"]);
    expect(shown({ "hubble.redact.http.headers.deny": "[authorization]" })).toEqual(["shown", "?page=2"]);
    expect(shown({ "hubble.redact.http.headers.deny": "[x-request-id]" })).toEqual(["HUBBLE_REDACTED", "?page=2"]);
  });

  describe("that the server does not answer", () => {
    const CRASHED = "timeline: [{ at: 500ms, backends: { service: shop/cart, remove: 1, how: crashes, lag: 1h } }]\n";
    const told = ({ flows }: Ran): readonly string[] => flows.flatMap(({ l7, verdict, Summary }) => (l7 === undefined ? [] : [`${verdict} ${Summary.slice(0, 12)}`]));
    const [ASKED, UNAVAILABLE] = ["FORWARDED HTTP/1.1 GET", "FORWARDED HTTP/1.1 503"];

    it("is answered with 503 by the proxy, and the client's connection serves its next request", () => {
      const ran = run(CRASHED + scene(fromWeb(HTTP.replace("PEER", "shop/cart")), TO_CART));
      expect(told(ran)).toEqual([ASKED, UNAVAILABLE, ASKED, UNAVAILABLE]);
      const { counts, requestLatency } = ran.world.recorder;
      expect(counts).toMatchObject({ connectionsOpened: 1, connectionsBroken: 0 });
      expect(requestLatency.all().count).toBe(2);
      // Four refusals, each a round trip away.
      expect(requestLatency.summaries()["all"]!.p50Ns!).toBeGreaterThan(4 * 250e3);
      expect(requestLatency.summaries()["all"]!.maxNs!).toBeLessThan(3e6);
      const { l7 } = ran.flows.filter(({ Type }) => Type === "L7")[1]!;
      expect(Number(l7!.latency_ns)).toBeGreaterThan(4 * 250e3);
    });

    it("is asked for again by the proxy before when the next one has given up", () => {
      const ingress = "{ endpoints: shop/cart, ingress: deny, allow: [{ from: shop/web, port: 80, l7: http }] }";
      // Timelines change pods of other nodes alone.
      const listens = vi.spyOn(Directory.prototype, "listens").mockReturnValue(false);
      const all = told(run(scene(`${fromWeb(HTTP.replace("PEER", "shop/cart"))}, ${ingress}`, TO_CART, "localBackends"), undefined, {}, 80));
      listens.mockRestore();
      const once = [ASKED, ...Array.from({ length: 4 }, () => [ASKED, UNAVAILABLE]).flat(), UNAVAILABLE];
      expect(all).toEqual([...once, ...once]);
    });

    it("counts with its status in Hubble's metrics", () => {
      const helm = { "hubble.metrics.enabled": "[http]" };
      const { world } = run(CRASHED + scene(fromWeb(HTTP.replace("PEER", "shop/cart")), TO_CART), "{ flows: all, scrape: 5s }", helm);
      const store = new MetricStore();
      store.begin(0);
      world.node.flows.hubbleMetrics!.collect(store);
      const columns = [...store.families()].flatMap(({ groups }) => [...groups].flatMap((group) => [...group.columns]));
      const responses = columns.filter(({ series }) => series.startsWith("hubble_http_responses_total"));
      expect(responses.map(({ series, values }) => [/status="(\d+)"/.exec(series)![1], values[0]])).toEqual([["503", 2]]);
    });
  });

  it("goes through Hubble's queue when the scenario models it", () => {
    const direct = run(scene(fromWeb(HTTP.replace("PEER", "shop/cart")), TO_CART)).lines.length;
    const { lines, world } = run(scene(fromWeb(HTTP.replace("PEER", "shop/cart")), TO_CART), "{ flows: all, hubble: {} }");
    expect(lines.length).toBe(direct);
    expect(world.node.flows.hubble!.result().events).toBeGreaterThan(direct);
  });
});

describe("what no rule allows", () => {
  const ruled = (rules: string): string => fromWeb(`{ to: shop/cart, port: 80, l7: http, rules: [${rules}] }`);
  const told = (policy: string, backends?: string): readonly string[] =>
    run(scene(policy, TO_CART, backends)).flows.flatMap(({ l7, verdict, Summary }) => (l7 === undefined ? [] : [`${verdict} ${Summary.replace(/ \d+ms.*/, "")}`]));

  it("is answered with 403 by the proxy; the server hears nothing of it", () => {
    const { flows, world } = run(scene(ruled('{ method: "POST|PUT" }, { method: GET, path: /public/.* }'), TO_CART));
    const shown = flows.filter(({ Type }) => Type === "L7").slice(0, 2);
    expect(shown.map(({ verdict, is_reply }) => [verdict, is_reply])).toEqual([["DROPPED", false], ["FORWARDED", true]]);
    expect(shown[1]!.Summary).toMatch(/^HTTP\/1\.1 403 0ms \(GET http:\/\/cart\.shop/);
    const { connectionsOpened, connectionsEstablished } = world.recorder.counts;
    expect([connectionsOpened, connectionsEstablished, world.recorder.requestLatency.all().count]).toEqual([1, 1, 2]);
    expect(world.recorder.requestLatency.summaries()["all"]!.maxNs!).toBeLessThan(1e6);
  });

  it("one rule is enough, over the whole path; without a list everything passes", () => {
    expect(told(ruled("{ path: /items }"))[0]).toMatch(/^DROPPED/);
    expect(told(ruled('{ path: /other }, { path: "/items.*" }'))[0]).toMatch(/^FORWARDED/);
    const both = fromWeb(`{ to: shop/cart, port: 80, l7: http, rules: [{ path: /none }] }, ${HTTP.replace("PEER", "shop/cart")}`);
    expect(told(both)[0]).toMatch(/^FORWARDED/);
  });

  it("the server's policy may deny what the client's allows: both proxies pass the 403 on", () => {
    const ingress = "{ endpoints: shop/cart, ingress: deny, allow: [{ from: shop/web, port: 80, l7: http, rules: [{ method: PUT }] }] }";
    expect(told(`${fromWeb(HTTP.replace("PEER", "shop/cart"))}, ${ingress}`, "localBackends").slice(0, 4).map((text) => text.slice(0, 22))).toEqual([
      "FORWARDED HTTP/1.1 GET", "DROPPED HTTP/1.1 GET h", "FORWARDED HTTP/1.1 403", "FORWARDED HTTP/1.1 403",
    ]);
  });

  it("names are refused, and the resolver goes on to the next", () => {
    const ask = "query: { serverTime: 0s, dns: { name: api.example.com, dots: 2, ndots: 3, search: 1 } }";
    const lookup = `{ name: names, from: { workload: shop/web }, to: kube-system/dns, ${once}, ${ask} }`;
    const ruledNames = (rule: string): { answered: number; denied: number } => {
      const { flows, world } = run(scene(fromWeb(DNS.replace("l7: dns", `l7: dns, rules: [${rule}]`)), lookup));
      return { answered: world.recorder.counts.queriesAnswered, denied: flows.filter(({ Type, verdict }) => Type === "L7" && verdict === "DROPPED").length };
    };
    expect(ruledNames('{ matchPattern: "*.example.com" }')).toEqual({ answered: 1, denied: expect.toSatisfy((count: number) => count >= 2) });
    expect(ruledNames('{ matchName: example.com }, { matchName: api.example.org }')).toMatchObject({ answered: 0 });
    expect(ruledNames('{ matchPattern: "*" }')).toEqual({ answered: 1, denied: 0 });
  });
});

describe("DNS", () => {
  const lookup = (dns: string): string => `{ name: names, from: { workload: shop/web }, to: kube-system/dns, ${once}, query: { serverTime: 0s, dns: ${dns} } }`;
  const summaries = (dns: string): readonly string[] =>
    run(scene(fromWeb(DNS), lookup(dns))).flows.flatMap(({ l7, Summary }) => (l7 === undefined ? [] : [Summary]));

  it("each candidate's two questions and answers", () => {
    expect(summaries("{ name: api.example.com, dots: 2, address: 203.0.113.9, ndots: 3, search: 1 }")).toEqual([
      "DNS Query api.example.com.shop.svc.cluster.local. A",
      "DNS Query api.example.com.shop.svc.cluster.local. AAAA",
      "DNS Answer RCode: Non-Existent Domain TTL: 4294967295 (Proxy api.example.com.shop.svc.cluster.local. A)",
      "DNS Answer RCode: Non-Existent Domain TTL: 4294967295 (Proxy api.example.com.shop.svc.cluster.local. AAAA)",
      "DNS Query api.example.com. A",
      "DNS Query api.example.com. AAAA",
      'DNS Answer "203.0.113.9" TTL: 30 (Proxy api.example.com. A)',
      "DNS Answer  TTL: 4294967295 (Proxy api.example.com. AAAA)",
    ]);
  });

  it("a placeholder where the scenario has no name", () => {
    expect(summaries("{ ndots: 1, search: 0 }").slice(0, 1)).toEqual(["DNS Query names.example. A"]);
    const answers = summaries("{ dots: 0, foundAt: 2 }").filter((text) => text.includes('"'));
    expect(answers).toEqual(['DNS Answer "198.51.100.1" TTL: 30 (Proxy names.svc.cluster.local. A)']);
  });

  it("names an address afterwards, for the pod that has looked it up, as long as the answer holds", () => {
    const later = `{ name: out, from: { workload: shop/web }, to: "world 203.0.113.9:443", arrivals: { constant: 1/s, first: 3s, every: 20s, for: 1500ms } }`;
    const other = later.replace("name: out", "name: others").replace("shop/web", "shop/job");
    const dns = lookup("{ name: api.example.com, dots: 2, address: 203.0.113.9, ndots: 1 }");
    const { flows } = run(scene(fromWeb(`${DNS}, { to: world, port: 443 }`), `${dns}, ${later}, ${other}`));
    const outward = flows.filter(({ IP, Type }) => IP.destination === "203.0.113.9" && Type !== "L7");
    const of = (pod: string): readonly Shown[] => outward.filter(({ source }) => source.pod_name === pod);
    const names = (pod: string): readonly unknown[] => [...new Set(of(pod).map((flow) => flow.destination_names?.join()))];
    expect(names("web-0")).toEqual(["api.example.com"]);
    expect(names("job-0")).toEqual([undefined]);
  });
});
