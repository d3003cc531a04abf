/**
 * The scenario file's form: one source for the validator, the defaults and the JSON Schema of editors.
 *
 * Keys that exist in Helm keep Helm's names (`podCIDR`, `helm.set`). Leaf types are in `quantities.ts`; what one section
 * says about another is checked in `checks.ts`.
 */

import { z } from "zod";
import type { Nanoseconds } from "../core/units.js";
import { COPIES_MAX } from "./copies.js";
import { ADDRESS, LABEL, address, port, prefix, protocol, qualifiedName, shortName, version } from "./names.js";
import { anyRate, bitRate, bytes, duration, expiry, portRange, prose, rate, share, text, whole } from "./quantities.js";
import { distribution } from "./schema-distribution.js";
import { hubble, relayEvent } from "./schema-hubble.js";
import { bandwidth, egressGateway, policy } from "./schema-pods.js";
import { dns, http, requestFields } from "./schema-requests.js";
import {
  CLOSERS, DEPARTURES, ENTRIES, FAMILIES, FLOOD_KINDS, FLOW_FILTERS, HOOKS, MAP_TYPES, PORT_SEARCHES, PRELOAD_KINDS, QUERY_PROTOCOLS,
  SERVICE_TYPES,
} from "./types.js";

export const API_VERSION = "ctlab/v1";

/** The agent's upper bound of a map, `LimitTableMax` in pkg/option/config.go. */
const MAP_ENTRIES_MAX = 16_777_216;
/** Kubernetes' own bounds: 5000 nodes, 150000 pods in a cluster. */
const NODES_MAX = 5000;
const PODS_MAX = 150_000;
/** NR_CPUS of distribution kernels. */
const CPUS_MAX = 8192;
const GIB = 1024 ** 3;
/** A memory size below this is taken for one whose unit was forgotten. */
const MEMORY_MIN = GIB / 2;
const MEMORY_MAX = 64 * 1024 * GIB;
const CONNECTIONS_MAX = 10_000_000;
const REQUESTS_MAX = 1_000_000;
const FLOWS_MAX = 100_000_000;
/** `net.ipv4.tcp_syn_retries` takes up to 127, `tcp_syn_linear_timeouts` up to 127 (`MAX_TCP_SYNCNT`). */
const SYN_COUNT_MAX = 127;
/** Hosts of a /12; more are not told apart by anything in the model. */
const CLIENTS_MAX = 1_048_576;
/** `RES_MAXRETRY` of glibc's resolver lies below. */
const ATTEMPTS_MAX = 100;
/** Repetitions of a timeline's entry; more would be a workload. */
const TIMES_MAX = 100_000;
const HISTOGRAM_COUNT_MAX = Number.MAX_SAFE_INTEGER;

const ONE_NS = 1 as Nanoseconds;
/** Steps of the series below this would fill the disk. */
const SERIES_MIN = 1e6 as Nanoseconds;
/** A thousand series a hundred times a second would be more than anybody reads. */
const SCRAPE_MIN = 1e8 as Nanoseconds;

const profile = z
  .strictObject({
    cilium: version("1.17.6").describe("Cilium release, 1.14 to 1.19, best with its patch."),
    kernel: version("6.6").describe("Linux release of nodes and clients, 5.10 to 6.18."),
  })
  .describe("Whose behaviour is simulated.");

const cluster = z
  .strictObject({
    nodes: whole(1, NODES_MAX).prefault(2).describe("Nodes of the cluster. One is simulated in detail, the others are peers."),
    pods: whole(1, PODS_MAX).prefault(60).describe("Pods of the whole cluster."),
    cpus: whole(1, CPUS_MAX).prefault(8).describe("Possible CPUs of the simulated node."),
    memory: bytes(MEMORY_MIN, MEMORY_MAX).prefault("32Gi").describe("MemTotal of the simulated node; dynamic map sizing reckons with it."),
    podCIDR: prefix().prefault("10.244.0.0/16").describe("Addresses of all pods; a /24 of it for each node."),
    rtt: duration().prefault("250us").describe("Round trip between two nodes without queueing."),
    linkRate: bitRate().prefault("10G").describe("Speed of a node's link, bits a second."),
  })
  .describe("The cluster and the simulated node.");

