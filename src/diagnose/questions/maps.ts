/** How full the maps are, what they forget, and who took it out: metrics, conntrack dumps, kernel and release. */
import { formatCount } from "../../core/units.js";
import { ratioText, shareText } from "../../report/wording.js";
import { DATAGRAMS } from "../conntrack-facts.js";
import { CT_MAPS, type CtMapName } from "../facts.js";
import { question, UNKNOWN, type Question } from "../question.js";
import { bandOf, conntrackFill, fillText, FULL, HALF, LRU_BATCH } from "./fills.js";
import { MEASURES } from "./measures.js";

/** Free lists of all CPUs that hold this part of a map can leave another CPU without an element. */
const STARVING_PART = 0.5;
/** No node has more possible CPUs (NR_CPUS of most distributions' kernels is larger, machines are not). */
const CPUS_MAX = 512;
/** Up to this part of a lifetime the map is short of memory of it, from the other on it keeps what it should. */
const FORGETS = 0.6;
const KEEPS = 0.8;
/** Shares of what should have survived from one dump to the next. */
const SOME_MISSING = 0.001;
const MANY_MISSING = 0.02;
const DUE_MIN = 100;
/** TCP entries of which one side was seen without its SYN. */
const FEW_MID_STREAM = 1e-3;
const MANY_MID_STREAM = 0.03;
const TCP_MIN = 200;
/** Entries past their time. */
const MANY_EXPIRED = 0.5;
const EXPIRED_MIN = 500;
/** Runs of one family that are no coincidence when the other has none. */
const RUNS_MIN = 3;
const SIGNALS_MANY = 3;

/** An LRU map evicts when it is full; the mechanisms M3 and M5 show at any fill (issues 35010, 46298). */
const fill = question({
  id: "conntrack fill",
  asks: "How full did a conntrack map get?",
  measure: `${MEASURES.metrics}; before 1.16 ${MEASURES.conntrack}, with -f and --node`,
  outcomes: ["below half", "above half", "full before", "full now"],
  table: {
    otherwise: [74, 20, 3, 3],
    M1: [4, 8, 8, 80],
    M2: [74, 23, 1, 2],
    M3: [38, 50, 4, 8],
    M4: [30, 30, 10, 30],
    M5: [45, 47, 3, 5],
    M8: [40, 12, 36, 12],
    M9: [4, 8, 3, 85],
    full: [2, 4, 24, 70],
    nothing: [80, 17, 2, 1],
  },
  read: (facts) => {
    const most = conntrackFill(facts);
    if (most === null) return UNKNOWN;
    const band = bandOf(most.fill);
    const last = most.facts.fillLast ?? most.fill;
    const sentence = `${fillText(most)} at most`;
    if (band !== "full") return { outcome: band, sentence };
    if (last >= HALF) return { outcome: "full now", sentence };
    return { outcome: "full before", sentence: `${sentence}, and at ${ratioText(last)} in the end` };
  },
});

/** 128 free elements a CPU at a time (kernel/bpf/bpf_lru_list.c), until a change of 2025 scales it to the map. */
const starvation = question({
  id: "free lists",
  asks: "Can the CPUs' lists of free elements starve each other?",
  measure: `${MEASURES.kernel}; ${MEASURES.shape}`,
  outcomes: ["possible", "impossible"],
  table: { otherwise: [4, 96], M2: [99.5, 0.5] },
  read: ({ node: { kernel, cpus }, maps }) => {
    if (kernel?.lruRefill === "scaled") return { outcome: "impossible", sentence: `kernel ${kernel.version} scales what a CPU takes to the map` };
    const sizes = CT_MAPS.flatMap((map) => maps.get(map)?.maxEntries ?? []);
    if (sizes.length === 0) return UNKNOWN;
    const smallest = Math.min(...sizes);
    const parked = (cpus ?? CPUS_MAX) * LRU_BATCH;
    const lists = `${cpus ?? `even ${CPUS_MAX}`} CPUs hold up to ${formatCount(parked)} free elements of a map of ${formatCount(smallest)}`;
    if (parked < smallest * STARVING_PART) return { outcome: "impossible", sentence: lists };
    return cpus === null || kernel === null ? UNKNOWN : { outcome: "possible", sentence: `${lists} (kernel ${kernel.version})` };
  },
});

