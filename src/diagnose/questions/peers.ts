/** What the ends of connections do: silence, resets, retransmissions, which backend gets what; and what Hubble missed. */
import { formatCount } from "../../core/units.js";
import { shareText } from "../../report/wording.js";
import type { Facts, SilentFacts } from "../facts.js";
import { patternText } from "../pattern.js";
import { question, UNKNOWN, type Question } from "../question.js";
import { MEASURES } from "./measures.js";

/** Exchanges without an answer that are no oddity: share, and number at one destination. */
const UNANSWERED = 0.01;
const SILENT_MIN = 5;
/** One destination stands out: this share of its exchanges, this many times that of all others. */
const SILENT_SHARE = 0.3;
const SILENT_TIMES = 5;
const RESET_SHARE = 2e-4;
const ONE_PEER = 0.8;
const BY_HOST = 0.2;
const TOGETHER_MIN = 3;
const AGAIN = 0.002;
const CONNECTIONS_MIN = 50;
/** Lost events, of all. */
const LOST = 1e-5;
/** The number of backends grew. */
const GREW = 1.3;
const REQUESTS_MIN = 50;
const KEPT_PORT = 3;

/** A destination that is gone is silent while all others answer; a map that forgets strikes at random. */
const silence = question({
  id: "silence",
  asks: "Do exchanges stay without an answer, and with whom?",
  measure: MEASURES.flows,
  outcomes: ["none", "one destination", "here and there"],
  table: {
    otherwise: [88, 4, 8],
    M1: [62, 3, 35],
    M6: [50, 10, 40],
    M7: [60, 8, 32],
    full: [50, 10, 40],
    policy: [70, 12, 18],
    backend: [4, 90, 6],
    nothing: [98, 1, 1],
  },
  read: (facts) => {
    const found = silentOf(facts);
    if (found === null) return UNKNOWN;
    const { destination, asked, unanswered, othersAsked, othersUnanswered } = found;
    const [own, others] = [unanswered / asked, othersUnanswered / Math.max(1, othersAsked)];
    const sentence = `${destination} left ${formatCount(unanswered)} of ${formatCount(asked)} exchanges unanswered, all others ${formatCount(othersUnanswered)} of ${formatCount(othersAsked)}`;
    if (othersAsked > 0 && unanswered >= SILENT_MIN && own >= SILENT_SHARE && own >= others * SILENT_TIMES) return { outcome: "one destination", sentence };
    const share = (unanswered + othersUnanswered) / (asked + othersAsked);
    return { outcome: share >= UNANSWERED ? "here and there" : "none", sentence: `${shareText(share)} of ${formatCount(asked + othersAsked)} exchanges stayed unanswered` };
  },
});

/** Flows when there are any, they have the dropped ones sorted out; else the conntrack dump. */
function silentOf({ flows, conntrack }: Facts): SilentFacts | null {
  return flows?.silent ?? conntrack?.silent ?? null;
}

/** A process that ends resets what it had open, all at once; the node resets replies of connections it does not know. */
const resets = question({
  id: "resets",
  asks: "Who resets connections, and when?",
  measure: MEASURES.flows,
  outcomes: ["nobody", "one peer, at once", "the node", "several"],
  table: {
    otherwise: [80, 3, 1, 16],
    M1: [45, 3, 3, 49],
    M2: [68, 3, 2, 27],
    M7: [12, 5, 58, 25],
    M8: [70, 3, 5, 22],
    M9: [35, 4, 3, 58],
    backend: [60, 22, 1, 17],
    peer: [4, 88, 1, 7],
    nothing: [96, 0.7, 0.3, 3],
  },
  read: ({ flows }) => {
    const found = flows?.resets;
    if (!found) return flows !== null && !flows.onlyDrops && flows.exchanges >= CONNECTIONS_MIN ? { outcome: "nobody", sentence: "no TCP in the flows, so no reset" } : UNKNOWN;
    const { connections, seen, topShare, topSource, byHost, pattern } = found;
    const count = `${formatCount(connections)} of ${formatCount(seen)} connections were reset`;
    if (connections < TOGETHER_MIN || connections / seen < RESET_SHARE) return { outcome: "nobody", sentence: count };
    if (byHost / connections >= BY_HOST) return { outcome: "the node", sentence: `${count}, ${formatCount(byHost)} by the node, which did not know them` };
    const together = topShare >= ONE_PEER && pattern.bursts === 1;
    const who = `${count}, ${shareText(topShare)} by ${topSource}, ${patternText(pattern)}`;
    return { outcome: together ? "one peer, at once" : "several", sentence: who };
  },
});

