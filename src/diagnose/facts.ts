/**
 * What an operator sees of a node, as far as the files that were given say it: the input of the weighing. Null or absent
 * always means that nobody said, never zero. Nothing here comes from the simulator's truth (`ctlab_…` series).
 */
import type { SettledProfile } from "../cilium/profile/assumptions.js";
import type { KernelProfile } from "../cilium/profile/kernel.js";

/** Maps that the mechanisms are about, as metrics name them. */
export const CT_MAPS = ["ct4_global", "ct_any4_global", "ct6_global", "ct_any6_global"] as const;
export const NAT_MAPS = ["snat_v4_external", "snat_v6_external"] as const;
export type CtMapName = (typeof CT_MAPS)[number];
export type NatMapName = (typeof NAT_MAPS)[number];
export type MapName = CtMapName | NatMapName;

export interface Facts {
  readonly node: NodeFacts;
  /** By name; only maps of which a size or a fill is known. */
  readonly maps: ReadonlyMap<MapName, MapFacts>;
  readonly metrics: MetricFacts | null;
  readonly conntrack: ConntrackFacts | null;
  readonly survival: SurvivalFacts | null;
  readonly nat: NatFacts | null;
  /** Searches for a source port by number of retries; null without `bpf nat retries list`. */
  readonly natRetries: readonly number[] | null;
  readonly orphans: OrphanFacts | null;
  readonly flows: FlowFacts | null;
}

export interface NodeFacts {
  readonly cilium: SettledProfile | null;
  readonly kernel: KernelProfile | null;
  readonly cpus: number | null;
  /** From one walk of the collector to the next, s, when it is configured. */
  readonly gcIntervalS: number | null;
}

export interface MapFacts {
  readonly maxEntries: number | null;
  /** Entries over size: the largest seen. */
  readonly fillMax: number | null;
  /** The latest seen. */
  readonly fillLast: number | null;
}

export interface DropTotals {
  readonly reason: string;
  /** Between the first and the last scrape; of a single scrape what it shows. */
  readonly count: number;
  /** Of the packets of the worst interval between two scrapes; of a single scrape of all packets. */
  readonly worstShare: number;
}

export interface MetricFacts {
  readonly scrapes: number;
  /** From the first to the last scrape, s; 0 with one. */
  readonly spanS: number;
  /** Packets that the programs let through. */
  readonly forwarded: number | null;
  /** Null when the family is not there at all. */
  readonly drops: readonly DropTotals[] | null;
  readonly gc: GcMetrics | null;
  /** Share of the source ports towards the busiest remote, the largest seen. */
  readonly natPortShare: number | null;
  /** Counters that began again, or a gap in the agent's series. */
  readonly restarts: number | null;
  /** Maps whose capacity changed between scrapes. */
  readonly resized: readonly { readonly map: string; readonly from: number; readonly to: number }[];
  /** Conntrack's fill fell to less than a third of what it was within one interval. */
  readonly emptied: readonly MapName[];
  /** Entries of the load balancer's map of backends, first and last. */
  readonly backends: { readonly first: number; readonly last: number } | null;
  /** Events that Hubble lost and flows that it handled; null without its metrics. */
  readonly hubbleLost: { readonly lost: number; readonly processed: number | null } | null;
  /** How insertion failures and denials lie to runs of the collector. */
  readonly withGc: Readonly<Record<string, GcCoincidence>>;
}

/** Drops in intervals between scrapes in which the collector ran. */
export interface GcCoincidence {
  readonly drops: number;
  readonly dropsWithRun: number;
  /** Share of the intervals that had a run: what chance would give. */
  readonly runShare: number;
}

export interface GcMetrics {
  /** Walks that were completed since the first scrape. */
  readonly byFamily: readonly { readonly family: string; readonly runs: number }[];
  /** Signals of the datapath since the first scrape. */
  readonly signals: number;
}

export interface ClassFacts {
  readonly entries: number;
  /** Share past its time. */
  readonly expiredShare: number | null;
  /** Seconds since the last packet of the entry that has waited longest without being past its time, and how long it may. */
  readonly horizonS: number | null;
  readonly lifetimeS: number;
}

