/** What the programs drop, and when: `cilium_drop_count_total`, Hubble's drops. */
import { formatCount } from "../../core/units.js";
import { shareText } from "../../report/wording.js";
import type { Facts } from "../facts.js";
import { CT_INSERT_FAILED, isDenied } from "../flow-facts.js";
import { patternText, STEADY_SHARE } from "../pattern.js";
import { question, UNKNOWN, VOID, type Question } from "../question.js";
import { conntrackFill, FULL, fillText } from "./fills.js";
import { MEASURES } from "./measures.js";

const INSERT_REASON = "CT: Map insertion failed";
const NO_MAPPING_REASON = "No mapping for NAT masquerade";
const NO_NAT_MAPPING = 167;
const DENIED_REASONS = ["Policy denied", "Policy denied by denylist"];
/** EBUSY takes the time of a walk, a part of a second in many, from one group of buckets in eight: far below. */
const COMMON_SHARE = 1e-3;
/** Nearly all drops fall into intervals with a run, … */
const WITH_RUN = 0.95;
/** … of which there must be some without one. */
const RUN_SHARE_MAX = 0.7;
/** Fewer flows may miss what is rare. */
const FLOWS_MIN = 1000;
/** Packets in mid-stream among the denied from which on they are no oddity. */
const MID_STREAM_SHARE = 0.02;
/** A period and an interval that are alike. */
const ALIKE = 0.3;

interface Dropped {
  readonly count: number;
  readonly from: string;
}

/** Dropped packets of these reasons; undefined when nothing that was read would show them. */
function dropped({ metrics, flows }: Facts, reasons: readonly string[], isCode: (code: number) => boolean): Dropped | undefined {
  if (metrics?.drops) {
    const count = metrics.drops.filter(({ reason }) => reasons.includes(reason)).reduce((sum, each) => sum + each.count, 0);
    if (count > 0 || flows === null) return { count, from: "metrics" };
  }
  if (flows === null) return undefined;
  const count = flows.drops.filter(({ code }) => isCode(code)).reduce((sum, each) => sum + each.count, 0);
  if (count === 0 && metrics?.drops) return { count, from: "metrics" };
  return count > 0 || flows.onlyDrops || flows.flows >= FLOWS_MIN ? { count, from: "flows" } : undefined;
}

const failedInserts = (facts: Facts): Dropped | undefined => dropped(facts, [INSERT_REASON], (code) => code === CT_INSERT_FAILED);

/** An LRU map never refuses because it is full; EBUSY and ENOMEM come at any fill (issues 35010, 41864). */
const inserts = question({
  id: "inserts",
  asks: "Do inserts into conntrack fail, and how full is it then?",
  measure: MEASURES.metricsTwice,
  outcomes: ["none", "with room", "when full", "fill unknown"],
  table: {
    otherwise: [97, 1, 1, 1],
    M3: [8, 62, 8, 22],
    M4: [8, 40, 30, 22],
    full: [3, 3, 72, 22],
    nothing: [99.7, 0.1, 0.1, 0.1],
  },
  read: (facts) => {
    const failed = failedInserts(facts);
    if (failed === undefined) return UNKNOWN;
    if (failed.count === 0) return { outcome: "none", sentence: `no "${INSERT_REASON}" in the ${failed.from}` };
    const fill = conntrackFill(facts);
    const times = `"${INSERT_REASON}" ${formatCount(failed.count)} times in the ${failed.from}`;
    if (fill === null) return { outcome: "fill unknown", sentence: times };
    return { outcome: fill.fill >= FULL ? "when full" : "with room", sentence: `${times}, while ${fillText(fill)} at most` };
  },
});

const insertShare = question({
  id: "insert share",
  asks: "How many packets does it cost?",
  measure: MEASURES.metricsTwice,
  outcomes: ["rare", "common"],
  table: { otherwise: [50, 50], M3: [94, 6], M4: [50, 50], full: [15, 85] },
  read: (facts) => {
    const failed = failedInserts(facts);
    if (failed === undefined || failed.count === 0) return VOID;
    const found = facts.metrics?.drops?.find(({ reason }) => reason === INSERT_REASON);
    if (found === undefined) return UNKNOWN;
    const outcome = found.worstShare >= COMMON_SHARE ? "common" : "rare";
    return { outcome, sentence: `failed inserts are ${shareText(found.worstShare)} of the packets when they are most frequent` };
  },
});