const helm = z
  .strictObject({
    values: z
      .union([prose().transform((path) => [path]), z.array(prose())])
      .prefault([])
      .describe("values.yaml files, relative to this file; later ones win, as with several -f."),
    set: z.record(z.string(), z.any()).prefault({}).describe("Single values over the files, as with helm --set (bpf.ctTcpMax: 524288)."),
  })
  .describe("What Cilium is installed with. Without it: the chart's defaults.");

const mapOverride = z
  .strictObject({
    type: z.enum(MAP_TYPES).optional().describe("The map's type in the kernel."),
    maxEntries: whole(1, MAP_ENTRIES_MAX).optional().describe("The map's size."),
  })
  .describe("A departure from what Helm and the kernel give; the report names it.");

const copies = whole(1, COPIES_MAX).optional().describe("Stands for so many of them; $n in its texts is 1, 2 and so on.");

const service = z.strictObject({
  copies,
  name: qualifiedName().describe("Namespace and name."),
  port: port().describe("Port of the service and of its backends."),
  protocol: protocol(),
  type: z.enum(SERVICE_TYPES).prefault("ClusterIP").describe("Who may call it: the cluster, or the world too."),
  backends: whole(0, PODS_MAX).prefault(0).describe("Pods behind the service on other nodes."),
  localBackends: whole(0, PODS_MAX).prefault(0).describe("Pods behind the service on the simulated node."),
  clusterIP: address().optional().describe("Address of the service; without it the next one of 10.96.0.0/12."),
  nodePort: port().optional().describe("NodePort; without it the next one from 30000."),
  sessionAffinity: duration({ min: ONE_NS }).optional().describe("How long a client stays with its backend (ClientIP)."),
});

const expires = z.union([
  expiry(),
  z.strictObject({ from: duration(), to: duration() }).transform(({ from, to }) => ({ fromNs: from, toNs: to })),
]);

const preload = z.strictObject({
  map: prose().describe("Map by its pressure label, such as ct4_global."),
  entries: whole(0, MAP_ENTRIES_MAX),
  kind: z.enum(PRELOAD_KINDS).optional().describe("What the entries are; without it the usual kind of the map."),
  expires: expires.prefault("after-run").describe("When they expire, spread evenly, from the start: 2h..6h, or after-run."),
  about: prose().prefault(""),
});

const connection = z
  .strictObject({
    requests: whole(0, REQUESTS_MAX).prefault(1).describe("Requests one after another on a connection."),
    thinkTime: distribution().prefault("0").describe("Between an answer and the next request."),
    ...requestFields,
    http,
    hold: distribution().prefault("0").describe("Between the last answer and the close."),
    close: z.enum(CLOSERS).prefault("client").describe("Who closes."),
    leak: share().prefault(0).describe("Share of connections that nobody ever closes."),
    connectTimeout: duration({ min: ONE_NS }).optional().describe("When the application gives a connection attempt up; without it TCP does."),
    retries: whole(0, ATTEMPTS_MAX).prefault(0).describe("How often the application tries again after a failure or a broken connection."),
    retryAfter: distribution().prefault("1s").describe("How long it waits before."),
  })
  .describe("What happens on one connection.");

