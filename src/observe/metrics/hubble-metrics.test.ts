/** Hubble's counters: which flow counts where, and how its ends are named. Expected labels are those of Hubble's handlers. */
import { describe, expect, it } from "vitest";
import { FLOW_DIRECTION, FLOW_EVENT, FLOW_REPLY, FLOW_VERDICT, FlowRow, ROW_DESTINATION, ROW_SOURCE } from "../flow-row.js";
import { FlowTables, NOBODY } from "../flow-tables.js";
import type { DnsAnswer, DnsType, Layer7 } from "../layer7.js";
import { HubbleMetrics, type HubbleMetricSpec } from "./hubble-metrics.js";
import { MetricStore } from "./metric-store.js";

const CART = 0;
const WEB = 1;
const tables = new FlowTables({
  endpoints: [
    {
      address: [0x0a00000a], id: 17, identity: 300, namespace: "shop", podName: "cart-1",
      labels: ["k8s:app.kubernetes.io/name=cart"], workloads: [{ name: "cart", kind: "Deployment" }],
    },
    { address: [0x0b00000a], id: 0, identity: 301, namespace: "web", podName: "front-1", labels: ["k8s:app=front"] },
  ],
  services: [],
});

const NO_CONTEXT = { any: [], egress: null, ingress: null };
const spec = (name: string, more: Partial<HubbleMetricSpec> = {}): HubbleMetricSpec => ({
  name, source: NO_CONTEXT, destination: NO_CONTEXT, labels: [], flags: [], ...more,
});

function flow(more: Partial<FlowRow> = {}): FlowRow {
  const row = Object.assign(new FlowRow(), {
    eventType: FLOW_EVENT.trace, verdict: FLOW_VERDICT.forwarded, protocol: 6, sport: 40000, dport: 80, tcpFlags: 0x02,
    sourceEndpoint: CART, sourceIdentity: 300, destinationEndpoint: WEB, destinationIdentity: 301,
    direction: FLOW_DIRECTION.egress, reply: FLOW_REPLY.no, ...more,
  });
  row.addresses[ROW_SOURCE] = 0x0a00000a;
  row.addresses[ROW_DESTINATION] = 0x0b00000a;
  return row;
}

/** Series and values after these flows. */
function counted(specs: readonly HubbleMetricSpec[], rows: readonly FlowRow[], metrics = new HubbleMetrics(specs, tables)): Record<string, number> {
  for (const row of rows) metrics.count(row);
  const store = new MetricStore();
  store.begin(0);
  metrics.collect(store);
  const lines = [...store.families()].flatMap(({ groups }) => [...groups].flatMap(({ columns }) => [...columns]));
  return Object.fromEntries(lines.map(({ series, values }) => [series, values[0]!]));
}

const denied = flow({ eventType: FLOW_EVENT.policyVerdict, verdict: FLOW_VERDICT.dropped, dropCode: 133, reply: FLOW_REPLY.absent });
const dropped = flow({ eventType: FLOW_EVENT.drop, subType: 133, verdict: FLOW_VERDICT.dropped, dropCode: 133, reply: FLOW_REPLY.absent });

