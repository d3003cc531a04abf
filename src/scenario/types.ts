/**
 * A scenario as the rest of ctlab sees it: resolved. Units are parsed, defaults filled, Helm values read, variants merged.
 *
 * Everything is plain data that can be sent to a worker. Times are integer nanoseconds, counts are numbers, names are as
 * written. What a value was before (file and line, default, `--set`) is kept in `origins`, by its path in the file.
 */

import type { CiliumSettings } from "../cilium/agent/settings.js";
import type { Bytes, Nanoseconds } from "../core/units.js";
import type { Expectation } from "./expect.js";
import type { Observe } from "./observe-types.js";
import type { EgressGateway, Policy, RateLimit } from "./pod-types.js";

/** A scenario file: what all variants share, and the variants in the order of the file. */
export interface ScenarioFile {
  /** Path as given, or "-" for stdin. */
  readonly path: string;
  /** The file without any variant; `variant` is null. */
  readonly base: Scenario;
  /** What a run simulates: the variants of the file, or the base alone when it has none. */
  readonly variants: readonly Scenario[];
  /** SHA-256 over everything that decides the outcome: all resolved variants with the Helm settings in them; hex. */
  readonly hash: string;
  /** Things that are accepted but deserve a word, with positions; never fatal. */
  readonly warnings: readonly Note[];
}