const bursts = {
  every: duration({ min: ONE_NS }).optional().describe("Bursts: from the start of one to the start of the next."),
  first: duration().optional().describe("Bursts: when the first one starts; without it after one `every`."),
  for: duration({ min: ONE_NS }).optional().describe("Bursts: how long one lasts. Without bursts the workload runs all the time."),
};
const arrivals = z.union([
  z.strictObject({ poisson: rate().describe("Mean rate of independent arrivals."), ...bursts }),
  z.strictObject({ constant: rate().describe("Arrivals at equal distances."), ...bursts }),
  z.strictObject({
    onOff: z.strictObject({ rate: rate(), on: distribution(), off: distribution() }).describe("Poisson while on, nothing while off."),
  }),
  z.strictObject({
    series: z.array(z.tuple([duration(), anyRate()])).min(1).describe("Moments and rates; in between the rate runs straight."),
    repeat: duration({ min: ONE_NS }).optional().describe("The series begins again after this."),
  }),
  z.strictObject({
    diurnal: z
      .strictObject({ mean: rate(), swing: share().describe("How far the rate swings around its mean."), peakHour: whole(0, 23) })
      .describe("A day; the run begins at midnight."),
  }),
  z.strictObject({
    recorded: prose().describe("File of moments, one a line, in seconds from the start; relative to this file."),
    repeat: duration({ min: ONE_NS }).optional().describe("The recording begins again after this."),
  }),
  z.strictObject({
    loop: z
      .strictObject({ clients: whole(1, CONNECTIONS_MAX), think: distribution().describe("Between the end of one and the next.") })
      .describe("Closed loop: each client begins anew when it has ended."),
  }),
]);

const pods = whole(1, PODS_MAX).prefault(1);
const from = z.union([
  z.strictObject({
    workload: qualifiedName().describe("Namespace and name of the clients."),
    pods: pods.describe("How many of them run on the simulated node."),
  }),
  z.strictObject({ remote: qualifiedName().describe("Clients on other nodes."), pods: pods.describe("How many of them.") }),
  z.strictObject({
    world: prefix().describe("Clients outside the cluster: the first addresses of this prefix."),
    clients: whole(1, CLIENTS_MAX).prefault(1).describe("How many of them."),
    ports: portRange().prefault("32768..60999").describe("Their ephemeral ports, taken in turn."),
  }),
  z.strictObject({ host: z.literal(true).describe("Processes of the simulated node itself.") }),
]);

const workloadFields = {
  copies,
  name: shortName().describe("Names the workload and, with bursts, its windows in the report."),
  from: from.describe("Who opens the connections."),
  to: text({
    form: "a service such as production/inventory-service:8080, its pods (pods production/inventory-service), or an address outside (world 203.0.113.10:443)",
    pattern: new RegExp(`^((pods )?${LABEL}/${LABEL}(:\\d{1,5})?|world ${ADDRESS}(/\\d{1,2})?(:\\d{1,5})?)$`),
    examples: ["production/inventory-service:8080", "pods production/inventory-service", "world 203.0.113.10:443"],
  }).describe("Service and port; or its pods by address; or addresses outside the cluster."),
  family: z.enum(FAMILIES).prefault("IPv4").describe("Addresses of the two ends; IPv6 needs ipv6.enabled."),
  entry: z.enum(ENTRIES).prefault("here").describe("Which node takes requests of the world: the simulated one, or others, which pass them on."),
};
const query = z
  .strictObject({
    protocol: z.enum(QUERY_PROTOCOLS).prefault("UDP").describe("ICMP: an echo request and its reply (ping). SCTP: an association with one request."),
    timeout: duration({ min: ONE_NS }).prefault("5s").describe("How long an attempt waits for its answer."),
    attempts: whole(1, ATTEMPTS_MAX).prefault(2).describe("How often the request is sent at most."),
    ...requestFields,
    dns: dns.optional().describe("Look names up instead, as a resolver does: A and AAAA from one socket, candidate after candidate."),
  })
  .describe("A datagram and its answer, from a socket of its own.");
