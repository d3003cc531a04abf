/** Every kind of mistake in a scenario: where it is reported, in which words, with which suggestion. */
import { describe, expect, it } from "vitest";
import { changed, load, mistakes, positionOf, VALID } from "../../test/scenario/fixtures.js";
import type { Diagnostic } from "./diagnostics.js";

interface Mistake {
  /** Text of the fixture, and what stands in its place. */
  readonly from: string;
  readonly to: string;
  /** What the caret points at. */
  readonly at: string;
  readonly message: RegExp;
  readonly expected?: RegExp;
  readonly nearest?: string;
}

function one(text: string): Diagnostic {
  const found = mistakes(text).filter(({ severity }) => severity === "error");
  expect(found.map(({ message }) => message)).toHaveLength(1);
  return found[0]!;
}

function check({ from, to, at, message, expected, nearest }: Mistake): void {
  const text = changed(from, to);
  const found = one(text);
  expect(`${found.line}:${found.column}`).toBe(positionOf(text, at));
  expect(found.file).toBe("dir/scenario.yaml");
  expect(found.sourceLine).toBe(text.split("\n")[found.line - 1]);
  expect(found.message).toMatch(message);
  if (expected !== undefined) expect(found.expected).toMatch(expected);
  expect(found.nearest).toBe(nearest ?? null);
}

describe("keys", () => {
  it.each<Mistake>([
    {
      from: "warmup:",
      to: "warmpu:",
      at: "warmpu",
      message: /unknown key "warmpu"/,
      expected: /one of about, apiVersion/,
      nearest: "warmup",
    },
    { from: "nodes: 3", to: "nodse: 3", at: "nodse", message: /unknown key "nodse" in cluster/, nearest: "nodes" },
    { from: "podCIDR", to: "podCidr", at: "podCidr", message: /unknown key/, nearest: "podCIDR" },
    {
      from: "connections: 10",
      to: "conections: 10",
      at: "conections",
      message: /unknown key "conections" in workloads\[0]/,
      nearest: "connections",
    },
    { from: "exponential: 200ms", to: "exponentail: 200ms", at: "exponentail", message: /unknown key/, nearest: "exponential" },
    { from: "about: Twice", to: "abuot: Twice", at: "abuot", message: /unknown key "abuot"/, nearest: "about" },
    { from: "duration: 5m\n", to: "", at: "apiVersion", message: /"duration" is missing/, expected: /a duration/ },
    { from: "name: shop/dns, ", to: "", at: "{ port: 53", message: /"name" is missing in services\[1]/ },
    { from: "seed: 7", to: "seed: 7\nseed: 8", at: "seed: 8", message: /"seed" stands twice/ },
  ])("$to", check);
});

