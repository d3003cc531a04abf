/**
 * A Grafana dashboard: what agents show of conntrack, NAT and Hubble, with the thresholds of the recommended alerts, and a
 * folded row with the truth that only a run of ctlab has (`ctlab_…`).
 */
import { ciliumProfile } from "../../cilium/profile/cilium.js";
import { MAP_CRITICAL, MAP_WARNING, PORTS_WARNING } from "./recommended-alerts.js";

/** A line of a panel: PromQL, and what the legend calls it. */
type Target = readonly [expr: string, legend: string];

interface Panel {
  readonly title: string;
  readonly about: string;
  readonly unit: string;
  readonly targets: readonly Target[];
  /** Values from which the background is orange and red. */
  readonly thresholds?: readonly number[];
}

interface Row {
  readonly title: string;
  readonly folded: boolean;
  readonly panels: readonly Panel[];
}

/** Of dashboards that Grafana 10 and later read without migration. */
const SCHEMA_VERSION = 39;
const DATASOURCE = { type: "prometheus", uid: "${datasource}" } as const;
/** Grafana's grid is 24 wide; three panels in a row. */
const PANEL = { width: 8, height: 8, columns: 3 } as const;

const agent = (minor: number): readonly Panel[] => [
  {
    title: "Map pressure",
    about: "Share of each map in use, as the agent last counted it (conntrack: every 30 s, from 1.16 on).",
    unit: "percentunit",
    targets: [['cilium_bpf_map_pressure{instance=~"$instance"}', "{{instance}} {{map_name}}"]],
    thresholds: [MAP_WARNING, MAP_CRITICAL],
  },
  {
    title: "Packets dropped",
    about: "By Cilium's reason. Conntrack and NAT failures are SYNs that are sent again, or lost datagrams.",
    unit: "pps",
    targets: [['sum by (reason, direction) (rate(cilium_drop_count_total{instance=~"$instance"}[$__rate_interval]))', "{{reason}} {{direction}}"]],
  },
  {
    title: "Packets forwarded",
    about: "By direction.",
    unit: "pps",
    targets: [['sum by (direction) (rate(cilium_forward_count_total{instance=~"$instance"}[$__rate_interval]))', "{{direction}}"]],
  },
  {
    title: "Conntrack entries at the last collection",
    about: "What garbage collection left, and what it deleted.",
    unit: "short",
    targets: [['cilium_datapath_conntrack_gc_entries{instance=~"$instance"}', "{{instance}} {{family}} {{protocol}} {{status}}"]],
  },
  {
    title: "Time of a collection",
    about: "Upper quantile of the walks of one map. While a map is walked, inserts on the agent's CPU may fail (kernels 5.11 to 6.14).",
    unit: "s",
    targets: [
      [
        'histogram_quantile(0.99, sum by (le, family, protocol) (rate(cilium_datapath_conntrack_gc_duration_seconds_bucket{instance=~"$instance"}[1h])))',
        "p99 {{family}} {{protocol}}",
      ],
    ],
  },
  {
    title: "Collections and signals",
    about: "How often the maps are walked, and how often the programs asked for it.",
    unit: "short",
    targets: [
      ['sum by (family, protocol, status) (increase(cilium_datapath_conntrack_gc_runs_total{instance=~"$instance"}[10m]))', "{{family}} {{protocol}} {{status}}"],
      ['sum by (signal, status) (increase(cilium_datapath_signals_handled_total{instance=~"$instance"}[10m]))', "signal {{signal}} {{status}}"],
      ...(minor >= 18 ? [['cilium_datapath_conntrack_gc_interval_seconds{instance=~"$instance"}', "interval, s {{instance}}"] as const] : []),
    ],
  },
  {
    title: "NAT",
    about: "Source ports taken towards the busiest remote end (from 1.16 on), and entries at the last scan for orphans.",
    unit: "short",
    targets: [
      ...(minor >= 16 ? [['cilium_nat_endpoint_max_connection{instance=~"$instance"}', "ports {{instance}} {{family}}"] as const] : []),
      ['cilium_datapath_nat_gc_entries{instance=~"$instance"}', "{{instance}} {{family}} {{direction}} {{status}}"],
    ],
    thresholds: [PORTS_WARNING],
  },
];

const HUBBLE: readonly Panel[] = [
  {
    title: "Flows by verdict",
    about: "Every event that reached Hubble; a packet may be several.",
    unit: "short",
    targets: [['sum by (verdict, type) (rate(hubble_flows_processed_total{instance=~"$instance"}[$__rate_interval]))', "{{verdict}} {{type}}"]],
  },
  {
    title: "Drops that Hubble saw",
    about: "A policy drop counts twice: as drop and as verdict.",
    unit: "short",
    targets: [['sum by (reason, protocol) (rate(hubble_drop_total{instance=~"$instance"}[$__rate_interval]))', "{{reason}} {{protocol}}"]],
  },
  {
    title: "Events lost",
    about: "Before anybody could count them, by where.",
    unit: "short",
    targets: [['sum by (source) (rate(hubble_lost_events_total{instance=~"$instance"}[$__rate_interval]))', "{{source}}"]],
  },
];