const workload = z.union([
  z
    .strictObject({ ...workloadFields, arrivals, connection: connection.prefault({}) })
    .describe("Connections that come, do their work and go."),
  z
    .strictObject({
      ...workloadFields,
      connections: whole(1, CONNECTIONS_MAX),
      request: z.strictObject({ every: distribution().describe("From one request to the next, on each connection."), ...requestFields, http }),
    })
    .describe("Connections opened at the start and used all the time."),
  z
    .strictObject({ ...workloadFields, arrivals, query })
    .describe("Datagrams and their answers."),
  z
    .strictObject({ ...workloadFields, arrivals, flood: z.enum(FLOOD_KINDS).describe("SYNs to the target, or to one port after the other.") })
    .describe("SYNs from addresses where nobody answers: an attack."),
]);

/** What every entry of the timeline has. */
const moment = {
  at: duration().describe("When it happens."),
  every: duration({ min: ONE_NS }).optional().describe("Again after this."),
  times: whole(1, TIMES_MAX).prefault(1).describe("How often in all, with `every`."),
};
const timelineEvent = z.union([
  z.strictObject({
    ...moment,
    backends: z
      .strictObject({
        service: qualifiedName(),
        add: whole(0, PODS_MAX).prefault(0).describe("New pods on other nodes."),
        remove: whole(0, PODS_MAX).prefault(0).describe("Pods on other nodes that go, the oldest first."),
        grace: duration().prefault("0").describe("How long a leaving pod goes on, terminating."),
        lag: duration().prefault("0").describe("Until the node's agent learns of each change."),
        how: z.enum(DEPARTURES).prefault("stops").describe("A process that stops closes its connections; a node that vanishes says nothing; where a process crashes its pod stays and refuses."),
      })
      .describe("Backends of a service come and go."),
  }),
  z.strictObject({
    ...moment,
    pods: z
      .strictObject({ workload: qualifiedName(), replace: whole(1, PODS_MAX).prefault(1).describe("How many of its pods.") })
      .describe("Client pods of the simulated node are deleted; new ones get their addresses."),
  }),
  z.strictObject({
    ...moment,
    agent: z
      .strictObject({
        down: duration().describe("How long no agent runs."),
        resize: z.record(z.string(), whole(1, MAP_ENTRIES_MAX)).prefault({}).describe("Maps that it creates anew with another size."),
      })
      .describe("The agent is restarted. Maps are kept."),
  }),
  z.strictObject({
    ...moment,
    node: z
      .strictObject({ down: duration({ min: ONE_NS }).describe("How long nobody is at home.") })
      .describe("The node restarts: its pods come back at their addresses, without connections, and the maps of connections are empty."),
  }),
  z.strictObject({
    ...moment,
    relay: relayEvent,
  }),
  z.strictObject({
    ...moment,
    gc: z
      .strictObject({
        ahead: duration({ min: ONE_NS }).optional().describe("How much later the agent takes it to be: it deletes live entries."),
        behind: duration({ min: ONE_NS }).optional().describe("How much earlier: expired entries stay, as after a suspension that only the programs' clock counts."),
        for: duration({ min: ONE_NS }).describe("How long."),
      })
      .describe("The clock of the collector and that of the programs part."),
  }),
  z.strictObject({ ...moment, policy: policy.describe("Takes the place of the endpoints' policy.") }),
  z.strictObject({
    ...moment,
    link: z
      .strictObject({
        loss: share().prefault(0).describe("Share of packets lost, each way."),
        delay: duration().prefault("0").describe("Delay on top of the usual one, each way."),
        for: duration({ min: ONE_NS }).describe("How long."),
      })
      .describe("The network between the node and the others is bad."),
  }),
  z.strictObject({
    ...moment,
    cpu: z
      .strictObject({
        share: share().describe("Share of each CPU that others take."),
        cpus: whole(1, CPUS_MAX).optional().describe("How many CPUs, from the first; without it all."),
        for: duration({ min: ONE_NS }).describe("How long."),
      })
      .describe("CPU time is taken away from packets."),
  }),
]);

