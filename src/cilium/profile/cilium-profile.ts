/**
 * The shape of a Cilium profile: what one release's datapath, agent and chart do, as data.
 *
 * `null` in a field whose comment says "null = not determined" means that nobody has read the release in question; it
 * never means "no" or "default". Everything that consumes a profile takes it through `settled()` (see `assumptions.ts`),
 * which puts a stated assumption in such a place. Sources stand with the data, in `cilium-1.14.ts` … `cilium-1.19.ts`.
 */

/** Conntrack lifetimes, seconds, by `bpf-ct-timeout-*` flag. */
export interface ConntrackTimeouts {
  readonly regularTcpSeconds: number;
  readonly regularAnySeconds: number;
  readonly serviceTcpSeconds: number;
  readonly serviceAnySeconds: number;
  readonly serviceTcpGraceSeconds: number;
  readonly synSeconds: number;
  readonly finSeconds: number;
}

export interface ConntrackFacts {
  readonly timeouts: ConntrackTimeouts;
  /** `monitor-aggregation-interval`, seconds. */
  readonly reportIntervalSeconds: number;
  /** Which packets count as opening: any with SYN, or only SYN without ACK. */
  readonly createAction: "syn" | "syn-without-ack";
  /** Key bytes, IPv4 and IPv6. */
  readonly keyBytes4: number;
  readonly keyBytes6: number;
  readonly valueBytes: number;
  /** What the first 32 bytes of the value hold. */
  readonly valueLayout: "rx-tx-stats" | "packets-bytes" | "nat-in-ct";
  /** Whether packets and bytes are counted in the value. */
  readonly accounting: "always" | "default-off-no-flag" | "flag-default-off";
  /** Which failed creates send `ct_fill_up`; null = not determined. */
  readonly fillUpSignal: "any-error" | "enomem-only" | "none" | null;
  /** Name of flag bit 7. */
  readonly dsrFlagName: "dsr" | "dsr_internal";
  readonly maps: { readonly tcp4: string; readonly any4: string; readonly tcp6: string; readonly any6: string };
}

export interface NatFacts {
  /** How a 16-bit number becomes a port of the range: remainder (highest port never drawn) or scaling. */
  readonly clamp: "modulo" | "scale";
  readonly tries: number;
  /** `nat_fill_up` is sent when the loop ends at a try index above this one. */
  readonly signalAboveTryIndex: number;
  /** Tries and threshold when the kernel only takes small programs (before 5.2); null = no such variant. */
  readonly smallProgramTries: { readonly tries: number; readonly signalAboveTryIndex: number } | null;
  readonly reverseInsert: "lookup-then-insert-per-try" | "lookup-per-try-insert-once" | "insert-per-try";
  /** Null = not determined. */
  readonly forwardInsert: "must-not-exist" | "overwrite" | null;
  readonly recreateOnStaleAddress: boolean;
  readonly restoreReverseOnForward: boolean;
  readonly restoreForwardOnReply: boolean;
  /** Lowest port = highest NodePort + 1; this is the highest. */
  readonly portMax: number;
  readonly retriesHistogramMap4: string | null;
  readonly retriesHistogramMap6: string | null;
  readonly map4: string;
  readonly map6: string;
  readonly keyBytes4: number;
  readonly keyBytes6: number;
  readonly valueBytes4: number;
  readonly valueBytes6: number;
  /** DSR backends keep one NAT entry per connection. */
  readonly dsrNatEntry: boolean;
  /** The conntrack entry of a DSR connection carries service address and port as well. */
  readonly dsrInfoInConntrack: boolean;
}

export interface PolicyFacts {
  readonly mapType: "lpm-trie";
  readonly lookupsMax: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  /** Pinned name without the endpoint id. */
  readonly mapNamePrefix: string;
  /** Which of two matches wins; null = not determined. */
  readonly precedence: "wildcard-flags" | "deny-prefix" | "deny-priority-prefix" | null;
  /** Node-wide counters outside the policy value; null = none. */
  readonly statsMap: string | null;
}

export interface IpcacheFacts {
  readonly mapType: "lpm-trie";
  readonly map: string;
  readonly entries: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
}

export interface LoadBalancerFacts {
  readonly services4: string;
  readonly backends4: string;
  readonly reverseNat4: string;
  readonly affinity4: string;
  readonly affinityMatch: string;
  readonly maglev4: string;
  readonly sourceRange4: string;
  readonly reverseSk4: string;
  /** Frontend key holds the protocol, so a packet of no service costs two lookups. */
  readonly protocolDifferentiation: boolean;
  readonly perServiceAlgorithm: boolean;
  readonly perServiceMode: boolean;
  /** Text of a backend that Maglev hashes. */
  readonly maglevHashString: "plain" | "bracketed-state";
  readonly maglevTableSizeDefault: number;
  readonly maglevSeedDefault: string;
}

export interface GcFacts {
  /** Form of the interval loop; null = not determined. */
  readonly scheduler: "oldest" | "older" | "newer" | null;
  readonly iteration: "per-key" | "batch";
  readonly startSeconds: number;
  readonly minSeconds: number;
  readonly maxSeconds: number;
  /** `conntrack-gc-max-interval` exists. */
  readonly maxIntervalOption: boolean;
  /** What happens when the first scan is not done after 30 s; null = not determined. */
  readonly firstScanLate: "exit" | "warn" | null;
  readonly firstScanLateSeconds: number;
  /** First scan also deletes entries neither of whose addresses belongs to a restored endpoint. */
  readonly firstScanEndpointFilter: boolean;
  readonly orphanNatPurge: "signal-only";
  /** A key that is already gone at deletion is counted as skipped (true) or logged as an error (false). */
  readonly missingKeyIsSkipped: boolean;
  /** Orphans are deleted while the NAT map is walked, or collected first and deleted after a complete walk. */
  readonly orphanDeletion: "while-walking" | "after-walk";
  /** Seconds between counts of conntrack entries for the pressure metric; null = not counted. */
  readonly pressureCountSeconds: number | null;
  /** How the pressure count walks, when it does. */
  readonly pressureCountChunk: number | null;
  readonly intervalMetric: boolean;
}

