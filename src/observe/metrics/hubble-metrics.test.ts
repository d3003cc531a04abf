/** Hubble's counters: which flow counts where, and how its ends are named. Expected labels are those of Hubble's handlers. */
import { describe, expect, it } from "vitest";
import { FlowTables, NOBODY } from "../flow-tables.js";
import { FLOW_DIRECTION, FLOW_EVENT, FLOW_REPLY, FLOW_VERDICT, FlowRow, ROW_DESTINATION, ROW_SOURCE } from "../hubble-flow.js";
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
