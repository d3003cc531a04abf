/** What `cilium bpf ct list global` says about the fate of entries, beyond how many there are. */
import type { SettledProfile } from "../cilium/profile/assumptions.js";
import { CILIUM_MINORS } from "../cilium/profile/cilium.js";
import type { ConntrackTimeouts } from "../cilium/profile/cilium-profile.js";
import { summarizeConntrack, type CtMapName } from "../ingest/conntrack-summary.js";
import { CT_DIRECTION, CT_STATE, directionOf, isExpired, stateOf, type ConntrackTable } from "../ingest/conntrack-table.js";
import { TupleIndex } from "../ingest/tuple-index.js";
import { PROTOCOL } from "../ingest/tuple-table.js";
import { shareText } from "../report/wording.js";
import type { ConntrackFacts, SilentFacts, SurvivalFacts } from "./facts.js";

const TCP_SYN = 0x02;
/** Name of a class. */
export const DATAGRAMS = "datagrams";
/** Classes in words. */
const COMPOSITION_MAX = 4;
/** Fewer entries of a class say nothing about how long the map remembers. */
const CLASS_MIN = 50;
/** The entry that has waited longest among so many: single odd ones (a clock that is a second off) are left out. */
const HORIZON_SHARE = 0.995;
/** An exchange younger than this may still be answered, s. */
const ANSWER_S = 2;
/** Fewer exchanges with a destination are chance. */
const ASKED_MIN = 20;

export function conntrackFacts(table: ConntrackTable, profile: SettledProfile | null): ConntrackFacts {
  const summary = summarizeConntrack(table);
  const timeouts = (profile ?? CILIUM_MINORS.at(-1)!.facts).conntrack.timeouts;
  const clockKnown = table.clock !== undefined;
  const expired = (entries: number, past: number): number | null => (clockKnown && entries > 0 ? past / entries : null);
  return {
    entries: table.size,
    clockKnown,
    maps: summary.maps.map(({ map, entries, expired: past }) => ({ map, entries, expiredShare: expired(entries, past) })),
    shortLived: shortLived(table, timeouts),
    midStream: midStream(table),
    synOnly: synOnly(table),
    silent: silentDestination(table),
    composition: summary.classes.slice(0, COMPOSITION_MAX).map(
      ({ map, protocol, direction, state, entries }) => `${shareText(entries / Math.max(1, table.size))} ${protocol} ${direction} ${state} (${map})`,
    ),
    services: services(table),
  };
}

/** Entries that are kept for seconds after their last packet: whoever is in the map for as long shows that the map keeps them. */
function shortLived(table: ConntrackTable, timeouts: ConntrackTimeouts): ConntrackFacts["shortLived"] {
  const { clock } = table;
  if (clock === undefined) return [];
  const classes = new Map<string, { map: CtMapName; what: string; lifetimeS: number; idle: number[]; expired: number }>();
  for (let i = 0; i < table.size; i++) {
    const state = stateOf(table, i);
    if (state !== CT_STATE.closing && state !== CT_STATE.stateless) continue;
    if (state === CT_STATE.stateless && table.protocol[i] !== PROTOCOL.udp) continue;
    const closing = state === CT_STATE.closing;
    const lifetimeS = closing ? timeouts.finSeconds : directionOf(table, i) === CT_DIRECTION.service ? timeouts.serviceAnySeconds : timeouts.regularAnySeconds;
    const idleS = clock.now - (table.expires[i]! - lifetimeS);
    // Closing, but with the lifetime of an open connection: it was made by a packet after the first FIN.
    if (idleS < -CLOCK_SLACK_S) continue;
    const map = mapOf(table, i);
    const what = closing ? "closed TCP connections" : DATAGRAMS;
    const key = `${map} ${what} ${lifetimeS}`;
    let found = classes.get(key);
    if (found === undefined) classes.set(key, (found = { map, what, lifetimeS, idle: [], expired: 0 }));
    if (isExpired(table, i)) found.expired++;
    else found.idle.push(idleS);
  }
  return [...classes.values()]
    .filter(({ idle, expired }) => idle.length + expired >= CLASS_MIN)
    .map(({ map, what, lifetimeS, idle, expired }) => {
      const entries = idle.length + expired;
      const sorted = idle.sort((a, b) => a - b);
      const horizonS = expired > entries * (1 - HORIZON_SHARE) ? lifetimeS : (sorted[Math.floor(sorted.length * HORIZON_SHARE)] ?? null);
      return { map, what, entries, expiredShare: expired / entries, horizonS, lifetimeS };
    });
}

function mapOf(table: ConntrackTable, i: number): CtMapName {
  const isTcp = table.protocol[i] === PROTOCOL.tcp;
  if (table.addresses.isIPv6(table.destination[i]!)) return isTcp ? "ct6_global" : "ct_any6_global";
  return isTcp ? "ct4_global" : "ct_any4_global";
}

/**
 * TCP entries of which one direction was seen without its SYN. The programs note a SYN for the direction that makes an entry,
 * whatever packet it was (`ct_create4`); the other direction shows the truth: it answers a SYN with one of its own.
 */
