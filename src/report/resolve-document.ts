/**
 * What `ctlab resolve` found out, as data: printed as it is with `--json`, and put into words by `resolve-text.ts` and
 * `resolve-diff-text.ts`. Fields are only ever added within a schema version.
 */

export const RESOLVE_SCHEMA_VERSION = 1;

/** Kernel memory, bytes. */
export interface MemoryDocument {
  /** Taken when maps are created. */
  readonly createdBytes: number;
  /** Taken when they are full. */
  readonly fullBytes: number;
}

/** Where somebody gave a value. */
export interface Given {
  /** Path as given, `<stdin>`, `--set` or `--diff-set`. */
  readonly file: string;
  /** From 1; null for values of the command line. */
  readonly line: number | null;
  /** The name under which it stands there: `bpf.ctTcpMax`, `extraConfig.bpf-nat-global-max`, `bpf-nat-global-max`. */
  readonly name: string;
}

/**
 * Why a map has its number of entries. `default` is a setting's own default, `static default` the one for when dynamic
 * sizing is off, `floor` and `ceiling` the bounds of a share of the memory.
 */
export type EntriesOriginKind =
  | "given"
  | "default"
  | "static default"
  | "share of memory"
  | "floor"
  | "ceiling"
  | "two thirds of conntrack"
  | "follows NAT"
  | "fixed";

export interface EntriesOriginDocument {
  readonly kind: EntriesOriginKind;
  /** Helm key, or flag where there is none, that decides; null when nothing does. */
  readonly setting: string | null;
  /** Where that setting was given; null when nobody did. */
  readonly given: Given | null;
  /** The number before bounds and rounding; null when there was none. */
  readonly computed: number | null;
  /** CPUs to a multiple of which the agent rounded. */
  readonly roundedToCpus: number | null;
}

export interface MapDocument {
  /** As in metrics: `ct4_global`. */
  readonly map: string;
  readonly pinnedName: string;
  readonly kind: string;
  /** What an insert into the full map does. */
  readonly whenFull: "evicts" | "refuses" | "can't be full";
  readonly entries: number;
  /** What the agent asks for; differs where the kernel rounds. */
  readonly requestedEntries: number;
  readonly origin: EntriesOriginDocument;
  readonly keyBytes: number;
  readonly valueBytes: number;
  /** `BPF_F_…` bits. */
  readonly flags: number;
  /** Maps of this kind on a node. */
  readonly copies: number;
  /** Of one map. */
  readonly memory: MemoryDocument;
}

export interface GcWalkDocument {
  readonly map: string;
  /** CPU time of a walk over the full map. */
  readonly fullWalkNs: number;
  /** A pass that deletes more than this shortens the interval, … */
  readonly shortensAbove: number;
  /** … one that stays below this in every map lengthens it. */
  readonly lengthensBelow: number;
}

export interface GcDocument {
  readonly form: string;
  readonly iteration: "per-key" | "batch";
  readonly adaptive: boolean;
  readonly minIntervalNs: number;
  readonly maxIntervalNs: number;
  readonly firstIdleIntervalNs: number;
  /** Where the fixed interval or its upper limit was given. */
  readonly given: Given | null;
  readonly intervalMetric: boolean;
  readonly fullPassNs: number;
  readonly walks: readonly GcWalkDocument[];
  readonly refusesNestedInserts: boolean;
  readonly deletesRefreshed: boolean;
  readonly starvesFamilies: boolean;
}

export interface ShapeDocument {
  readonly node: string;
  readonly nodes: number;
  readonly possibleCpus: number;
  readonly totalMemoryBytes: number;
  readonly pods: number;
}