const client = z
  .strictObject({
    synRto: duration({ min: SERIES_MIN })
      .optional()
      .describe("First retransmission of a SYN; stands for a sock_ops program (TIMEOUT_INIT)."),
    linearTimeouts: whole(0, SYN_COUNT_MAX).optional().describe("net.ipv4.tcp_syn_linear_timeouts"),
    synRetries: whole(0, SYN_COUNT_MAX).optional().describe("net.ipv4.tcp_syn_retries"),
    portSearch: z
      .enum(PORT_SEARCHES)
      .prefault("random")
      .describe("How connect() looks for a port: from a random start, or in the kernel's order (every second port, then the others)."),
    hz: z.literal([100, 250, 300, 1000]).optional().describe("Timer ticks a second (CONFIG_HZ)."),
  })
  .describe("The clients' TCP. What is not set is the kernel's default.");

const observedHook = z.strictObject({
  source: prose().describe("Where the observation comes from."),
  buckets: z.array(z.tuple([duration(), whole(0, HISTOGRAM_COUNT_MAX)])).describe("Lower bound of each bucket, and its count."),
});

const observe = z
  .strictObject({
    flows: z.enum(FLOW_FILTERS).prefault("dropped").describe("Which flows are written."),
    flowsMax: whole(0, FLOWS_MAX).prefault(20_000).describe("Flows beyond this are counted, not written."),
    series: duration({ min: SERIES_MIN }).prefault("1s").describe("Step of the time series."),
    scrape: z
      .union([z.literal("none").transform(() => null), duration({ min: SCRAPE_MIN })])
      .prefault("15s")
      .describe("From one scrape of the metrics to the next, or none."),
    alerts: z
      .union([prose().transform((path) => [path]), z.array(prose())])
      .prefault([])
      .describe("Rule files of Prometheus, relative to this file, evaluated over the run's metrics by Prometheus, where it is installed."),
    hooks: z
      .array(z.strictObject({ hook: z.enum(HOOKS), observed: observedHook.optional() }))
      .prefault([])
      .describe("Hooks whose packet times are counted, with what somebody measured there."),
    hubble: hubble.optional(),
  })
  .describe("What comes out.");

/** A scenario without its variants, which are laid over it before it is validated. */
export const scenarioSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION).describe("Version of this format."),
  name: shortName().describe("Name of the scenario."),
  about: prose().prefault("").describe("One paragraph that a colleague understands."),
  profile,
  cluster: cluster.prefault({}),
  helm: helm.prefault({}),
  maps: z.record(z.string(), mapOverride).prefault({}).describe("Departures from the maps that Helm and the kernel give."),
  services: z.array(service).prefault([]),
  policies: z.array(policy.extend({ copies })).prefault([]).describe("Network policies; pods that none selects may do everything."),
  bandwidth: z.array(bandwidth).prefault([]).describe("Annotations of pods with a rate limit (bandwidthManager.enabled)."),
  egressGateways: z.array(egressGateway).prefault([]).describe("Egress gateway policies (egressGateway.enabled)."),
  preload: z.array(preload).prefault([]).describe("State that exists before the first packet, not simulated from birth."),
  workloads: z.array(workload).prefault([]).describe("Who talks to whom."),
  timeline: z.array(timelineEvent).prefault([]).describe("What happens while the run goes on."),
  prefilter: z.array(prefix()).prefault([]).describe("Sources whose packets XDP drops before anything else."),
  client: client.prefault({}),
  observe: observe.prefault({}),
  duration: duration({ min: ONE_NS }).describe("Simulated time."),
  warmup: duration().prefault("0").describe("Time at the start that no figure counts."),
  seed: text({ form: "a number or a word of at most 64 letters, digits, dots and dashes", pattern: /^[\w.-]{1,64}$/ })
    .prefault("1")
    .meta({ type: ["string", "integer"] })
    .describe("Same seed, same bytes."),
  expect: z.array(prose()).prefault([]).describe('What must come out: syn_latency_p99{window="inside"} < 10ms'),
});

/** A scenario as the schema gives it: units parsed, defaults filled, references not yet followed. */
export type ScenarioInput = z.output<typeof scenarioSchema>;
