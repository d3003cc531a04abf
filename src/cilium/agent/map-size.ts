/**
 * How large the agent makes the maps whose size it works out: conntrack, NAT, neighbours, socket reverse NAT.
 * `calculateDynamicBPFMapSizes` and `checkMapSizeLimits`, pkg/option/config.go, later the stand-alone map-size package.
 */

import type { SizeFacts } from "../profile/cilium-profile.js";
import type { CiliumSettings } from "./settings.js";

/** The maps sized here. */
export const DYNAMIC_MAPS = ["ctTcp", "ctAny", "nat", "neigh", "sockRev"] as const;
export type DynamicMap = (typeof DYNAMIC_MAPS)[number];

/** Where a size came from. Figures before rounding stand in `computed`. */
export type SizeOrigin =
  | { readonly kind: "set" }
  /** Dynamic sizing is off. */
  | { readonly kind: "static default" }
  | { readonly kind: "share of memory"; readonly computed: number }
  | { readonly kind: "floor"; readonly computed: number }
  | { readonly kind: "ceiling"; readonly computed: number }
  /** NAT above the conntrack maps together becomes two thirds of them. */
  | { readonly kind: "two thirds of conntrack"; readonly computed: number }
  | { readonly kind: "follows NAT" };

export interface SizedMap {
  readonly entries: number;
  readonly origin: SizeOrigin;
  /** Set when the agent rounded to a multiple of the CPUs. */
  readonly roundedToCpus: number | null;
}

/** Which check an agent refuses to start for. */
export type RefusalRule = "ratio" | "ct range" | "nat range" | "nat above tcp+any" | "sock-rev range" | "auth" | "fragments";

/** The agent doesn't start. */
export interface SizeRefusal {
  readonly rule: RefusalRule;
  /** As the agent logs it. */
  readonly message: string;
}

/** What the sizes depend on. */
export interface SizeRequest {
  /** MemTotal of the node, bytes. */
  readonly totalMemoryBytes: number;
  /** `bpf-map-dynamic-size-ratio`; 0 = off. */
  readonly ratio: number;
  /** Sizes set by the user; null = automatic. */
  readonly explicit: Readonly<Record<DynamicMap, number | null>>;
  readonly auth: number;
  readonly fragments: number;
  /** CPUs to round to; 1 = no rounding. */
  readonly roundToCpus: number;
  readonly facts: SizeFacts;
}

export interface MapSizes {
  readonly sizes: Readonly<Record<DynamicMap, SizedMap>>;
  /** Bytes that dynamic sizing reckons with, and the divisor; null with the ratio off. */
  readonly budget: { readonly availableBytes: number; readonly divisorBytes: number } | null;
  readonly refusal: SizeRefusal | null;
}

/** The request that an agent with these settings makes on a node. */
export function sizeRequest(
  settings: CiliumSettings,
  facts: SizeFacts,
  totalMemoryBytes: number,
  possibleCpus: number,
): SizeRequest {
  const rounds = facts.distributedLruRounding && settings.distributedLru;
  return {
    totalMemoryBytes,
    ratio: settings.mapDynamicSizeRatio,
    explicit: {
      ctTcp: settings.ctTcpMax,
      ctAny: settings.ctAnyMax,
      nat: settings.natMax,
      neigh: settings.neighMax,
      sockRev: settings.sockRevMax,
    },
    auth: settings.authMapMax,
    fragments: settings.fragmentsMapMax,
    roundToCpus: rounds ? possibleCpus : 1,
    facts,
  };
}

/** Bytes of all five maps at their static defaults: what the available memory is divided by. */
export function divisorBytes(facts: SizeFacts): number {
  const { elementBytes } = facts;
  return (
    facts.ctTcpEntriesDefault * elementBytes.ct +
    facts.ctAnyEntriesDefault * elementBytes.ct +
    facts.natEntriesDefault * elementBytes.nat +
    facts.natEntriesDefault * elementBytes.neigh +
    facts.sockRevEntriesDefault * elementBytes.sockRev
  );
}

/** Memory from which dynamic sizing gives the first map more than its floor, bytes. */
export function memoryWhereRatioActs(facts: SizeFacts, ratio: number): number {
  const { dynamicFloors: floors } = facts;
  const needed = [
    (floors.ctTcp + 1) / facts.ctTcpEntriesDefault,
    (floors.ctAny + 1) / facts.ctAnyEntriesDefault,
    (floors.nat + 1) / facts.natEntriesDefault,
    (floors.sockRev + 1) / facts.sockRevEntriesDefault,
  ];
  return Math.ceil((Math.min(...needed) * divisorBytes(facts)) / ratio);
}

