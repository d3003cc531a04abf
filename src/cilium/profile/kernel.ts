/**
 * `kernelProfile`: what a Linux release, 5.10 to 6.18, does where it matters for maps and for TCP's timers.
 *
 * Written as the facts of 5.10 and a list of dated changes, each with the stable releases that received it. Vendor
 * kernels (RHEL, and cloud kernels to a lesser degree) carry back-ports that their number doesn't show.
 */

import { UnknownVersionError, compareReleases, parseRelease } from "./version.js";
import type { Release } from "./version.js";

export interface KernelFacts {
  /** LRU free-list refill: up to 128 nodes at once, or at most half a CPU's share of the map. */
  readonly lruRefill: "fixed" | "scaled";
  /**
   * What guards a hash bucket. With `per-cpu-counter` an insert that interrupts a holder of the lock on the same CPU
   * gets EBUSY (M3); plain and resilient locks wait.
   */
  readonly bucketLock: "plain" | "per-cpu-counter" | "resilient";
  /** Counters per map and CPU that the buckets share, with `per-cpu-counter`. */
  readonly bucketLockCounters: number;
  /** `BPF_MAP_LOOKUP_BATCH` on hash maps. */
  readonly batchOperations: boolean;
  /** What fdinfo reports as memlock: an estimate from key and value, or the bytes in use. */
  readonly memoryReport: "estimate" | "exact";
  /** Elements of hashes without preallocation come from a per-CPU cache. */
  readonly elementCache: boolean;
  /** `net.ipv4.tcp_syn_linear_timeouts`: SYN retransmissions one initial RTO apart before doubling starts. */
  readonly tcpSynLinearTimeouts: number;
  /** `net.ipv4.tcp_syn_retries`. */
  readonly tcpSynRetries: number;
  /** `net.ipv4.tcp_retries2`. */
  readonly tcpRetries2: number;
  /** Initial RTO, milliseconds (`TCP_TIMEOUT_INIT`). */
  readonly tcpInitialRtoMs: number;
  /** Smallest RTO, milliseconds (`TCP_RTO_MIN`). */
  readonly tcpRtoMinMs: number;
  /** Largest RTO, milliseconds (`TCP_RTO_MAX`). */
  readonly tcpRtoMaxMs: number;
  /** `net.ipv4.tcp_rto_max_ms` exists. */
  readonly tcpRtoMaxSysctl: boolean;
  /** `net.ipv4.tcp_fin_timeout`, seconds. */
  readonly tcpFinTimeoutSeconds: number;
  /** TIME_WAIT, seconds (`TCP_TIMEWAIT_LEN`). */
  readonly tcpTimeWaitSeconds: number;
  /** `net.ipv4.tcp_tw_reuse`: 2 = for loopback only. */
  readonly tcpTwReuse: number;
  /** `net.ipv4.ip_local_port_range`. */
  readonly localPortFirst: number;
  readonly localPortLast: number;
  /** Timer ticks a second. The build's choice; 250 in most distributions' server kernels, 1000 in RHEL's. */
  readonly hz: number;
  /** Default of `nf_conntrack_buckets` above 4 GiB, and how many entries `nf_conntrack_max` allows per bucket. */
  readonly conntrackBucketsLarge: number;
  readonly conntrackEntriesPerBucket: number;
  readonly tcx: boolean;
  readonly netkit: boolean;
}

export interface KernelProfile extends KernelFacts {
  /** `6.6.99`. */
  readonly version: string;
  readonly minor: string;
  readonly patch: number;
}

/** A change, the mainline release that has it, and stable releases that received it later. */
interface KernelChange {
  readonly mainline: string;
  readonly stable: readonly string[];
  readonly what: string;
  readonly source: string;
  readonly set: Partial<KernelFacts>;
}

const OLDEST: Release = { major: 5, minor: 10, patch: undefined };
const NEWEST: Release = { major: 6, minor: 18, patch: undefined };
/** Last 5.x and its successor. */
const LAST_OF_5 = 19;
/** Patch that a bare minor stands for: one after every back-port listed below. */
const REFERENCE_PATCH: Readonly<Record<string, number>> = { "5.10": 240, "5.15": 190, "6.1": 176, "6.6": 120, "6.12": 117, "6.18": 44 };