export interface ConntrackFacts {
  readonly entries: number;
  readonly clockKnown: boolean;
  readonly maps: readonly { readonly map: CtMapName; readonly entries: number; readonly expiredShare: number | null }[];
  /** Entries that live seconds, of which one sees how long the map remembers: closed TCP connections and datagrams. */
  readonly shortLived: readonly (ClassFacts & { readonly map: CtMapName; readonly what: string })[];
  /** Entries of TCP whose flags hold no SYN: made by a packet in the middle of a connection. */
  readonly midStream: { readonly entries: number; readonly of: number };
  /** SYNs without more, and from how many addresses. */
  readonly synOnly: { readonly entries: number; readonly addresses: number; readonly of: number };
  /** Of entries with a last report: to which destination no answer came. */
  readonly silent: SilentFacts | null;
  /** What holds most entries, in words. */
  readonly composition: readonly string[];
  readonly services: { readonly entries: number; readonly backends: number; readonly clients: number };
}

/** The destination that answers least often, against all others. */
export interface SilentFacts {
  readonly destination: string;
  readonly asked: number;
  readonly unanswered: number;
  readonly othersAsked: number;
  readonly othersUnanswered: number;
}

/** Two conntrack dumps of one node. */
export interface SurvivalFacts {
  readonly apartS: number;
  /** Entries of the first that must be there in the second, and those that are not. */
  readonly due: number;
  readonly missing: number;
}

export interface NatFacts {
  readonly entries: number;
  readonly unpaired: number;
  /** Pairs counted once: ports towards the busiest remote end from one address. */
  readonly busiest: { readonly from: string; readonly to: string; readonly ports: number } | null;
}

export interface OrphanFacts {
  readonly forward: number;
  /** Forward entries of which conntrack knows nothing. */
  readonly orphans: number;
  /** Connections that NAT should know and doesn't, and conntrack's entries. */
  readonly unmapped: number;
  readonly connections: number;
}

/** When something happened, in how many bursts. */
export interface Pattern {
  readonly count: number;
  readonly bursts: number;
  /** Seconds in which it happened, of those observed. */
  readonly busyShare: number;
  /** Median time between the beginnings of bursts, s; null with fewer than three. */
  readonly periodS: number | null;
}

export interface FlowFacts {
  readonly flows: number;
  readonly spanS: number;
  /** Nodes that saw them. */
  readonly nodes: number;
  /** Only drops were recorded. */
  readonly onlyDrops: boolean;
  readonly drops: readonly { readonly code: number; readonly reason: string; readonly count: number }[];
  /** Denied packets: those that open something, those in the midst of it, those of which one can't tell. */
  readonly denied: { readonly opening: number; readonly midStream: number; readonly unclear: number };
  /** First denied packet in mid-stream of each connection; failed inserts. */
  readonly deniedPattern: Pattern | null;
  readonly insertPattern: Pattern | null;
  /** Exchanges that were begun while recording, long enough before its end. */
  readonly exchanges: number;
  readonly unanswered: number;
  readonly silent: SilentFacts | null;
  readonly synsAgain: { readonly connections: number; readonly again: number } | null;
  readonly resets: ResetFacts | null;
  readonly lostEvents: number;
  /** Exchanges of the busiest service and the addresses that served them; whether clients kept to few ports. */
  readonly spread: SpreadFacts | null;
}

export interface ResetFacts {
  /** Connections that were reset while data passed. */
  readonly connections: number;
  readonly seen: number;
  /** Share that the busiest source of resets sent. */
  readonly topShare: number;
  readonly topSource: string;
  /** The node itself answered with resets: it does not know the connection. */
  readonly byHost: number;
  /** The peer had answered that connection before, and resets it now without having been asked anything odd. */
  readonly pattern: Pattern;
}

export interface SpreadFacts {
  readonly service: string;
  readonly backends: number;
  readonly requests: number;
  readonly clientPorts: number;
}