const TRUTH: readonly Panel[] = [
  {
    title: "Map fill, shown and true",
    about: "What the agent shows lags behind by up to its 30 s.",
    unit: "percentunit",
    targets: [
      ["ctlab_bpf_map_pressure", "true {{map_name}}"],
      ["cilium_bpf_map_pressure", "shown {{map_name}}"],
    ],
    thresholds: [MAP_WARNING, MAP_CRITICAL],
  },
  {
    title: "Evictions and refused inserts",
    about: "No agent has a metric for evictions.",
    unit: "short",
    targets: [
      ["sum by (map_name, live) (rate(ctlab_bpf_map_evictions_total[$__rate_interval]))", "evicted {{map_name}} live={{live}}"],
      ["rate(ctlab_bpf_map_inserts_refused_total[$__rate_interval])", "refused {{map_name}}"],
    ],
  },
  {
    title: "Time to connect",
    about: "From connect() to an established connection.",
    unit: "s",
    targets: [
      ["histogram_quantile(0.5, rate(ctlab_syn_latency_seconds_bucket[$__rate_interval]))", "p50"],
      ["histogram_quantile(0.99, rate(ctlab_syn_latency_seconds_bucket[$__rate_interval]))", "p99"],
    ],
  },
  {
    title: "SYNs sent again",
    about: "As a share of all.",
    unit: "percentunit",
    targets: [["rate(ctlab_syn_retransmitted_total[$__rate_interval]) / rate(ctlab_syn_sent_total[$__rate_interval])", "sent again"]],
  },
  {
    title: "Connections",
    about: "Opened, failed and broken each second.",
    unit: "short",
    targets: ["opened", "failed", "broken"].map((what) => [`rate(ctlab_connections_${what}_total[$__rate_interval])`, what] as const),
  },
  {
    title: "CPU time",
    about: "Of packets and of garbage collection, in CPUs.",
    unit: "short",
    targets: [
      ["rate(ctlab_packet_cpu_seconds_total[$__rate_interval])", "packets"],
      ["rate(ctlab_gc_cpu_seconds_total[$__rate_interval])", "garbage collection"],
    ],
  },
];

/** Text of the dashboard, for a release such as `1.17`. Throws `UnknownVersionError`. */
export function grafanaDashboard(cilium: string): string {
  const minor = Number(ciliumProfile(cilium).minor.split(".")[1]);
  const rows: readonly Row[] = [
    { title: "Agent", folded: false, panels: agent(minor) },
    { title: "Hubble", folded: false, panels: HUBBLE },
    { title: "Truth of a simulated node", folded: true, panels: TRUTH },
  ];
  const dashboard = {
    uid: "ctlab-conntrack",
    title: "Cilium: conntrack and NAT capacity",
    description: `Written by ctlab export grafana, for Cilium ${cilium}.`,
    tags: ["cilium", "conntrack", "ctlab"],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: "",
    time: { from: "now-1h", to: "now" },
    timezone: "utc",
    annotations: { list: [] },
    templating: { list: [datasourceVariable(), instanceVariable()] },
    panels: layOut(rows),
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

function datasourceVariable(): object {
  return { name: "datasource", label: "Data source", type: "datasource", query: "prometheus", hide: 0, multi: false, includeAll: false };
}

/** Runs of ctlab have no instance; `.*` fits series without that label too. */
function instanceVariable(): object {
  const query = "label_values(cilium_forward_count_total, instance)";
  return {
    name: "instance", label: "Instance", type: "query", datasource: DATASOURCE, query: { query, refId: "instances" }, refresh: 2, sort: 1,
    multi: true, includeAll: true, allValue: ".*", hide: 0, current: { text: ["All"], value: ["$__all"] },
  };
}

/** Rows with their panels on Grafana's grid; the panels of a folded row stand in it. */
function layOut(rows: readonly Row[]): readonly object[] {
  const all: object[] = [];
  let id = 1;
  let y = 0;
  for (const { title, folded, panels } of rows) {
    const rowId = id++;
    const top = y + 1;
    const placed = panels.map((panel, n) => {
      const x = (n % PANEL.columns) * PANEL.width;
      return panelOf(panel, id++, { x, y: top + Math.floor(n / PANEL.columns) * PANEL.height, w: PANEL.width, h: PANEL.height });
    });
    all.push({ id: rowId, type: "row", title, collapsed: folded, gridPos: { x: 0, y, w: PANEL.width * PANEL.columns, h: 1 }, panels: folded ? placed : [] });
    if (!folded) all.push(...placed);
    y = folded ? top : top + Math.ceil(panels.length / PANEL.columns) * PANEL.height;
  }
  return all;
}

function panelOf({ title, about, unit, targets, thresholds = [] }: Panel, id: number, gridPos: object): object {
  const colours = ["orange", "red"];
  const steps = [{ color: "green", value: null }, ...thresholds.map((value, n) => ({ color: colours[n], value }))];
  return {
    id,
    type: "timeseries",
    title,
    description: about,
    datasource: DATASOURCE,
    gridPos,
    fieldConfig: {
      defaults: { unit, min: 0, thresholds: { mode: "absolute", steps }, custom: { thresholdsStyle: { mode: thresholds.length === 0 ? "off" : "dashed" } } },
      overrides: [],
    },
    options: { legend: { displayMode: "list", placement: "bottom", showLegend: true, calcs: [] }, tooltip: { mode: "multi", sort: "desc" } },
    targets: targets.map(([expr, legendFormat], n) => ({ refId: String.fromCharCode("A".charCodeAt(0) + n), datasource: DATASOURCE, expr, legendFormat })),
  };
}