function midStream(table: ConntrackTable): ConntrackFacts["midStream"] {
  let [entries, of] = [0, 0];
  for (let i = 0; i < table.size; i++) {
    if (table.protocol[i] !== PROTOCOL.tcp) continue;
    const direction = directionOf(table, i);
    if (direction !== CT_DIRECTION.out && direction !== CT_DIRECTION.in) continue;
    const [rx, tx] = [table.rxFlags[i]!, table.txFlags[i]!];
    if (rx === 0 || tx === 0) continue;
    of++;
    if ((rx & tx & TCP_SYN) === 0) entries++;
  }
  return { entries, of };
}

function synOnly(table: ConntrackTable): ConntrackFacts["synOnly"] {
  const addresses = new Set<number>();
  let [entries, of] = [0, 0];
  for (let i = 0; i < table.size; i++) {
    if (table.protocol[i] !== PROTOCOL.tcp) continue;
    of++;
    if (stateOf(table, i) !== CT_STATE.synOnly) continue;
    entries++;
    addresses.add(table.source[i]!);
  }
  return { entries, addresses: addresses.size, of };
}

interface Asked {
  asked: number;
  unanswered: number;
}

/** Of entries that the node's own side began: to whom did packets go, and from whom did nothing come back? */
function silentDestination(table: ConntrackTable): SilentFacts | null {
  const { clock } = table;
  if (clock === undefined) return null;
  const byDestination = new Map<number, Asked>();
  const all: Asked = { asked: 0, unanswered: 0 };
  for (let i = 0; i < table.size; i++) {
    if (directionOf(table, i) !== CT_DIRECTION.out) continue;
    const lastTx = table.lastTx[i]!;
    const lastRx = table.lastRx[i]!;
    if ((lastTx === 0 && lastRx === 0) || clock.now - Math.max(lastTx, lastRx) < ANSWER_S) continue;
    const destination = table.destination[i]!;
    let found = byDestination.get(destination);
    if (found === undefined) byDestination.set(destination, (found = { asked: 0, unanswered: 0 }));
    for (const each of [found, all]) {
      each.asked++;
      if (lastRx === 0) each.unanswered++;
    }
  }
  return worstDestination([...byDestination].map(([id, asked]) => [table.addresses.text(id), asked]), all);
}

/** The destination that leaves most exchanges without an answer, beside all others together; null with too few exchanges. */
export function worstDestination(destinations: readonly (readonly [string, Asked])[], all: Asked): SilentFacts | null {
  if (all.asked < ASKED_MIN) return null;
  const [worst] = [...destinations].sort(([a, x], [b, y]) => y.unanswered - x.unanswered || (a < b ? -1 : 1));
  if (worst === undefined) return null;
  const [destination, { asked, unanswered }] = worst;
  return { destination, asked, unanswered, othersAsked: all.asked - asked, othersUnanswered: all.unanswered - unanswered };
}

function services(table: ConntrackTable): ConntrackFacts["services"] {
  const backends = new Set<number>();
  const clients = new Set<number>();
  let entries = 0;
  for (let i = 0; i < table.size; i++) {
    if (directionOf(table, i) !== CT_DIRECTION.service) continue;
    entries++;
    if (table.backend[i] !== 0) backends.add(table.backend[i]!);
    clients.add(table.source[i]!);
  }
  return { entries, backends: backends.size, clients: clients.size };
}

/**
 * What of the earlier dump must still be there. Within the time that a closed connection is kept nothing may expire but what
 * was about to; entries that are on their way out are left aside.
 */
export function survivalFacts(earlier: ConntrackTable, later: ConntrackTable): SurvivalFacts | null {
  if (earlier.clock === undefined || later.clock === undefined) return null;
  const apartS = later.clock.now - earlier.clock.now;
  if (apartS <= 0) return null;
  const index = new TupleIndex(later);
  const ids = Int32Array.from({ length: earlier.addresses.size }, (_, id) => later.addresses.idOf(earlier.addresses.text(id)) ?? -1);
  let [due, missing] = [0, 0];
  for (let i = 0; i < earlier.size; i++) {
    const state = stateOf(earlier, i);
    // What is open may have been closed since, and is then kept for ten seconds only.
    const open = state === CT_STATE.established || state === CT_STATE.synOnly;
    const leftS = open ? OPEN_S : earlier.expires[i]! - earlier.clock.now;
    if (leftS <= apartS + CLOCK_SLACK_S) continue;
    due++;
    const [source, destination] = [ids[earlier.source[i]!]!, ids[earlier.destination[i]!]!];
    const row = index.find(earlier.protocol[i]!, earlier.tupleFlags[i]!, source, earlier.sourcePort[i]!, destination, earlier.destinationPort[i]!);
    if (row < 0) missing++;
  }
  return { apartS, due, missing };
}

/** A connection that is closed just after the first dump is kept for so long, s (`bpf-ct-timeout-regular-tcp-fin`). */
const OPEN_S = 10;
/** Clocks of dumps are taken from their latest report, whole seconds. */
const CLOCK_SLACK_S = 1;