/** A remark on a place in an input file. */
export interface Note {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface Scenario {
  readonly name: string;
  /** Name of the variant; null for the base. */
  readonly variant: string | null;
  /** The file's `about`. */
  readonly about: string;
  /** The variant's own `about`; empty for the base or when it has none. */
  readonly variantAbout: string;
  readonly profile: ProfileChoice;
  readonly cluster: Cluster;
  readonly helm: HelmInput;
  /** Departures from what Helm and the kernel give, by pressure label (`ct4_global`). Named in the report. */
  readonly maps: Readonly<Record<string, MapOverride>>;
  readonly services: readonly Service[];
  readonly policies: readonly Policy[];
  readonly bandwidth: readonly RateLimit[];
  readonly egressGateways: readonly EgressGateway[];
  readonly preload: readonly Preload[];
  readonly workloads: readonly Workload[];
  readonly timeline: readonly TimelineEvent[];
  /** Prefixes whose packets XDP throws away before anything else. */
  readonly prefilter: readonly string[];
  readonly client: Client;
  readonly observe: Observe;
  readonly durationNs: Nanoseconds;
  /** Time at the start that no figure counts. */
  readonly warmupNs: Nanoseconds;
  /** Seed as text: numbers are written in decimal. */
  readonly seed: string;
  readonly expect: readonly Expectation[];
  /** What this scenario rests on that was set by hand or that no model covers, one sentence each. */
  readonly assumptions: readonly string[];
  /** Where values came from: path in the file (`cluster.nodes`) → `file:line`, `--set` or `default`. */
  readonly origins: Readonly<Record<string, string>>;
}

/** Versions as `ciliumProfile` and `kernelProfile` resolve them: with a patch. */
export interface ProfileChoice {
  readonly cilium: string;
  readonly kernel: string;
}

export interface Cluster {
  readonly nodes: number;
  readonly pods: number;
  /** Possible CPUs of the simulated node. */
  readonly cpus: number;
  /** MemTotal of the simulated node. */
  readonly memoryBytes: Bytes;
  /** IPv4 prefix of all pods. */
  readonly podCidr: string;
  /** Round trip between two nodes without queueing. */
  readonly rttNs: Nanoseconds;
  readonly linkBitsPerSecond: number;
}

/** What Helm gives, before the agent chooses sizes (`cilium/agent`). */
export interface HelmInput {
  /** Files in the order in which they were merged, paths as they were opened. */
  readonly files: readonly string[];
  readonly settings: CiliumSettings;
  /** For settings that somebody set: `values/incident.yaml:12 bpf.ctTcpMax`; absent = default. */
  readonly origins: Readonly<Partial<Record<keyof CiliumSettings, string>>>;
  /** How many values of the files have no influence on the model. */
  readonly ignored: number;
}

export const MAP_TYPES = ["hash", "lru_hash"] as const;
export type OverridableMapType = (typeof MAP_TYPES)[number];

export interface MapOverride {
  readonly type: OverridableMapType | null;
  readonly maxEntries: number | null;
}

/** Of services. */
export const PROTOCOLS = ["TCP", "UDP", "SCTP"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** A load balancer's service has a NodePort too, and an external address. */
export const SERVICE_TYPES = ["ClusterIP", "NodePort", "LoadBalancer"] as const;
export type ServiceType = (typeof SERVICE_TYPES)[number];

export interface Service {
  /** `namespace/name`. */
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly type: ServiceType;
  /** Backends on other nodes. */
  readonly backends: number;
  /** Backends on the simulated node. */
  readonly localBackends: number;
  /** Null = assigned in order from the service range. */
  readonly clusterIp: string | null;
  /** Null = assigned in order from 30000; for services that have one. */
  readonly nodePort: number | null;
  /** Session affinity by client address, ns; null = none. */
  readonly affinityNs: Nanoseconds | null;
}

export const PRELOAD_KINDS = ["established", "closing", "syn", "udp"] as const;
export type PreloadKind = (typeof PRELOAD_KINDS)[number];

/** State that exists before the first packet, not simulated from birth. */
export interface Preload {
  /** Pressure label of the map. */
  readonly map: string;
  readonly entries: number;
  /** What the entries are; null for maps without a lifetime. */
  readonly kind: PreloadKind | null;
  /** When the entries expire, uniform between the two, from the start of the run; null = not within the run. */
  readonly expires: { readonly fromNs: Nanoseconds; readonly toNs: Nanoseconds } | null;
  readonly about: string;
}

/** A random span of time, never negative; spans in nanoseconds. */
export type Distribution =
  | { readonly kind: "constant"; readonly valueNs: Nanoseconds }
  | { readonly kind: "exponential"; readonly meanNs: Nanoseconds }
  | { readonly kind: "uniform"; readonly lowNs: Nanoseconds; readonly highNs: Nanoseconds }
  /** `sigma`: standard deviation of the logarithm. */
  | { readonly kind: "lognormal"; readonly medianNs: Nanoseconds; readonly sigma: number }
  /** At least `scaleNs`; beyond `highestNs` (null: nowhere) nothing lies. */
  | { readonly kind: "pareto"; readonly scaleNs: Nanoseconds; readonly shape: number; readonly highestNs: Nanoseconds | null }
  | { readonly kind: "weibull"; readonly scaleNs: Nanoseconds; readonly shape: number }
  /** Measured: values with the share of observations at or below each, the last being 1. */
  | { readonly kind: "empirical"; readonly valuesNs: readonly Nanoseconds[]; readonly shares: readonly number[] };

export type Arrivals =
  | { readonly kind: "poisson" | "constant"; readonly perSecond: number }
  /** Poisson while on, nothing while off. */
  | { readonly kind: "on-off"; readonly perSecond: number; readonly on: Distribution; readonly off: Distribution }
  /** Poisson with a rate that runs straight between the points. */
  | {
      readonly kind: "series";
      readonly points: readonly { readonly atNs: Nanoseconds; readonly perSecond: number }[];
      readonly repeatNs: Nanoseconds | null;
    }
  /** At these moments, rising, and again every `repeatNs`. */
  | { readonly kind: "recorded"; readonly atNs: readonly number[]; readonly repeatNs: Nanoseconds | null }
  /** Poisson over a day around its mean; the run begins at hour 0. */
  | { readonly kind: "diurnal"; readonly perSecond: number; readonly swing: number; readonly peakHour: number }
  /** Closed loop: each of `clients` begins anew some time after it has ended. */
  | { readonly kind: "loop"; readonly clients: number; readonly think: Distribution };

/** A burst is a window of the report, named after its workload. */
export interface Bursts {
  readonly firstNs: Nanoseconds;
  readonly everyNs: Nanoseconds;
  readonly lengthNs: Nanoseconds;
}

export const CLOSERS = ["client", "server", "never"] as const;
export type Closer = (typeof CLOSERS)[number];

/** One request and its answer. */
export interface RequestShape {
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly serverTime: Distribution;
}

/** What HTTP requests and their answers say, for whoever reads them: the L7 proxy. */
export interface HttpShape {
  readonly method: string;
  /** With the query, as the request line has it. */
  readonly path: string;
  /** Null = the target by its name in the cluster, or its address. */
  readonly host: string | null;
  readonly status: number;
}

export interface ConnectionShape extends RequestShape {
  readonly http: HttpShape;
  /** Requests one after another on the connection; 0 = none. */
  readonly requests: number;
  /** Between an answer and the next request. */
  readonly thinkTime: Distribution;
  /** Between the last answer (or the handshake when there are no requests) and the close. */
  readonly hold: Distribution;
  readonly close: Closer;
  /** Share of the connections that are never closed although `close` says otherwise, 0 … 1. */
  readonly leak: number;
  /** When the application gives an attempt up; null = never, TCP does. */
  readonly connectTimeoutNs: Nanoseconds | null;
  /** How often it opens another connection after one has failed or was broken, and after which pause. */
  readonly retries: number;
  readonly retryAfter: Distribution;
}

/** Who opens the connections. */
export type Origin =
  /** Pods of the simulated node. */
  | { readonly kind: "pod"; readonly workload: string; readonly pods: number }
  /** Pods of other nodes. */
  | { readonly kind: "remote"; readonly workload: string; readonly pods: number }
  /** Hosts outside the cluster: the first `clients` addresses of a prefix, each with the same ephemeral ports. */
  | { readonly kind: "world"; readonly prefix: string; readonly clients: number; readonly ports: readonly [first: number, last: number] }
  /** Processes of the simulated node itself. */
  | { readonly kind: "host" };

/** Whom they call. */
export type Target =
  /** A service: its ClusterIP for pods and the node, its external address or NodePort for the world. Index into `services`. */
  | { readonly kind: "service"; readonly service: number }
  /** A service's pods by their own addresses. */
  | { readonly kind: "backends"; readonly service: number }
  /** The first `addresses` addresses of a prefix outside the cluster. */
  | { readonly kind: "world"; readonly prefix: string; readonly addresses: number; readonly port: number };

/** Which node of the cluster takes requests from outside: the simulated one, or others, which pass them on. */
export const ENTRIES = ["here", "elsewhere"] as const;
export type Entry = (typeof ENTRIES)[number];

/** Address family of a workload. */
export const FAMILIES = ["IPv4", "IPv6"] as const;
export type Family = (typeof FAMILIES)[number];

interface WorkloadBase {
  readonly name: string;
  readonly from: Origin;
  readonly to: Target;
  readonly entry: Entry;
  readonly family: Family;
}

/** Connections that come, do their work and go. */
export interface ArrivalWorkload extends WorkloadBase {
  readonly kind: "arrivals";
  readonly arrivals: Arrivals;
  /** Null = all the time. */
  readonly bursts: Bursts | null;
  readonly connection: ConnectionShape;
}

/** Connections opened at the start and used all the time. */
export interface PoolWorkload extends WorkloadBase {
  readonly kind: "pool";
  readonly connections: number;
  readonly request: RequestShape & { readonly every: Distribution; readonly http: HttpShape };
}

/** ICMP: an echo request and its reply. SCTP: an association with one request. */
export const QUERY_PROTOCOLS = ["UDP", "ICMP", "SCTP"] as const;
export type QueryProtocol = (typeof QUERY_PROTOCOLS)[number];

/** One datagram and its answer, repeated when the answer does not come in time. */
export interface QueryShape extends RequestShape {
  readonly protocol: QueryProtocol;
  readonly timeoutNs: Nanoseconds;
  /** How often the request is sent at most. */
  readonly attempts: number;
}

/** How a resolver (glibc) looks a name up: which names it tries one after the other, each with A and AAAA from one socket. */
export interface Resolution {
  /** `ndots`: a name with fewer dots is tried with the search domains first. */
  readonly ndots: number;
  /** Search domains. */
  readonly search: number;
  /** Dots in the name. */
  readonly dots: number;
  /** Which candidate exists: the name as it is (0), or with the n-th search domain. */
  readonly foundAt: number;
  /** Null = nobody says; whoever reads the questions sees a placeholder. */
  readonly name: string | null;
  /** IPv4 address that the name has; null = nobody says. */
  readonly address: string | null;
}

/** Exchanges of datagrams that come and go, each from a socket of its own. */
export interface QueryWorkload extends WorkloadBase {
  readonly kind: "queries";
  readonly arrivals: Arrivals;
  readonly bursts: Bursts | null;
  readonly query: QueryShape;
  /** Null = plain requests. */
  readonly dns: Resolution | null;
}

export type Workload = ArrivalWorkload | PoolWorkload | QueryWorkload | FloodWorkload;

/** SYNs from addresses where nobody is, or to one port after the other. */
export const FLOOD_KINDS = ["syn", "scan"] as const;
export type FloodKind = (typeof FLOOD_KINDS)[number];

/** Packets that open flows and never go on: an attack, or a scanner. */
export interface FloodWorkload extends WorkloadBase {
  readonly kind: "flood";
  readonly arrivals: Arrivals;
  readonly bursts: Bursts | null;
  readonly flood: FloodKind;
}

/** How a pod's end shows: its process closes what it has; its node is gone without a word; or the process alone is gone, and the pod refuses. */
export const DEPARTURES = ["stops", "vanishes", "crashes"] as const;
export type Departure = (typeof DEPARTURES)[number];

/** What happens at a moment of the run. */
export type Happening =
  /**
   * Backends of a service on other nodes come and go, the oldest first. Those that go take no new connections from `lag` on,
   * end after `graceNs`, and are forgotten another lag later.
   */
  | {
      readonly kind: "backends";
      readonly service: number;
      readonly add: number;
      readonly remove: number;
      readonly graceNs: Nanoseconds;
      /** Until the node's agent learns of it. */
      readonly lagNs: Nanoseconds;
      readonly how: Departure;
    }
  /** Client pods of the simulated node are replaced by new ones that get the same addresses. */
  | { readonly kind: "pods"; readonly workload: string; readonly replace: number }
  /** The agent is down; maps stay, unless a new size makes it create one anew. */
  | { readonly kind: "agent"; readonly downNs: Nanoseconds; readonly resize: Readonly<Record<string, number>> }
  /** The node restarts: its pods, sockets and maps of connections are gone, and for a while it is not there. */
  | { readonly kind: "node"; readonly downNs: Nanoseconds }
  /** Hubble Relay can't reach the node: flows are seen and not written. */
  | { readonly kind: "relay"; readonly downNs: Nanoseconds }
  /** The replica of Relay that is read from ends, and a new one's container runs after this. */
  | { readonly kind: "relay-restart"; readonly startNs: Nanoseconds }
  /** The agent reads another clock than the programs: its idea of now is so much later, or (negative) earlier. */
  | { readonly kind: "gc"; readonly aheadNs: number; readonly lengthNs: Nanoseconds }
  | { readonly kind: "policy"; readonly policy: Policy }
  /** Packets between the nodes get lost or late. */
  | { readonly kind: "link"; readonly loss: number; readonly delayNs: Nanoseconds; readonly lengthNs: Nanoseconds }
  /** Others take a share of the node's CPUs away. */
  | { readonly kind: "cpu"; readonly share: number; readonly cpus: number | null; readonly lengthNs: Nanoseconds };

export interface TimelineEvent {
  readonly atNs: Nanoseconds;
  /** Again after this, `times` times in all. */
  readonly everyNs: Nanoseconds | null;
  readonly times: number;
  readonly happening: Happening;
}

/** How connect() looks for a port: from a random start each time, or in the kernel's order. */
export const PORT_SEARCHES = ["random", "kernel"] as const;
export type PortSearch = (typeof PORT_SEARCHES)[number];

/** The client's TCP. A null is what the kernel profile says. */
export interface Client {
  /** Stands for a sock_ops program that answers `TIMEOUT_INIT`. */
  readonly synRtoNs: Nanoseconds | null;
  readonly linearTimeouts: number | null;
  readonly synRetries: number | null;
  readonly hz: number | null;
  readonly portSearch: PortSearch;
}

export { FLOW_FILTERS, HOOKS } from "./observe-types.js";
export type { FlowFilter, HookName, HookObservation, Observe } from "./observe-types.js";