describe("what counts where", () => {
  it("flow: every one, by event, point and verdict", () => {
    expect(counted([spec("flow")], [flow({ subType: 11 }), flow({ subType: 11 }), denied, dropped, flow({ hasPorts: 0 })])).toEqual({
      'hubble_flows_processed_total{protocol="TCP",type="Trace",subtype="to-network",verdict="FORWARDED"}': 2,
      'hubble_flows_processed_total{protocol="TCP",type="PolicyVerdict",subtype="",verdict="DROPPED"}': 1,
      'hubble_flows_processed_total{protocol="TCP",type="Drop",subtype="",verdict="DROPPED"}': 1,
      'hubble_flows_processed_total{protocol="Unknown L4",type="Trace",subtype="to-endpoint",verdict="FORWARDED"}': 1,
    });
  });

  it("drop: a policy drop twice, as drop and as verdict", () => {
    expect(counted([spec("drop")], [denied, dropped, flow()])).toEqual({ 'hubble_drop_total{reason="POLICY_DENIED",protocol="TCP"}': 2 });
  });

  it("tcp: SYN-ACK is no SYN, FIN and RST count besides, dropped ones don't", () => {
    const flags = [0x02, 0x12, 0x11, 0x14, 0x10].map((tcpFlags) => flow({ tcpFlags }));
    expect(counted([spec("tcp")], [...flags, dropped])).toEqual({
      'hubble_tcp_flags_total{flag="SYN",family="IPv4"}': 1,
      'hubble_tcp_flags_total{flag="SYN-ACK",family="IPv4"}': 1,
      'hubble_tcp_flags_total{flag="FIN",family="IPv4"}': 1,
      'hubble_tcp_flags_total{flag="RST",family="IPv4"}': 1,
    });
  });

  it("icmp, by type and code", () => {
    const rows = [flow({ protocol: 1, icmpType: 8 }), flow({ protocol: 1, icmpType: 3, icmpCode: 4 }), flow({ protocol: 1 })];
    expect(counted([spec("icmp"), spec("port-distribution")], rows)).toMatchObject({
      'hubble_icmp_total{family="IPv4",type="EchoRequest"}': 1,
      'hubble_icmp_total{family="IPv4",type="DestinationUnreachable(FragmentationNeeded)"}': 1,
      'hubble_icmp_total{family="IPv4",type="EchoReply"}': 1,
    });
  });

  it("port-distribution: no replies, none of unknown direction; ports told apart", () => {
    const rows = [flow(), flow({ dport: 443 }), flow({ dport: 443 }), flow({ reply: FLOW_REPLY.yes }), flow({ reply: FLOW_REPLY.absent })];
    expect(counted([spec("port-distribution")], rows)).toEqual({
      'hubble_port_distribution_total{protocol="TCP",port="80"}': 1,
      'hubble_port_distribution_total{protocol="TCP",port="443"}': 2,
    });
  });

  it("policy: direction, match and action; not of the host", () => {
    const verdict = flow({ eventType: FLOW_EVENT.policyVerdict, policyMatch: 2 });
    expect(counted([spec("policy")], [verdict, denied, flow({ ...denied, sourceIdentity: 1 })])).toEqual({
      'hubble_policy_verdicts_total{direction="egress",match="l3-l4",action="forwarded"}': 1,
      'hubble_policy_verdicts_total{direction="egress",match="none",action="dropped"}': 1,
    });
  });

  it("flows-to-world with its options", () => {
    const world = { destinationEndpoint: NOBODY, destinationIdentity: 2 };
    const refused = flow({ ...dropped, ...world, dropCode: 155 });
    const rows = [flow(world), flow({ ...world, tcpFlags: 0x10 }), flow({ ...world, reply: FLOW_REPLY.yes }), flow(), refused];
    expect(counted([spec("flows-to-world")], rows)).toEqual({ 'hubble_flows_to_world_total{protocol="TCP",verdict="FORWARDED"}': 2 });
    expect(counted([spec("flows-to-world", { flags: ["any-drop", "port", "syn-only"] })], rows)).toEqual({
      'hubble_flows_to_world_total{protocol="TCP",verdict="FORWARDED",port="80"}': 1,
      'hubble_flows_to_world_total{protocol="TCP",verdict="DROPPED",port="80"}': 1,
    });
  });
});

