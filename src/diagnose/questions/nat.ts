/** Source ports, pairs and orphans: `bpf nat list`, `bpf nat retries list`, metrics of NAT. */
import { formatCount } from "../../core/units.js";
import { shareText } from "../../report/wording.js";
import { question, UNKNOWN, type Question } from "../question.js";
import { bandOf, fillText, natFill } from "./fills.js";
import { MEASURES } from "./measures.js";

/** Ports that SNAT chooses from: 32768 to 65535. */
const PORTS = 32_768;
/** The search begins to fail when nearly half of the ports are taken: 32 tries, and a part of them of a like number (issue 33074). */
const CROWDED = 0.35;
/** Halves without the other one, beyond what changes while the dump is made. */
const UNPAIRED = 0.002;
const NAT_MIN = 100;
const ORPHANS = 0.15;
const UNMAPPED = 0.005;

/** A NAT map evicts when it is full (issues 34833, 36572); a port search fails at any fill (33074). */
const fill = question({
  id: "NAT fill",
  asks: "How full did the NAT map get?",
  measure: MEASURES.nat,
  outcomes: ["below half", "above half", "full"],
  table: {
    otherwise: [84, 12, 4],
    M6: [62, 33, 5],
    M7: [3, 7, 90],
    M8: [38, 40, 22],
    nothing: [87, 10, 3],
  },
  read: (facts) => {
    const most = natFill(facts);
    return most === null ? UNKNOWN : { outcome: bandOf(most.fill), sentence: `${fillText(most)} at most` };
  },
});

const ports = question({
  id: "ports",
  asks: "How many source ports does the busiest remote hold?",
  measure: MEASURES.nat,
  outcomes: ["few", "many"],
  table: { otherwise: [96, 4], M6: [4, 96], M8: [60, 40], M9: [40, 60], nothing: [96, 4] },
  read: ({ nat, metrics }) => {
    const busiest = nat?.busiest;
    const shown = Math.max(metrics?.natPortShare ?? 0, (busiest?.ports ?? 0) / PORTS);
    if (nat === null && metrics?.natPortShare == null) return UNKNOWN;
    const where = busiest ? ` (${busiest.from} to ${busiest.to})` : "";
    return { outcome: shown >= CROWDED ? "many" : "few", sentence: `the busiest remote holds ${shareText(shown)} of the source ports${where}` };
  },
});

/** Each mapping is two entries, which an LRU evicts one by one (issue 34833); made together, both often go soon after another. */
const pairs = question({
  id: "pairs",
  asks: "Are there NAT entries without their other half?",
  measure: MEASURES.nat,
  outcomes: ["none", "some"],
  table: { otherwise: [97, 3], M7: [35, 65], M8: [90, 10] },
  read: ({ nat }) => {
    if (nat === null || nat.entries < NAT_MIN) return UNKNOWN;
    const share = nat.unpaired / nat.entries;
    return { outcome: share >= UNPAIRED ? "some" : "none", sentence: `${formatCount(nat.unpaired)} of ${formatCount(nat.entries)} NAT entries have no other half` };
  },
});

/** The agent deletes a NAT pair with its conntrack entry; what the LRU evicts leaves its pair behind (issues 21346, 29305). */
const orphans = question({
  id: "orphans",
  asks: "Do NAT entries belong to connections that conntrack knows?",
  measure: MEASURES.natAndConntrack,
  outcomes: ["nearly all", "many to none"],
  table: { otherwise: [95, 5], M1: [70, 30], M2: [70, 30], M7: [90, 10], M8: [3, 97], nothing: [99, 1] },
  read: ({ orphans: found }) => {
    if (found === null || found.forward < NAT_MIN) return UNKNOWN;
    const share = found.orphans / found.forward;
    return {
      outcome: share >= ORPHANS ? "many to none" : "nearly all",
      sentence: `conntrack knows nothing of ${formatCount(found.orphans)} of ${formatCount(found.forward)} NAT mappings (${shareText(share)})`,
    };
  },
});

/** The other way round: a connection whose mapping was evicted. */
const unmapped = question({
  id: "unmapped",
  asks: "Do connections that pass SNAT have their NAT entries?",
  measure: MEASURES.natAndConntrack,
  outcomes: ["yes", "some have not"],
  table: { otherwise: [95, 5], M6: [80, 20], M7: [12, 88] },
  read: ({ orphans: found }) => {
    if (found === null || found.forward < NAT_MIN || found.connections === 0) return UNKNOWN;
    const share = found.unmapped / found.connections;
    return { outcome: share >= UNMAPPED ? "some have not" : "yes", sentence: `${formatCount(found.unmapped)} connections to remotes that NAT knows have no NAT entry` };
  },
});

/** `bpf nat retries list`, from 1.17 on: the last number is the search that gave up. */
const retries = question({
  id: "retries",
  asks: "Do searches for a source port use up their tries?",
  measure: MEASURES.natRetries,
  outcomes: ["no", "yes"],
  table: { otherwise: [97, 3], M6: [4, 96], M9: [35, 65], M8: [80, 20] },
  read: ({ natRetries }) => {
    if (natRetries === null || natRetries.length === 0) return UNKNOWN;
    const last = natRetries.at(-1)!;
    return { outcome: last > 0 ? "yes" : "no", sentence: `${formatCount(last)} searches for a source port took all ${natRetries.length - 1} retries` };
  },
});

export const NAT_QUESTIONS: readonly Question[] = [fill, ports, pairs, orphans, unmapped, retries];