const again = question({
  id: "SYNs again",
  asks: "Are SYNs sent again?",
  measure: MEASURES.flows,
  outcomes: ["hardly", "yes"],
  table: {
    otherwise: [88, 12],
    M1: [50, 50],
    M3: [70, 30],
    M6: [8, 92],
    M7: [35, 65],
    full: [10, 90],
    policy: [25, 75],
    backend: [55, 45],
    nothing: [98.5, 1.5],
  },
  read: ({ flows }) => {
    const found = flows?.synsAgain;
    if (!found || found.connections < CONNECTIONS_MIN) return UNKNOWN;
    const share = found.again / found.connections;
    return { outcome: share >= AGAIN ? "yes" : "hardly", sentence: `${formatCount(found.again)} SYNs were sent again for ${formatCount(found.connections)} connections` };
  },
});

/** A counter knows of all losses; a file of flows only of those in its short time. */
const lost = question({
  id: "lost events",
  asks: "Does Hubble lose events?",
  measure: `${MEASURES.flows} (it tells of lost events), hubble_lost_events_total`,
  outcomes: ["no", "not in these flows", "yes"],
  table: { otherwise: [47, 47, 6], hubble: [1, 24, 75], nothing: [49, 49, 2] },
  read: ({ flows, metrics }) => {
    const counted = metrics?.hubbleLost;
    if (!counted && (flows === null || flows.onlyDrops)) return UNKNOWN;
    const events = Math.max(counted?.lost ?? 0, flows?.lostEvents ?? 0);
    const of = Math.max(counted?.processed ?? 0, flows?.flows ?? 0) + events;
    const none = counted ? "no" : "not in these flows";
    return { outcome: events > of * LOST ? "yes" : none, sentence: `Hubble lost ${formatCount(events)} of ${formatCount(of)} events` };
  },
});

/** A new backend gets its share of new connections, unless conntrack answers before the load balancer is asked (issue 14250). */
const newBackends = question({
  id: "new backends",
  asks: "Do backends that were added get their share?",
  measure: `${MEASURES.metricsTwice}, from before the scale-up on, and ${MEASURES.flows}`,
  outcomes: ["none added", "they do", "they get nothing"],
  table: { otherwise: [90, 9.6, 0.4], M10: [20, 5, 75] },
  read: ({ metrics, flows, conntrack }) => {
    const backends = metrics?.backends;
    if (!backends) return UNKNOWN;
    const { first, last } = backends;
    if (last < first * GREW) return { outcome: "none added", sentence: `backends in the load balancer's map: ${formatCount(first)}, later ${formatCount(last)}` };
    const spread = flows?.spread;
    const seen =
      spread && spread.requests >= REQUESTS_MIN
        ? { backends: spread.backends, what: `flows to ${spread.service} show` }
        : conntrack !== null && conntrack.services.entries >= REQUESTS_MIN && conntrack.services.backends > 0
          ? { backends: conntrack.services.backends, what: "service entries of conntrack name" }
          : undefined;
    if (seen === undefined) return UNKNOWN;
    const sentence = `backends grew from ${formatCount(first)} to ${formatCount(last)}; ${seen.what} ${formatCount(seen.backends)}`;
    return { outcome: seen.backends <= first ? "they get nothing" : "they do", sentence };
  },
});

const clientPorts = question({
  id: "client ports",
  asks: "Do clients keep to their source ports?",
  measure: MEASURES.flows,
  outcomes: ["fresh ones", "the same"],
  table: { otherwise: [70, 30], M5: [55, 45], M10: [8, 92] },
  read: ({ flows }) => {
    const found = flows?.spread;
    if (!found || found.requests < REQUESTS_MIN) return UNKNOWN;
    const sentence = `${formatCount(found.requests)} requests to ${found.service} came from ${formatCount(found.clientPorts)} addresses and ports`;
    return { outcome: found.requests >= found.clientPorts * KEPT_PORT ? "the same" : "fresh ones", sentence };
  },
});

export const PEER_QUESTIONS: readonly Question[] = [silence, resets, again, lost, newBackends, clientPorts];