/** kernel/bpf/hashtab.c: counters per CPU from 5.11 on, a lock that can wait from 6.15 on. */
const bucketLock = question({
  id: "bucket lock",
  asks: "Does this kernel refuse an insert that meets a locked bucket?",
  measure: MEASURES.kernel,
  outcomes: ["yes", "no"],
  table: { otherwise: [65, 35], M3: [99.8, 0.2] },
  read: ({ node: { kernel } }) => {
    if (kernel === null) return UNKNOWN;
    const refuses = kernel.bucketLock === "per-cpu-counter";
    return { outcome: refuses ? "yes" : "no", sentence: `kernel ${kernel.version} ${refuses ? "refuses with EBUSY" : "waits for the lock"}` };
  },
});

/** A walk in batches deletes what it read a moment before (issue 46298); by key there is next to no such moment. */
const batches = question({
  id: "batches",
  asks: "Does this release read entries in batches and delete them later?",
  measure: MEASURES.cilium,
  outcomes: ["yes", "no"],
  table: { otherwise: [45, 55], M5: [98, 2] },
  read: ({ node: { cilium } }) => {
    if (cilium === null) return UNKNOWN;
    const batch = cilium.gc.iteration === "batch";
    return { outcome: batch ? "yes" : "no", sentence: `${cilium.version} ${batch ? "reads in batches, and deletes them later" : "looks at each entry and deletes it at once"}` };
  },
});

/**
 * Nobody but the LRU takes an entry out before its time: entries of short life that never grow old were evicted. It takes who
 * has been idle longest: where many connections rest, these go, and short ones reach their time.
 */
const horizon = question({
  id: "horizon",
  asks: "Do entries of short life reach their time, or does the map forget them before?",
  measure: MEASURES.conntrack,
  outcomes: ["they do", "forgotten before"],
  table: {
    otherwise: [93, 7],
    M1: [28, 72],
    M2: [28, 72],
    M8: [65, 35],
    M9: [55, 45],
    M11: [55, 45],
  },
  read: ({ conntrack, maps }) => {
    // Datagrams of a flow that goes on keep its entry young: what is young shows nothing but in a full map.
    const tells = (map: CtMapName, what: string): boolean => what !== DATAGRAMS || (maps.get(map)?.fillMax ?? 0) >= FULL;
    const classes = (conntrack?.shortLived ?? []).filter(
      ({ horizonS, lifetimeS, map, what }) => horizonS !== null && (horizonS >= lifetimeS * KEEPS || tells(map, what)),
    );
    if (classes.length === 0) return UNKNOWN;
    const worst = classes.reduce((a, b) => (b.horizonS! / b.lifetimeS < a.horizonS! / a.lifetimeS ? b : a));
    const reached = worst.horizonS! / worst.lifetimeS;
    const sentence = `the oldest of ${formatCount(worst.entries)} entries of ${worst.what} in ${worst.map} has been idle for ${Math.round(worst.horizonS!)} of ${worst.lifetimeS} s`;
    if (reached > FORGETS && reached < KEEPS) return UNKNOWN;
    return { outcome: reached <= FORGETS ? "forgotten before" : "they do", sentence };
  },
});

/** Two dumps within the time that a closed connection is kept: what is missing did not expire. */
const survival = question({
  id: "survival",
  asks: "Are entries of one dump still there in the next, seconds later?",
  measure: MEASURES.conntrackTwice,
  outcomes: ["all", "few missing", "many missing"],
  table: {
    otherwise: [96, 3, 1],
    M1: [10, 12, 78],
    M2: [3, 50, 47],
    M5: [55, 44, 1],
    M8: [60, 20, 20],
    M9: [25, 35, 40],
    M11: [45, 5, 50],
  },
  read: ({ survival: found }) => {
    if (found === null || found.due < DUE_MIN) return UNKNOWN;
    const share = found.missing / found.due;
    const sentence = `of ${formatCount(found.due)} entries that had longer to live ${formatCount(found.missing)} were gone ${found.apartS} s later`;
    return { outcome: share < SOME_MISSING ? "all" : share < MANY_MISSING ? "few missing" : "many missing", sentence };
  },
});

/** Flags are gathered over an entry's life (`rx_flags_seen`): who answered without a SYN was met in the midst of a connection. */
const midStream = question({
  id: "entries in mid-stream",
  asks: "Are there TCP entries that were made in the midst of a connection?",
  measure: MEASURES.conntrack,
  outcomes: ["none", "few", "many"],
  table: {
    otherwise: [80, 15, 5],
    M1: [28, 27, 45],
    M2: [25, 30, 45],
    M5: [40, 57, 3],
    M7: [70, 22, 8],
    M9: [30, 40, 30],
    M11: [8, 12, 80],
    nothing: [88, 10, 2],
  },
  read: ({ conntrack }) => {
    if (conntrack === null || conntrack.midStream.of < TCP_MIN) return UNKNOWN;
    const { entries, of } = conntrack.midStream;
    const share = entries / of;
    const sentence = `${formatCount(entries)} of ${formatCount(of)} TCP entries were made in the midst of a connection: one side was seen without its SYN`;
    return { outcome: share < FEW_MID_STREAM ? "none" : share < MANY_MID_STREAM ? "few" : "many", sentence };
  },
});