describe("what proxies tell", () => {
  const REPLY = {
    sourceEndpoint: WEB, sourceIdentity: 301, destinationEndpoint: CART, destinationIdentity: 300, sport: 80, dport: 40000, reply: FLOW_REPLY.yes,
  } as const;
  const told = (layer7: Layer7, more: Partial<FlowRow> = {}): FlowRow =>
    flow({ eventType: FLOW_EVENT.accessLog, tcpFlags: 0, layer7, ...(layer7.type === "RESPONSE" ? REPLY : {}), ...more });
  const http = (code: number): Layer7["record"] => ({ kind: "http", method: "GET", url: "http://web/", code, requestId: "" });
  const request = told({ type: "REQUEST", latencyNs: 0, record: http(0) });
  const response = (latencyNs: number): FlowRow => told({ type: "RESPONSE", latencyNs, record: http(503) });
  const asked = (qtype: DnsType, answer: DnsAnswer | null = null): FlowRow =>
    told({ type: answer === null ? "REQUEST" : "RESPONSE", latencyNs: 0, record: { kind: "dns", query: "a.", qtype, answer } }, { protocol: 17 });
  const found: DnsAnswer = { rcode: 0, ips: ["10.0.0.1", "10.0.0.2"], ttlS: 30 };

  it("http: requests, answers, and the time between", () => {
    const counts = counted([spec("http")], [request, response(7e6), response(2e9), flow()]);
    expect(counts).toMatchObject({
      'hubble_http_requests_total{method="GET",protocol="HTTP/1.1",reporter="client"}': 1,
      'hubble_http_responses_total{method="GET",protocol="HTTP/1.1",status="503",reporter="client"}': 2,
      'hubble_http_request_duration_seconds_bucket{method="GET",reporter="client",le="0.005"}': 0,
      'hubble_http_request_duration_seconds_bucket{method="GET",reporter="client",le="0.01"}': 1,
      'hubble_http_request_duration_seconds_bucket{method="GET",reporter="client",le="2.5"}': 2,
      'hubble_http_request_duration_seconds_count{method="GET",reporter="client"}': 2,
    });
    expect(counts['hubble_http_request_duration_seconds_sum{method="GET",reporter="client"}']).toBeCloseTo(2.007, 9);
  });

  it("httpV2: at the answer, with the request's ends", () => {
    const source = { any: ["pod"], egress: null, ingress: null } as const;
    const counts = counted([spec("httpV2", { source, labels: ["destination_namespace", "traffic_direction"] })], [request, response(1)]);
    const ends = 'destination_namespace="web",traffic_direction="egress",source=""';
    expect(counts[`hubble_http_requests_total{method="GET",protocol="HTTP/1.1",status="503",reporter="client",${ends}}`]).toBe(1);
    const both = { source, destination: { any: ["pod-name"], egress: null, ingress: null } } as const;
    expect(Object.keys(counted([spec("httpV2", both)], [response(1)]))[0]).toContain('source="cart-1",destination="web/front-1"');
  });

  it("dns: questions, answers, types; names and AAAA by option; denied ones", () => {
    const rows = [asked("A"), asked("AAAA"), asked("A", found), asked("AAAA", { rcode: 3, ips: [], ttlS: 0 })];
    expect(counted([spec("dns", { flags: ["query"] })], rows)).toEqual({
      'hubble_dns_queries_total{rcode="",qtypes="A",ips_returned="0",query="a."}': 1,
      'hubble_dns_queries_total{rcode="",qtypes="AAAA",ips_returned="0",query="a."}': 1,
      'hubble_dns_responses_total{rcode="No Error",qtypes="A",ips_returned="2",query="a."}': 1,
      'hubble_dns_responses_total{rcode="Non-Existent Domain",qtypes="AAAA",ips_returned="0",query="a."}': 1,
      'hubble_dns_response_types_total{type="A",qtypes="A",query="a."}': 2,
    });
    const denied = Object.assign(asked("A"), { verdict: FLOW_VERDICT.dropped });
    expect(counted([spec("dns", { flags: ["ignoreaaaa"] })], [asked("AAAA"), denied])).toEqual({
      'hubble_dns_queries_total{rcode="Policy denied",qtypes="A",ips_returned="0"}': 1,
    });
  });

  it("the other plugins count them too, and packets beside them", () => {
    const denied = Object.assign(told({ type: "REQUEST", latencyNs: 0, record: http(0) }), { verdict: FLOW_VERDICT.dropped });
    const plugins = ["flow", "drop", "policy", "port-distribution", "tcp"].map((name) => spec(name));
    expect(counted(plugins, [request, response(1), denied, asked("A"), flow()])).toEqual({
      'hubble_flows_processed_total{protocol="HTTP",type="L7",subtype="HTTP",verdict="FORWARDED"}': 2,
      'hubble_flows_processed_total{protocol="HTTP",type="L7",subtype="HTTP",verdict="DROPPED"}': 1,
      'hubble_flows_processed_total{protocol="DNS",type="L7",subtype="DNS",verdict="FORWARDED"}': 1,
      'hubble_flows_processed_total{protocol="TCP",type="Trace",subtype="to-endpoint",verdict="FORWARDED"}': 1,
      'hubble_drop_total{reason="DROP_REASON_UNKNOWN",protocol="HTTP"}': 1,
      'hubble_policy_verdicts_total{direction="egress",match="l7/http",action="forwarded"}': 2,
      'hubble_policy_verdicts_total{direction="egress",match="l7/http",action="dropped"}': 1,
      'hubble_policy_verdicts_total{direction="egress",match="l7/dns",action="forwarded"}': 1,
      'hubble_port_distribution_total{protocol="HTTP",port="80"}': 1,
      'hubble_port_distribution_total{protocol="DNS",port="80"}': 1,
      'hubble_port_distribution_total{protocol="TCP",port="80"}': 1,
      'hubble_tcp_flags_total{flag="SYN",family="IPv4"}': 1,
    });
  });

  it("ends by the names that were looked up", () => {
    const own = new FlowTables({ endpoints: [tables.endpoint(CART), tables.endpoint(WEB)], services: [] });
    const destination = { any: ["dns", "ip"], egress: null, ingress: null } as const;
    const metrics = new HubbleMetrics([spec("flow", { destination })], own);
    metrics.count(flow());
    own.learnName(17, "10.0.0.11", "web.example", 1e9);
    const labels = Object.keys(counted([], [flow(), flow({ timeNs: 2e9 })], metrics)).map((series) => /destination="([^"]*)"/.exec(series)![1]);
    expect(labels).toEqual(["10.0.0.11", "web.example"]);
  });
});