describe("types and units", () => {
  it.each<Mistake>([
    { from: "duration: 5m", to: "duration: 40", at: "40", message: /can't be the number 40: 40 has no unit/, expected: /a duration/ },
    { from: "duration: 5m", to: "duration: 5 minutes", at: "5 minutes", message: /the text "5 minutes"/, expected: /such as 250us/, nearest: "5m" },
    { from: "duration: 5m", to: "duration: -5m", at: "-5m", message: /the text "-5m"/ },
    { from: "duration: 5m", to: "duration: 105d", at: "105d", message: /beyond the horizon of 104 days/ },
    { from: "duration: 5m", to: "duration: [5m]", at: "duration", message: /can't be a list/ },
    { from: "warmup: 10s", to: "warmup: .inf", at: ".inf", message: /the number \.inf/ },
    { from: "warmup: 10s", to: "warmup: ~", at: "~", message: /warmup can't be nothing/ },
    { from: "cpus: 4", to: "cpus: -4", at: "-4", message: /less than 1/ },
    { from: "cpus: 4", to: "cpus: .nan", at: ".nan", message: /not a finite number/ },
    { from: "cpus: 4", to: "cpus: 1.5", at: "1.5", message: /not a whole number/ },
    { from: "cpus: 4", to: "cpus: four", at: "four", message: /the text "four"/, expected: /a whole number/ },
    { from: "memory: 16Gi", to: "memory: 16", at: "16, podCIDR", message: /is a unit missing/, expected: /64Gi/ },
    { from: "linkRate: 25G", to: "linkRate: 25Gx", at: "25Gx", message: /the text "25Gx"/, expected: /100G/ },
    { from: "poisson: 100/s", to: "poisson: 100", at: "100, first", message: /100 has no unit/, expected: /a rate/ },
    { from: "poisson: 100/s", to: "poisson: 100/sec", at: "100/sec", message: /the text "100\/sec"/, expected: /a rate/, nearest: "100/s" },
    { from: "memory: 16Gi", to: "memory: 16GiB", at: "16GiB", message: /the text "16GiB"/, expected: /64Gi/, nearest: "16Gi" },
    { from: "uniform: 1ms..3ms", to: "uniform: 1ms..3msec", at: "1ms..3msec", message: /can't be the text/, expected: /a range/, nearest: "1ms..3ms" },
    { from: "poisson: 100/s", to: "poisson: 0/s", at: "0/s", message: /it is zero/ },
    { from: "leak: 5%", to: "leak: 105%", at: "105%", message: /outside 0 … 1/ },
    {
      from: "close: server",
      to: "close: sever",
      at: "sever",
      message: /the text "sever"/,
      expected: /one of client, server, never/,
      nearest: "server",
    },
    { from: "requests: 2", to: "requests: yes please", at: "yes please", message: /requests can't be the text/ },
    {
      from: "thinkTime: { uniform: 1ms..3ms }",
      to: "thinkTime: true",
      at: "true, hold",
      message: /the truth value true/,
      expected: /a duration.*exponential.*uniform/,
    },
    { from: "uniform: 1ms..3ms", to: "uniform: 3ms..1ms", at: "3ms..1ms", message: /ends before it begins/ },
    { from: "expires: 1m..2m", to: "expires: soon", at: "soon", message: /the text "soon"/, expected: /after-run/ },
    { from: "hz: 250", to: "hz: 251", at: "251", message: /the number 251/, expected: /one of 100, 250, 300, 1000/ },
    { from: "name: everything", to: "name: Every Thing", at: "Every", message: /name can't be/, expected: /small letters/ },
  ])("$to", check);

  it("a list in place of a mapping, and the other way round", () => {
    expect(mistakes(changed("client: { synRto: 500ms, hz: 250 }", "client: [hz]"))[0]!.message).toBe("client can't be a list");
    expect(mistakes(changed('expect:\n  - syn_latency_p99{window="inside"} < 10ms', "expect: { a: 1 }"))[0]).toMatchObject({
      message: "expect can't be a mapping",
      expected: "a list",
    });
  });
});

describe("what one part says about another", () => {
  it.each<Mistake>([
    {
      from: "to: shop/cart:80\n    connections",
      to: "to: shop/crat:80\n    connections",
      at: "shop/crat",
      message: /no service "shop\/crat"/,
      nearest: "shop/cart",
    },
    {
      from: "to: shop/cart:80\n    connections",
      to: "to: shop/cart:81\n    connections",
      at: "shop/cart:81",
      message: /no port 81/,
      expected: /80/,
    },
    {
      from: "to: shop/cart:80\n    connections",
      to: "to: shop/dns:53\n    connections",
      at: "shop/dns:53",
      message: /is a UDP service, and this is a workload of TCP/,
    },
    {
      from: "endpoints: shop/web",
      to: "endpoints: shop/wbe",
      at: "shop/wbe",
      message: /no workload of the simulated node/,
      nearest: "shop/web",
    },
    {
      from: "to: shop/cart, port: 80",
      to: "to: shop/cat, port: 80",
      at: "shop/cat",
      message: /no service or workload/,
      nearest: "shop/cart",
    },
    {
      from: "name: shop/dns, port: 53, protocol: UDP",
      to: "name: shop/cart, port: 80",
      at: "shop/cart, port: 80, backends: 2",
      message: /already there, in line 12/,
    },
    { from: "name: burst", to: "name: pool", at: "pool", message: /the workload "pool" is already there/ },
    { from: "name: burst", to: "name: inside", at: "inside\n", message: /name of a window/ },
    { from: "for: 10s", to: "for: 3m", at: "3m }", message: /a burst of 3m is longer than the 2m between/ },
    { from: "first: 1m", to: "first: 6m", at: "6m", message: /first burst would start at 6m/ },
    { from: ", every: 2m", to: "", at: "arrivals", message: /bursts need "every"/ },
    { from: "warmup: 10s", to: "warmup: 5m", at: "5m\nseed", message: /warmup lasts 5m/ },
    {
      from: "pods: 40, cpus",
      to: "pods: 4, cpus",
      at: "3, clusterIP",
      message: /3 backends and 2 client pods are more pods than the cluster has \(4\)/,
    },
    { from: "nodes: 3", to: "nodes: 300", at: "10.0.0.0/16, rtt", message: /holds a \/24 for 256 nodes/ },
    { from: "nodes: 3", to: "nodes: 1", at: "1, pods", message: /backends live on other nodes/ },
    { from: "podCIDR: 10.0.0.0/16", to: "podCIDR: 10.0.0.1/16", at: "10.0.0.1/16", message: /no network prefix/ },
    { from: "clusterIP: 10.96.1.2", to: "clusterIP: 10.0.1.2", at: "10.0.1.2", message: /lies in the pod network/ },
    {
      from: "ct4_global: { type: hash, maxEntries: 4Ki }",
      to: "ct4_globl: { type: hash }",
      at: "ct4_globl",
      message: /no map "ct4_globl"/,
      nearest: "ct4_global",
    },
    { from: "entries: 1000", to: "entries: 5000", at: "5000", message: /5,000 entries don't fit in ct4_global \(4,096\)/ },
    { from: "map: ct4_global, entries", to: "map: lxc, entries", at: "lxc", message: /no map "lxc" here/ },
    { from: "[[0, 10], [1us, 3]]", to: "[[1us, 10], [0, 3]]", at: "[0, 3]", message: /does not lie above/ },
  ])("$to", check);

  it("more clients than the cluster has pods, or than a node holds", () => {
    const many = (pods: number): string =>
      changed(
        "from: { workload: shop/web, pods: 2 }\n    to: shop/cart:80\n    connections",
        `from: { workload: shop/web, pods: ${pods} }\n    to: shop/cart:80\n    connections`,
      );
    expect(mistakes(many(41)).map(({ message }) => message)).toContain("41 client pods are more than the cluster has (40)");
    expect(mistakes(many(300).replace("pods: 40", "pods: 1000"))[0]!.message).toMatch(/300 client pods don't fit on the simulated node/);
  });

  it("expectations about bursts need bursts", () => {
    const text = changed(", first: 1m, every: 2m, for: 10s", "");
    expect(one(text).message).toMatch(/speaks of bursts, and no workload has any/);
  });
});

describe("releases", () => {
  it.each<Mistake>([
    { from: '"1.17.6"', to: '"1.20.1"', at: '"1.20.1"', message: /no profile for Cilium "1\.20\.1"/, nearest: "1.19.6" },
    { from: "kernel: 5.10", to: "kernel: 4.19", at: "4.19", message: /no profile for Linux "4\.19"/, nearest: "5.10" },
  ])("$to", check);
});

describe("expectations", () => {
  const line = 'syn_latency_p99{window="inside"} < 10ms';
  it.each<Mistake>([
    { from: line, to: 'syn_latncy_p99{window="inside"} < 10ms', at: "syn_latncy_p99", message: /no figure/, nearest: "syn_latency_p99" },
    { from: line, to: 'syn_latency_p99{windw="inside"} < 10ms', at: "windw", message: /no label "windw"/, nearest: "window" },
    { from: line, to: 'syn_latency_p99{window="insde"} < 10ms', at: "insde", message: /no window "insde"/, nearest: "inside" },
    { from: line, to: 'syn_latency_p99{window="inside"} =< 10ms', at: "=<", message: /"=<" does not fit here/, expected: /one of < <=/ },
    {
      from: line,
      to: 'syn_latency_p99{window="inside"} < 10',
      at: "10\n",
      message: /"10" does not fit this figure/,
      expected: /a duration/,
    },
    { from: line, to: 'syn_latency_p99{window="inside"} < 10ms please', at: "please", message: /"please" does not fit/ },
    { from: line, to: "map_pressure_max < 0.5", at: "map_pressure_max", message: /needs the label "map"/ },
    { from: line, to: 'map_pressure_max{map="ct4"} < 0.5', at: 'ct4"} <', message: /no map "ct4"/ },
    { from: line, to: '"gc_runs < x"', at: 'x"', message: /"x" does not fit/ },
  ])("$to", check);
});

describe("what no model covers", () => {
  it.each<Mistake>([
    { from: "seed: 7", to: "faults: []", at: "faults", message: /"faults" can't be simulated: faults .* are events of `timeline`/ },
    { from: "clusterIP: 10.96.1.2", to: "affinity: true", at: "affinity", message: /session affinity is not modelled/ },
    {
      from: "bpf.ctTcpMax: 65536",
      to: "routingMode: tunnel, encryption.enabled: true, encryption.type: wireguard",
      at: "true, encryption.type",
      message: /WireGuard with a tunnel can't be simulated/,
    },
    { from: "bpf.ctTcpMax: 65536", to: "loadBalancer.mode: dsr, loadBalancer.dsrDispatch: ipip", at: "ipip }", message: /DSR by IPIP/ },
    {
      from: "bpf.ctTcpMax: 65536",
      to: "loadBalancer.mode: hybrid, loadBalancer.dsrDispatch: geneve, loadBalancer.acceleration: native",
      at: "native }",
      message: /DSR by Geneve in XDP/,
    },
    { from: "bpf.ctTcpMax: 65536", to: "routingMode: tunnel, loadBalancer.mode: dsr", at: "dsr }", message: /DSR through a tunnel without Geneve/ },
  ])("$to", (mistake) => {
    const text = changed(mistake.from, mistake.to).replace(/variants:[\s\S]*$/, "");
    const found = one(text);
    expect(`${found.line}:${found.column}`).toBe(positionOf(text, mistake.at));
    expect(found.message).toMatch(mistake.message);
  });
});

describe("what does nothing with the settings", () => {
  const hint = /does nothing with these settings/;
  it.each<Mistake>([
    { from: "endpoints: shop/web", to: "endpoints: host", at: "host", message: hint, expected: /hostFirewall\.enabled: true/ },
    { from: "client:", to: "bandwidth: [{ pods: shop/web, egress: 10M }]\nclient:", at: "bandwidth", message: hint, expected: /bandwidthManager/ },
    {
      from: "client:",
      to: "egressGateways: [{ pods: shop/web, to: 203.0.113.0/24 }]\nclient:",
      at: "egressGateways",
      message: hint,
      expected: /egressGateway\.enabled: true/,
    },
  ])("$to", (mistake) => {
    const text = changed(mistake.from, mistake.to).replace(/variants:[\s\S]*$/, "");
    const found = one(text);
    expect(found.line).toBe(Number(positionOf(text, mistake.at).split(":")[0]));
    expect(found.message).toMatch(mistake.message);
    expect(found.expected).toMatch(mistake.expected!);
  });

  it("pods that are not there, prefixes and addresses that are none", () => {
    const helm = "bpf.ctTcpMax: 65536, bandwidthManager.enabled: true";
    const sections = "bandwidth: [{ pods: shop/wbe, egress: 10M }]\negressGateways: [{ pods: shop/web, to: 203.0.113.7/24, egressIP: 1.2.3.400 }]\n";
    const text = changed("bpf.ctTcpMax: 65536", helm).replace("client:", `${sections}client:`).replace(/variants:[\s\S]*$/, "");
    expect(mistakes(text).map(({ message }) => message)).toEqual([
      'there is no workload of the simulated node "shop/wbe"',
      "an egress gateway policy does nothing with these settings",
      "203.0.113.7/24 is no network prefix",
      "1.2.3.400 is no IPv4 address",
    ]);
  });
});

describe("rules above layer 4", () => {
  const rule = "{ direction: egress, to: shop/cart, port: 80 }";
  it.each<Mistake>([
    { from: rule, to: "{ to: shop/cart, l7: http }", at: "http }", message: /needs a port/ },
    { from: rule, to: "{ to: shop/cart, port: 80, l7: dns }", at: "dns }", message: /DNS over TCP is not modelled/ },
    { from: rule, to: "{ to: shop/cart, port: 80, l7: kafka }", at: "kafka }", message: /./, expected: /http/ },
    { from: rule, to: "{ to: shop/cart, port: 80, protocol: UDP, l7: http }", at: "http }", message: /for TCP/ },
    { from: rule, to: "{ to: shop/cart, port: 80, rules: [] }", at: "rules", message: /need their protocol/, expected: /`l7: http`/ },
    { from: rule, to: "{ to: shop/cart, port: 80, l7: http, rules: [{ matchName: a.b }] }", at: "{ matchName", message: /another protocol/, expected: /path/ },
    { from: rule, to: "{ to: shop/cart, port: 80, l7: http, rules: [{ path: /( }] }", at: "/(", message: /./, expected: /regular expression/ },
    { from: rule, to: "{ direction: ingress, from: shop/web, port: 80, l7: http }", at: "http }", message: /default is to allow/, expected: /ingress: deny/ },
    { from: `allow: [${rule}]`, to: "deny: [{ to: shop/cart, port: 80, l7: http }]", at: "l7", message: /denials/ },
  ])("$to", check);
});

describe("queries that are no UDP", () => {
  const query = (to: string, text: string): string =>
    `workloads:\n  - { name: q, from: { workload: shop/web }, to: ${to}, arrivals: { poisson: 1/s }, query: { ${text} } }\n  - name: pool`;
  it.each<[string, string, RegExp]>([
    ["shop/dns", "protocol: ICMP", /services answer no echoes/],
    ["world 203.0.113.1", "protocol: UDP", /203\.0\.113\.1 has no port/],
    ["pods shop/dns", "protocol: ICMP, requestBytes: 4000", /ICMP in more than one packet is not modelled/],
    ["shop/dns", "requestBytes: 70000", /no datagram has so many bytes/],
    ["pods shop/dns", "protocol: ICMP, dns: {}", /names are looked up by UDP/],
    ["shop/dns", "protocol: SCTP", /is a UDP service, and this is a workload of SCTP/],
  ])("%s { %s }", (to, text, message) => {
    expect(one(changed("workloads:\n  - name: pool", query(to, text))).message).toMatch(message);
  });

  it("a service of SCTP needs its setting", () => {
    const text = changed("protocol: UDP, backends: 2", "protocol: SCTP, backends: 2").replace(/variants:[\s\S]*$/, "");
    expect(mistakes(text).map(({ message }) => message)).toContain("a service of SCTP does nothing with these settings");
  });
});

it("a policy of the timeline is held to the same", () => {
  const event = "{ at: 1s, policy: { endpoints: shop/web, egress: deny, allow: [{ to: shop/crat }, { to: shop/cart, l7: http }] } }";
  const text = changed("client:", `timeline: [${event}]\nclient:`).replace(/variants:[\s\S]*$/, "");
  expect(mistakes(text).map(({ message }) => message)).toEqual(['there is no service or workload "shop/crat"', "a rule above layer 4 needs a port"]);
});

it("a collector's clock is ahead or behind", () => {
  const text = changed("client:", "timeline: [{ at: 1s, gc: { for: 1m } }]\nclient:");
  expect(one(text).message).toMatch(/which way does the clock go wrong/);
});

describe("variants", () => {
  it.each<Mistake>([
    { from: "about: Twice the size.", to: "duratoin: 1m", at: "duratoin", message: /unknown key "duratoin"/, nearest: "duration" },
    { from: "about: Twice the size.", to: "name: other", at: "name: other", message: /a variant can't change name/ },
    { from: "  bigger:", to: "  Bigger One:", at: "Bigger One", message: /can't be the name of a variant/ },
    { from: "maps: { ct4_global: null }", to: "duration: null", at: "apiVersion", message: /"duration" is missing/ },
  ])("$to", check);

  it("a mistake of the base is reported once, however many variants repeat it", () => {
    expect(mistakes(changed("hz: 250", "hz: 251"))).toHaveLength(1);
  });
});

describe("several mistakes", () => {
  it("are all reported, in the order of the file", () => {
    const text = VALID.replace("nodes: 3", "nodse: 3")
      .replace("cpus: 4", "cpus: x")
      .replace("port: 53", "port: 53s")
      .replace("hz: 250", "hz: 1")
      .replace("duration: 5m", "duration: 5");
    const found = mistakes(text);
    expect(found.map(({ message }) => message.split(" ").slice(0, 3).join(" "))).toEqual([
      'unknown key "nodse"',
      "cluster.cpus can't be",
      "services[1].port can't be",
      "client.hz can't be",
      "duration can't be",
    ]);
    expect(found.map(({ line }) => line)).toEqual([...found.map(({ line }) => line)].sort((a, b) => a - b));
  });

  it("of the scenario come before those of its values file, which is read all the same", () => {
    const found = mistakes(changed("hz: 250", "hz: 1"), {}, { "dir/values.yaml": "bpf: { ctTcpMaks: 5 }" });
    expect(found.map(({ file, nearest }) => [file, nearest])).toEqual([
      ["dir/scenario.yaml", null],
      ["dir/values.yaml", "bpf.ctTcpMax"],
    ]);
  });
});

describe("files that a scenario names", () => {
  it("a missing one is reported where it is named", () => {
    const text = changed("values: values.yaml", "values: [valuse.yaml]");
    const found = one(text);
    expect(`${found.line}:${found.column}`).toBe(positionOf(text, "valuse.yaml"));
    expect(found.message).toBe("the values file dir/valuse.yaml can't be opened: no such file");
  });

  it("sizes with which the agent would not start are reported in its words, where they were set", () => {
    const small = mistakes(VALID, {}, { "dir/values.yaml": "routingMode: native\nbpf:\n  ctAnyMax: 1000\n" })[0]!;
    expect(small).toMatchObject({ file: "dir/values.yaml", line: 3, column: 13 });
    expect(small.message).toMatch(/the agent refuses to start: specified CT tables values 65536\/1000 must be greater or equal to 1024/);
    const large = mistakes(VALID, {}, { "dir/values.yaml": 'routingMode: native\nbpf: { natMax: "16777217" }' })[0]!;
    expect(large.message).toMatch(/specified NAT tables size 16777217 must not exceed maximum 16777216/);
  });
});

it("the fixture itself is fine", () => {
  expect(load(VALID).warnings).toEqual([]);
});