/** A walk holds the lock that an insert on the same CPU meets: no walk, no EBUSY. */
const insertsAtWalks = question({
  id: "inserts at walks",
  asks: "Do inserts fail only while garbage collection runs?",
  measure: MEASURES.metricsTwice,
  outcomes: ["only then", "at any time"],
  table: { otherwise: [40, 60], M3: [95, 5], M4: [15, 85], full: [35, 65] },
  read: (facts) => {
    const failed = failedInserts(facts);
    if (failed === undefined || failed.count === 0) return VOID;
    const found = facts.metrics?.withGc[INSERT_REASON];
    if (found !== undefined && found.drops > 0 && found.runShare <= RUN_SHARE_MAX) {
      const share = found.dropsWithRun / found.drops;
      const sentence = `${shareText(share)} of the failed inserts lie between scrapes with a run of the collector, ${shareText(found.runShare)} of all`;
      return { outcome: share >= WITH_RUN ? "only then" : "at any time", sentence };
    }
    const pattern = facts.flows?.insertPattern;
    const every = facts.node.gcIntervalS;
    if (!pattern || pattern.periodS === null || every === null || pattern.busyShare > STEADY_SHARE) return UNKNOWN;
    const alike = Math.abs(pattern.periodS - every) <= ALIKE * every;
    return { outcome: alike ? "only then" : "at any time", sentence: `inserts fail ${patternText(pattern)}; the collector runs every ${every} s` };
  },
});

const sourcePorts = question({
  id: "no mapping",
  asks: "Does SNAT fail to find a source port?",
  measure: MEASURES.metrics,
  outcomes: ["no", "yes"],
  table: { otherwise: [97, 3], M6: [3, 97], M7: [92, 8], M8: [75, 25], M9: [30, 70], nothing: [99.7, 0.3] },
  read: (facts) => {
    const failed = dropped(facts, [NO_MAPPING_REASON], (code) => code === NO_NAT_MAPPING);
    if (failed === undefined) return UNKNOWN;
    if (failed.count === 0) return { outcome: "no", sentence: `no "${NO_MAPPING_REASON}" in the ${failed.from}` };
    return { outcome: "yes", sentence: `"${NO_MAPPING_REASON}" ${formatCount(failed.count)} times in the ${failed.from}` };
  },
});

/**
 * A reply that finds no entry is new traffic, and default deny drops it: denied packets in mid-stream mean entries that
 * were lost (issues 20068, 46298). Denied first packets mean a policy at work.
 */
const denied = question({
  id: "denied",
  asks: "Are packets denied, and which: the first of connections, or those in mid-stream?",
  measure: MEASURES.flowsOfDrops,
  outcomes: ["none", "mid-stream", "first packets", "kind unknown"],
  table: {
    otherwise: [88, 2, 7, 3],
    M1: [38, 46, 2, 14],
    M2: [55, 32, 2, 11],
    M5: [6, 72, 2, 20],
    M7: [76, 14, 4, 6],
    M9: [57, 28, 3, 12],
    M11: [35, 45, 3, 17],
    policy: [1, 2, 72, 25],
    nothing: [98.7, 0.3, 0.5, 0.5],
  },
  read: (facts) => {
    const all = dropped(facts, DENIED_REASONS, isDenied);
    if (all === undefined) return UNKNOWN;
    if (all.count === 0) return { outcome: "none", sentence: `no packet was denied in the ${all.from}` };
    const { opening = 0, midStream = 0, unclear = 0 } = facts.flows?.denied ?? {};
    const clear = opening + midStream;
    if (clear === 0) return { outcome: "kind unknown", sentence: `${formatCount(all.count)} packets were denied; no flow tells which` };
    const parts = `${formatCount(midStream)} in mid-stream, ${formatCount(opening)} first ones${unclear === 0 ? "" : `, ${formatCount(unclear)} unclear`}`;
    return { outcome: midStream / clear >= MID_STREAM_SHARE ? "mid-stream" : "first packets", sentence: `denied packets: ${parts}` };
  },
});

/** A map that was made anew loses everything once, a run of the collector something each time, an LRU all the time. */
const deniedTimes = question({
  id: "denied times",
  asks: "When are packets in mid-stream denied?",
  measure: MEASURES.flowsOfDrops,
  outcomes: ["once", "in pulses", "steadily"],
  table: { otherwise: [25, 25, 50], M1: [10, 20, 70], M2: [10, 20, 70], M5: [14, 71, 15], M9: [10, 20, 70], M11: [85, 5, 10] },
  read: ({ flows }) => {
    if (flows === null || flows.denied.midStream === 0) return VOID;
    const pattern = flows.deniedPattern;
    if (pattern === null || pattern.count < DENIED_MIN) return UNKNOWN;
    const outcome = pattern.bursts === 1 && pattern.busyShare <= STEADY_SHARE ? "once" : pattern.busyShare <= STEADY_SHARE ? "in pulses" : "steadily";
    return { outcome, sentence: `${formatCount(pattern.count)} connections lost packets in mid-stream to a denial, ${patternText(pattern)}` };
  },
});

const DENIED_MIN = 3;

export const DROP_QUESTIONS: readonly Question[] = [inserts, insertShare, insertsAtWalks, sourcePorts, denied, deniedTimes];