/** The sizes that the agent arrives at, and whether it starts with them. */
export function mapSizes(request: SizeRequest): MapSizes {
  const { explicit, facts } = request;
  const dynamic = request.ratio > 0 && request.ratio <= 1;
  const budget = dynamic
    ? { availableBytes: Math.trunc(request.totalMemoryBytes * request.ratio), divisorBytes: divisorBytes(facts) }
    : null;
  const automatic = (preset: number, floor: number): SizedMap =>
    budget === null ? plain(preset, { kind: "static default" }) : share(request, budget, preset, floor);
  const sized = (map: DynamicMap, preset: number, floor: number): SizedMap => {
    const set = explicit[map];
    return set === null ? automatic(preset, floor) : plain(set, { kind: "set" });
  };

  const { dynamicFloors: floors } = facts;
  const ctTcp = sized("ctTcp", facts.ctTcpEntriesDefault, floors.ctTcp);
  const ctAny = sized("ctAny", facts.ctAnyEntriesDefault, floors.ctAny);
  const conntrack = ctTcp.entries + ctAny.entries;
  let nat = sized("nat", facts.natEntriesDefault, floors.nat);
  if (explicit.nat === null && nat.entries > conntrack) nat = twoThirds(conntrack, nat);
  const neigh = explicit.neigh === null ? plain(nat.entries, { kind: "follows NAT" }) : plain(explicit.neigh, { kind: "set" });
  const sockRev = sized("sockRev", facts.sockRevEntriesDefault, floors.sockRev);
  // the agent's check turns an oversized NAT map that equals the default into two thirds, after neighbours were sized
  const isDefault = nat.entries === facts.natEntriesDefault;
  const checked = nat.entries > conntrack && isDefault ? twoThirds(conntrack, nat) : nat;
  const refusal = refusalOf(request, { ctTcp, ctAny, nat, neigh, sockRev });
  return { sizes: { ctTcp, ctAny, nat: refusal === null ? checked : nat, neigh, sockRev }, budget, refusal };
}

function plain(entries: number, origin: SizeOrigin): SizedMap {
  return { entries, origin, roundedToCpus: null };
}

function twoThirds(conntrack: number, instead: SizedMap): SizedMap {
  return plain(Math.floor((conntrack * 2) / 3), { kind: "two thirds of conntrack", computed: instead.entries });
}

/** A map's share of the available memory, in proportion to its default, within its bounds. */
function share(
  request: SizeRequest,
  budget: { readonly availableBytes: number; readonly divisorBytes: number },
  preset: number,
  floor: number,
): SizedMap {
  const cpus = request.roundToCpus;
  const roundedToCpus = cpus > 1 ? cpus : null;
  // 64-bit integers in the agent: the product leaves the exact range of doubles
  const computed = Number((BigInt(preset) * BigInt(budget.availableBytes)) / BigInt(budget.divisorBytes));
  const rounded = roundUp(computed, cpus);
  const ceiling = request.facts.entriesMax;
  if (rounded < floor) return { entries: roundUp(floor, cpus), origin: { kind: "floor", computed }, roundedToCpus };
  if (rounded > ceiling) {
    return { entries: ceiling - (ceiling % cpus), origin: { kind: "ceiling", computed }, roundedToCpus };
  }
  return { entries: rounded, origin: { kind: "share of memory", computed }, roundedToCpus };
}

function roundUp(entries: number, cpus: number): number {
  return Math.ceil(entries / cpus) * cpus;
}

/** The first check that fails, in the agent's order. */
function refusalOf(request: SizeRequest, sizes: Readonly<Record<DynamicMap, SizedMap>>): SizeRefusal | null {
  const { facts, ratio } = request;
  const min = facts.entriesMin;
  const max = facts.entriesMax;
  const [tcp, any, nat, sockRev] = [sizes.ctTcp, sizes.ctAny, sizes.nat, sizes.sockRev].map((each) => each.entries) as [
    number,
    number,
    number,
    number,
  ];
  if (ratio < 0 || ratio > 1) {
    return refuse("ratio", `specified dynamic map size ratio ${ratio.toFixed(6)} must be > 0.0 and <= 1.0`);
  }
  if (tcp < min || any < min) {
    return refuse("ct range", `specified CT tables values ${tcp}/${any} must be greater or equal to ${min}`);
  }
  if (tcp > max || any > max) {
    return refuse("ct range", `specified CT tables values ${tcp}/${any} must not exceed maximum ${max}`);
  }
  if (nat < min) return refuse("nat range", `specified NAT table size ${nat} must be greater or equal to ${min}`);
  if (nat > max) return refuse("nat range", `specified NAT tables size ${nat} must not exceed maximum ${max}`);
  if (nat > tcp + any && nat !== facts.natEntriesDefault) {
    return refuse("nat above tcp+any", `specified NAT tables size ${nat} must not exceed maximum CT table size ${tcp + any}`);
  }
  return refusalOfOthers(request, sockRev);
}

function refusalOfOthers(request: SizeRequest, sockRev: number): SizeRefusal | null {
  const { facts, auth, fragments } = request;
  if (auth < facts.authEntriesMin) {
    return refuse("auth", `specified AuthMap max entries ${auth} must be greater or equal to ${facts.authEntriesMin}`);
  }
  if (auth > facts.entriesMax) {
    return refuse("auth", `specified AuthMap max entries ${auth} must not exceed maximum ${facts.entriesMax}`);
  }
  const fragmentMap = `specified max entries ${fragments} for fragment-tracking map must`;
  if (fragments < facts.fragmentsEntriesMin) {
    return refuse("fragments", `${fragmentMap} be greater or equal to ${facts.fragmentsEntriesMin}`);
  }
  if (fragments > facts.fragmentsEntriesMax) {
    return refuse("fragments", `${fragmentMap} not exceed maximum ${facts.fragmentsEntriesMax}`);
  }
  if (sockRev < facts.entriesMin) {
    return refuse(
      "sock-rev range",
      `specified Socket Reverse NAT table size ${sockRev} must be greater or equal to ${facts.entriesMin}`,
    );
  }
  if (sockRev > facts.entriesMax) {
    return refuse(
      "sock-rev range",
      `specified Socket Reverse NAT tables size ${sockRev} must not exceed maximum ${facts.entriesMax}`,
    );
  }
  return null;
}

function refuse(rule: RefusalRule, message: string): SizeRefusal {
  return { rule, message };
}