const LINUX_5_10: KernelFacts = {
  lruRefill: "fixed", // kernel/bpf/bpf_lru_list.c, LOCAL_FREE_TARGET 128
  bucketLock: "plain", // kernel/bpf/hashtab.c, raw_spin_lock_irqsave
  bucketLockCounters: 8, // HASHTAB_MAP_LOCK_COUNT
  batchOperations: true, // 5.6
  memoryReport: "estimate",
  elementCache: false,
  tcpSynLinearTimeouts: 0,
  tcpSynRetries: 6, // TCP_SYN_RETRIES
  tcpRetries2: 15, // TCP_RETR2
  tcpInitialRtoMs: 1000,
  tcpRtoMinMs: 200,
  tcpRtoMaxMs: 120_000,
  tcpRtoMaxSysctl: false,
  tcpFinTimeoutSeconds: 60,
  tcpTimeWaitSeconds: 60,
  tcpTwReuse: 2, // 4.19
  localPortFirst: 32_768,
  localPortLast: 60_999,
  hz: 250,
  conntrackBucketsLarge: 65_536,
  conntrackEntriesPerBucket: 4,
  tcx: false,
  netkit: false,
};

const CHANGES: readonly KernelChange[] = [
  {
    mainline: "5.11",
    stable: [],
    what: "per-CPU counters refuse nested bucket locking with EBUSY",
    source: "bpf: Avoid hashtab deadlock with map_locked",
    set: { bucketLock: "per-cpu-counter" },
  },
  {
    mainline: "5.15",
    stable: [],
    what: "nf_conntrack: 262144 buckets above 4 GiB, one entry each",
    source: "netfilter: conntrack: Increase conntrack hashsize",
    set: { conntrackBucketsLarge: 262_144, conntrackEntriesPerBucket: 1 },
  },
  {
    mainline: "6.1",
    stable: [],
    what: "element cache for hashes without preallocation",
    source: "bpf: Convert hash map to bpf_mem_alloc",
    set: { elementCache: true },
  },
  { mainline: "6.4", stable: [], what: "exact memory report", source: "bpf: hashtab memory usage", set: { memoryReport: "exact" } },
  {
    mainline: "6.5",
    stable: [],
    what: "tcp_syn_linear_timeouts, 4 by default",
    source: "tcp: make the first N SYN RTO backoffs linear",
    set: { tcpSynLinearTimeouts: 4 },
  },
  { mainline: "6.6", stable: [], what: "tcx attachment", source: "bpf: Add fd-based tcx multi-prog infra", set: { tcx: true } },
  { mainline: "6.7", stable: [], what: "netkit device", source: "netkit, bpf: Add bpf programmable net device", set: { netkit: true } },
  {
    mainline: "6.15",
    stable: [],
    what: "resilient bucket lock: EBUSY becomes a wait",
    source: "bpf: Convert hashtab.c to rqspinlock",
    set: { bucketLock: "resilient" },
  },
  { mainline: "6.15", stable: [], what: "tcp_rto_max_ms", source: "tcp: add tcp_rto_max_ms sysctl", set: { tcpRtoMaxSysctl: true } },
  {
    mainline: "6.16",
    stable: ["6.6.99", "6.12.39", "6.15.7"],
    what: "LRU refill scaled to the map: clamp(entries / CPUs / 2, 1, 128)",
    source: "bpf: Adjust free target to avoid global starvation of LRU map; 6.1.176 still has 128",
    set: { lruRefill: "scaled" },
  },
];

/**
 * The profile of a kernel such as `5.15`, `6.6.99` or `6.8.0-45-generic`.
 * Throws `UnknownVersionError` outside 5.10 … 6.18.
 */
export function kernelProfile(version: string): KernelProfile {
  const release = parseRelease(version);
  if (release === undefined) throw new UnknownVersionError("Linux", version, "6.18", "5.10 to 6.18");
  const name = `${release.major}.${release.minor}`;
  const bare: Release = { ...release, patch: undefined };
  if (compareReleases(bare, OLDEST) < 0) throw new UnknownVersionError("Linux", version, "5.10", "5.10 to 6.18");
  if (release.major === 5 && release.minor > LAST_OF_5) throw new UnknownVersionError("Linux", version, "5.19", "5.10 to 6.18");
  if (compareReleases(bare, NEWEST) > 0) throw new UnknownVersionError("Linux", version, "6.18", "5.10 to 6.18");
  const patch = release.patch ?? REFERENCE_PATCH[name] ?? 0;
  const at: Release = { ...release, patch };
  const facts = CHANGES.filter((change) => has(at, change)).reduce<KernelFacts>(
    (each, change) => ({ ...each, ...change.set }),
    LINUX_5_10,
  );
  return { version: `${name}.${patch}`, minor: name, patch, ...facts };
}

function has(at: Release, change: KernelChange): boolean {
  if (compareReleases(at, parseRelease(change.mainline)!) >= 0) return true;
  return change.stable.some((text) => {
    const stable = parseRelease(text)!;
    return stable.major === at.major && stable.minor === at.minor && compareReleases(at, stable) >= 0;
  });
}