export interface SizeFacts {
  readonly ctTcpEntriesDefault: number;
  readonly ctAnyEntriesDefault: number;
  readonly natEntriesDefault: number;
  readonly neighEntriesDefault: number;
  readonly sockRevEntriesDefault: number;
  readonly policyEntriesDefault: number;
  readonly policyEntriesMin: number;
  readonly policyEntriesMax: number;
  readonly loadBalancerEntriesDefault: number;
  readonly fragmentsEntriesDefault: number;
  readonly fragmentsEntriesMin: number;
  readonly fragmentsEntriesMax: number;
  readonly authEntriesDefault: number;
  readonly authEntriesMin: number;
  readonly nodeEntriesDefault: number;
  readonly nodeEntriesConfigurable: boolean;
  readonly egressGatewayPolicyEntriesDefault: number;
  readonly endpointEntries: number;
  readonly ipMasqEntries: number;
  readonly metricsEntries: number;
  /** Null where the map does not exist. */
  readonly policyStatsEntriesDefault: number | null;
  /** Key + value bytes that dynamic sizing reckons with; the IPv6 sizes, whatever the families. */
  readonly elementBytes: { readonly ct: number; readonly nat: number; readonly neigh: number; readonly sockRev: number };
  /** Smallest results of dynamic sizing. */
  readonly dynamicFloors: {
    readonly ctTcp: number;
    readonly ctAny: number;
    readonly nat: number;
    readonly sockRev: number;
  };
  readonly entriesMin: number;
  readonly entriesMax: number;
  readonly dynamicSizeRatioDefault: number;
  readonly distributedLruOption: boolean;
  /** Dynamic sizes are rounded to a multiple of the possible CPUs under distributed LRU. */
  readonly distributedLruRounding: boolean;
}

export interface HelmFacts {
  /** Newest chart of this minor that was read. */
  readonly chart: string;
  readonly kubeProxyReplacement: readonly string[];
  readonly kubeProxyReplacementDeprecated: readonly string[];
  /** What becomes of the old `tunnel` value; null = not determined. */
  readonly tunnelValue: "accepted" | "ignored" | "refused" | null;
  readonly hasTcx: boolean;
  /** Keys new in this minor, and keys gone with it (relative to the minor before). */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export interface ObservationFacts {
  /** Highest drop code of `pkg/monitor/api/drop.go`. */
  readonly dropCodeHighest: number;
  readonly dropCodesAdded: readonly number[];
  /** Fields of `flow.proto` new in this minor, as message.field=number. */
  readonly flowFieldsAdded: readonly string[];
  /** Hubble's queue when not set: CPUs × this many events, … */
  readonly hubbleQueuePerCpu: number;
  /** … but no more than this. */
  readonly hubbleQueueMax: number;
  /** Losses are gathered for so long before they are reported, s (`hubble-lost-event-send-interval`); 0 = not at all. */
  readonly hubbleLostIntervalS: number;
  /** Traces of sockets obey `monitor-aggregation`, and one in its interval passes on the whole node (bpf/lib/trace_sock.h). */
  readonly socketTracesAggregated: boolean;
}

export interface CiliumProfile {
  /** `1.17.6`. */
  readonly version: string;
  readonly minor: string;
  readonly patch: number;
  /** What of this profile was carried over without having been read, in words. */
  readonly inferred: readonly string[];
  readonly conntrack: ConntrackFacts;
  readonly nat: NatFacts;
  readonly policy: PolicyFacts;
  readonly ipcache: IpcacheFacts;
  readonly loadBalancer: LoadBalancerFacts;
  readonly gc: GcFacts;
  readonly sizes: SizeFacts;
  readonly helm: HelmFacts;
  readonly observation: ObservationFacts;
}

/** The parts of a profile that differ between releases. */
export type CiliumFacts = Omit<CiliumProfile, "version" | "minor" | "patch" | "inferred">;

/** Differences, section by section; a nested object replaces the whole object. */
export type FactChanges = { readonly [Section in keyof CiliumFacts]?: Partial<CiliumFacts[Section]> };

/** A difference that a patch release brought. */
export interface PatchChange {
  /** First patch that has it. */
  readonly fromPatch: number;
  readonly what: string;
  readonly source: string;
  readonly set: FactChanges;
}

/** One minor: its `.0`, and what its patches changed, in ascending order. */
export interface CiliumMinor {
  readonly minor: string;
  /** The patch that a bare `1.17` stands for. */
  readonly referencePatch: number;
  /** Newest patch of which anything (source, chart or API) was read. */
  readonly newestReadPatch: number;
  readonly facts: CiliumFacts;
  readonly changes: readonly PatchChange[];
  readonly inferred: readonly string[];
}

/** Facts with some of them replaced. */
export function withChanges(facts: CiliumFacts, set: FactChanges): CiliumFacts {
  return {
    conntrack: { ...facts.conntrack, ...set.conntrack },
    nat: { ...facts.nat, ...set.nat },
    policy: { ...facts.policy, ...set.policy },
    ipcache: { ...facts.ipcache, ...set.ipcache },
    loadBalancer: { ...facts.loadBalancer, ...set.loadBalancer },
    gc: { ...facts.gc, ...set.gc },
    sizes: { ...facts.sizes, ...set.sizes },
    helm: { ...facts.helm, ...set.helm },
    observation: { ...facts.observation, ...set.observation },
  };
}