describe("how ends are named", () => {
  const only = (more: Partial<HubbleMetricSpec>, row = flow()): string => {
    const refused = Object.assign(row, { eventType: FLOW_EVENT.drop, verdict: FLOW_VERDICT.dropped, dropCode: 133 });
    return Object.keys(counted([spec("drop", more)], [refused]))[0]!;
  };

  it("labelsContext in its own order, empty where nobody knows", () => {
    const labels = ["source_pod", "source_namespace", "source_workload", "destination_workload", "destination_app", "traffic_direction"] as const;
    expect(only({ labels })).toBe(
      'hubble_drop_total{reason="POLICY_DENIED",protocol="TCP",source_pod="cart-1",source_namespace="shop",source_workload="cart",' +
        'destination_workload="",destination_app="front",traffic_direction="egress"}',
    );
  });

  it("sourceContext and destinationContext: the first that names the end", () => {
    const contexts = {
      source: { any: ["reserved-identity", "workload", "pod"], egress: null, ingress: null },
      destination: { any: ["workload", "pod"], egress: null, ingress: null },
    } as const;
    expect(only(contexts)).toContain('source="shop/cart",destination="web/front-1"');
    expect(only({ source: { any: ["reserved-identity", "ip"], egress: null, ingress: null } }, flow({ sourceEndpoint: NOBODY, sourceIdentity: 7 }))).toContain(
      'source="reserved:kube-apiserver"',
    );
  });

  it("contexts of a direction replace the others", () => {
    const source = { any: ["namespace"], egress: ["pod-name"], ingress: null } as const;
    expect(only({ source })).toContain('source="cart-1"');
    expect(only({ source }, flow({ direction: FLOW_DIRECTION.ingress }))).toContain('source="shop"');
  });

  it("addresses, also of those that nobody knows", () => {
    const source = { any: ["pod", "ip"], egress: null, ingress: null } as const;
    const strangers = [0x01020304, 0x01020305].map((address) => {
      const row = flow({ sourceEndpoint: NOBODY, sourceIdentity: 2 });
      row.addresses[ROW_SOURCE] = address;
      return row;
    });
    expect(Object.keys(counted([spec("flow", { source })], [...strangers, flow()])).map((series) => /source="([^"]*)"/.exec(series)![1])).toEqual([
      "4.3.2.1", "5.3.2.1", "shop/cart-1",
    ]);
  });
});

describe("an agent that restarts", () => {
  it("begins anew", () => {
    const specs = [spec("flow")];
    const metrics = new HubbleMetrics(specs, tables);
    metrics.lost("perf_event_ring_buffer", 3);
    expect(counted(specs, [flow(), flow()], metrics)).toMatchObject({ 'hubble_lost_events_total{source="perf_event_ring_buffer"}': 3 });
    metrics.forget();
    expect(Object.values(counted(specs, [flow()], metrics))).toEqual([1]);
  });
});