/** A collector that comes keeps the dead few; a full map of the dead is its absence (issues 27405, 39504, 41258). */
const expired = question({
  id: "expired",
  asks: "How much of a map is past its time?",
  measure: MEASURES.conntrack,
  outcomes: ["little", "half, with room", "half, and full"],
  table: { otherwise: [76, 23, 1], M1: [88, 10, 2], M8: [70, 25, 5], M9: [5, 9, 86], full: [60, 25, 15] },
  read: ({ conntrack, maps }) => {
    const found = conntrack?.maps.filter(({ entries, expiredShare }) => expiredShare !== null && entries >= EXPIRED_MIN) ?? [];
    if (found.length === 0) return UNKNOWN;
    const worst = found.reduce((a, b) => (b.expiredShare! > a.expiredShare! ? b : a));
    const sentence = `${shareText(worst.expiredShare!)} of ${formatCount(worst.entries)} entries of ${worst.map} are past their time`;
    if (worst.expiredShare! < MANY_EXPIRED) return { outcome: "little", sentence };
    return { outcome: (maps.get(worst.map)?.fillMax ?? 0) >= FULL ? "half, and full" : "half, with room", sentence };
  },
});

/** Up to 1.18 a signal wakes the collector for one family and starts its timer anew (PR 41258). */
const families = question({
  id: "families",
  asks: "Does garbage collection come to the maps of both families?",
  measure: MEASURES.metricsTwice,
  outcomes: ["yes", "one is left out"],
  table: { otherwise: [98.5, 1.5], M9: [25, 75] },
  read: ({ metrics }) => {
    const gc = metrics?.gc;
    if (!gc || metrics.scrapes < 2 || gc.byFamily.length < 2) return UNKNOWN;
    const [least, ...others] = [...gc.byFamily].sort((a, b) => a.runs - b.runs);
    const most = others.at(-1)!;
    if (least === undefined || most.runs < RUNS_MIN) return UNKNOWN;
    const sentence = `${formatCount(most.runs)} walks of ${most.family}'s maps, ${formatCount(least.runs)} of ${least.family}'s in ${Math.round(metrics.spanS)} s`;
    return { outcome: least.runs * RUNS_MIN < most.runs ? "one is left out" : "yes", sentence };
  },
});

const signals = question({
  id: "signals",
  asks: "Do programs wake the collector by signals?",
  measure: MEASURES.metricsTwice,
  outcomes: ["hardly", "often"],
  table: { otherwise: [96, 4], M3: [60, 40], M4: [40, 60], M6: [25, 75], M9: [8, 92], full: [12, 88] },
  read: ({ metrics }) => {
    if (!metrics?.gc) return UNKNOWN;
    const { signals: count } = metrics.gc;
    return { outcome: count >= SIGNALS_MANY ? "often" : "hardly", sentence: `${formatCount(count)} signals of the programs to the agent` };
  },
});

/** A map whose size or flags change is made anew, empty, when the agent starts (issues 7641, 10289). */
const restart = question({
  id: "restart",
  asks: "Did the agent start anew, and were maps emptied then?",
  measure: `${MEASURES.metricsTwice}; kubectl -n kube-system get pod -l k8s-app=cilium`,
  outcomes: ["no restart", "restart", "restart, and a map made anew"],
  table: { otherwise: [94, 5.7, 0.3], M11: [5, 15, 80] },
  read: ({ metrics }) => {
    if (metrics?.restarts == null) return UNKNOWN;
    const changes = metrics.resized.map(({ map, from, to }) => `${map} from ${formatCount(from)} to ${formatCount(to)} entries`);
    const emptied = metrics.emptied.map((map) => `${map} lost most of its entries at once`);
    const anew = [...changes, ...emptied].join(", ");
    if (anew !== "") return { outcome: "restart, and a map made anew", sentence: anew };
    if (metrics.restarts === 0) return { outcome: "no restart", sentence: "the agent's counters run through, and no map was made anew" };
    return { outcome: "restart", sentence: "the agent's counters began again or were missing for a while; no map was made anew" };
  },
});

export const MAP_QUESTIONS: readonly Question[] = [
  fill, starvation, bucketLock, batches, horizon, survival, midStream, expired, families, signals, restart,
];