export interface NodeDocument extends ShapeDocument {
  /** The agent's own words when it would not start. */
  readonly refusal: string | null;
  /** What dynamic sizing reckons with; null when it is off. */
  readonly sizing: { readonly ratio: number; readonly availableBytes: number; readonly divisorBytes: number } | null;
  /** Of one node. */
  readonly memory: MemoryDocument;
  /** Of one service's Maglev table in one family, on top of `memory`; null without Maglev. */
  readonly maglevBytesPerService: number | null;
  readonly maps: readonly MapDocument[];
  readonly gc: GcDocument;
}

export type Severity = "error" | "warning" | "note";

export interface WarningDocument {
  readonly code: string;
  readonly severity: Severity;
  readonly title: string;
  /** Settings to look at, and where they were given. */
  readonly settings: readonly { readonly name: string; readonly given: Given | null }[];
  /** The reason with its numbers, and the node shapes that it holds for. */
  readonly cases: readonly { readonly why: string; readonly nodes: readonly string[] }[];
}

/** A remark on a place in an input file. */
export interface RemarkDocument {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly expected: string | null;
  readonly nearest: string | null;
}

export interface ValuesDocument {
  readonly files: readonly string[];
  readonly set: readonly string[];
  /** Settings of the model that somebody gave. */
  readonly given: readonly { readonly setting: string; readonly value: unknown; readonly given: Given }[];
  /** Values that decide nothing in the model. */
  readonly ignored: number;
}

export interface ResolveDocument {
  readonly schemaVersion: typeof RESOLVE_SCHEMA_VERSION;
  readonly kind: "resolution";
  readonly cilium: string;
  readonly kernel: string;
  readonly values: ValuesDocument;
  /** The agent starts with these values on every shape. */
  readonly starts: boolean;
  readonly nodes: readonly NodeDocument[];
  readonly fleet: { readonly nodes: number; readonly memory: MemoryDocument };
  readonly warnings: readonly WarningDocument[];
  readonly remarks: readonly RemarkDocument[];
  /** What the figures rest on, in sentences. */
  readonly assumptions: readonly string[];
}

/** One thing that is another on the other side. Values as they would be written. */
export interface ChangeDocument {
  readonly name: string;
  readonly before: string;
  readonly after: string;
  readonly givenBefore: Given | null;
  readonly givenAfter: Given | null;
}

export interface MapSideDocument {
  readonly entries: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly flags: number;
  /** Of all copies. */
  readonly memory: MemoryDocument;
}

export interface MapChangeDocument {
  readonly map: string;
  /** What becomes of the pinned map when the agent starts with the other side. */
  readonly fate: "kept" | "replaced" | "new" | "no longer used";
  readonly before: MapSideDocument | null;
  readonly after: MapSideDocument | null;
  /** Why it is replaced. */
  readonly causes: readonly { readonly property: string; readonly before: number; readonly after: number }[];
  /** While old and new exist together. */
  readonly peakBytes: number;
}

/** What the loss of a map's entries does to live connections. */
export interface ImpactDocument {
  readonly map: string;
  readonly severity: "breaks" | "may break" | "unnoticed";
  readonly effect: string;
}

export interface NodeDiffDocument extends ShapeDocument {
  readonly maps: readonly MapChangeDocument[];
  readonly connections: readonly ImpactDocument[];
  /** Change of the memory that maps take when created, one node. */
  readonly memoryBytes: number;
  readonly peakBytes: number;
}

export interface ResolveDiffDocument {
  readonly schemaVersion: typeof RESOLVE_SCHEMA_VERSION;
  readonly kind: "diff";
  readonly before: ResolveDocument;
  readonly after: ResolveDocument;
  readonly settings: readonly ChangeDocument[];
  /** How GC goes about its work. */
  readonly behaviour: readonly ChangeDocument[];
  /** Facts of the two releases, by their path in ctlab's profiles. */
  readonly facts: readonly ChangeDocument[];
  readonly nodes: readonly NodeDiffDocument[];
  /** Change of the fleet's memory at creation. */
  readonly fleetMemoryBytes: number;
  readonly newWarnings: readonly WarningDocument[];
  readonly goneWarnings: readonly WarningDocument[];
}
