/**
 * A followed connection as a story: what happened at which moment, in plain words, with what the packet met in the maps,
 * what garbage collection did just then, and what the sender's kernel did about silence. Packets that met nothing special
 * are told together.
 */
import { formatCount, formatDuration, NS_PER_MS, NS_PER_S } from "../../core/units.js";
import type { GcRun, VariantResult } from "../../observe/result.js";
import { shareText } from "../../report/wording.js";
import type { ConnectionTrace, EntryFacts, MapFill, PacketFacts, TraceRecord } from "../trace/result.js";

export interface Beat {
  readonly timeNs: number;
  readonly text: string;
}

/** The wheel's first level is exact; from here on timers end late by up to a step (32 ms at 250 ticks a second). */
const WHEEL_SHOWS_NS = 252 * NS_PER_MS;
/** A nominal interval may be overrun by a step of the timer wheel, an eighth of it. */
const WHEEL_SHARE = 1 / 8;

export function beatsOf(trace: ConnectionTrace, figures: VariantResult): readonly Beat[] {
  const beats: (Beat & { readonly kind: string | null; readonly againNs: readonly number[] })[] = [];
  let quiet: TraceRecord[] = [];
  const settle = (): void => {
    if (quiet.length > 0) beats.push({ timeNs: quiet[0]!.timeNs, text: quietText(quiet), kind: null, againNs: [] });
    quiet = [];
  };
  const sent = { client: { atNs: NaN, again: 0 }, server: { atNs: NaN, again: 0 } };
  // What becomes of its entries once it is over concerns nobody.
  const end = trace.records.findLastIndex(({ entry }) => entry === undefined) + 1;
  for (const [i, record] of trace.records.slice(0, end).entries()) {
    const { packet } = record;
    const text = textOf(record, i, trace.records, sent, figures);
    if (packet !== undefined && packet.from !== "stranger") sent[packet.from] = { atNs: record.timeNs, again: packet.again };
    if (text === null) {
      if (packet !== undefined) quiet.push(record);
      continue;
    }
    settle();
    const last = beats.at(-1);
    const kind = repeatKind(record);
    if (kind !== null && kind === last?.kind) {
      beats[beats.length - 1] = { ...last, againNs: [...last.againNs, record.timeNs] };
    } else {
      beats.push({ timeNs: record.timeNs, text, kind, againNs: [] });
    }
  }
  settle();
  return beats.map(({ timeNs, text, againNs }) => ({ timeNs, text: `${text}${repeatText(timeNs, againNs)}` }));
}

/** What makes two packets that were sent again the same story; null for others. */
function repeatKind({ packet, steps }: TraceRecord): string | null {
  if (packet === undefined || packet.drop === null || packet.again === 0) return null;
  return `${packet.from} ${packet.drop.code} ${packet.drop.errno} ${steps.findLast(({ kind }) => kind === "hook")?.text}`;
}

function repeatText(timeNs: number, againNs: readonly number[]): string {
  if (againNs.length === 0) return "";
  const spans = againNs.map((at, i) => formatDuration(at - (againNs[i - 1] ?? timeNs)));
  return ` The same again after ${spans.join(", ")}.`;
}

/** The last packet of an end: when, and how often it had sent again by then. */
interface Sent {
  readonly atNs: number;
  readonly again: number;
}

/** Null: nothing special. */
function textOf(
  record: TraceRecord,
  index: number,
  records: readonly TraceRecord[],
  sent: Readonly<Record<"client" | "server", Sent>>,
  figures: VariantResult,
): string | null {
  if (record.entry !== undefined) return entryText(record, record.entry, figures);
  if (record.packet === undefined) return isPlain(record) ? null : capital(record.text);
  const { packet } = record;
  const first = !records.slice(0, index).some((each) => each.packet !== undefined);
  const before = packet.from === "stranger" ? null : sent[packet.from];
  const again = before !== null && packet.again > before.again;
  if (!first && !again && !isSpecial(record, packet)) return null;
  const waited = again ? `${againText(packet, record.timeNs - before.atNs, figures)} ` : "";
  return `${waited}${whoText(record, packet)} ${metText(record, packet, first, figures)}`.trim();
}

/** What sockets receive is the other half of a packet's walk. */
function isPlain({ text }: TraceRecord): boolean {
  return /^(client|server) receives /.test(text) && !text.includes("RST");
}

function isSpecial(record: TraceRecord, packet: PacketFacts): boolean {
  const refused = refusals(record).length > 0;
  const reset = packet.flags.includes("RST");
  return packet.drop !== null || packet.outcome === "lost" || packet.from === "stranger" || reset || refused || renumbered(record, packet) || looksNew(record, packet);
}

/** A packet in the middle of a connection for which conntrack has no entry, whichever program asks. */
export function looksNew({ steps }: TraceRecord, { from, flags }: PacketFacts): boolean {
  if (from === "client" && (flags === "SYN" || flags === "")) return false;
  const asked = steps.filter(({ kind, text }) => kind === "lookup" && text.startsWith("ct"));
  return asked.length > 0 && asked.every(({ text }) => text.endsWith(": miss"));
}

/** A packet in the middle of a connection that gets a source port of the node as if it were the first. */
export function renumbered({ steps }: TraceRecord, { from, flags }: PacketFacts): boolean {
  return from === "client" && flags !== "SYN" && flags !== "" && steps.some(({ kind }) => kind === "nat");
}

function againText({ from, again }: PacketFacts, waitedNs: number, { synRetransmitNs = [] }: VariantResult): string {
  const whose = from === "client" ? "The client's" : "The server's";
  const nominal = (synRetransmitNs[again - 1] ?? NaN) - (synRetransmitNs[again - 2] ?? 0);
  const late = waitedNs - nominal;
  const wheel =
    nominal >= WHEEL_SHOWS_NS && late >= 0 && late <= nominal * WHEEL_SHARE
      ? ` (timer of ${formatDuration(nominal)}${late === 0 ? "" : `, ${formatDuration(late)} late by the timer wheel's step`})`
      : "";
  return `${whose} kernel has waited ${formatDuration(waitedNs)} for an answer${wheel} and sends again, for the ${ordinal(again)} time.`;
}

function whoText({ text }: TraceRecord, { from, flags }: PacketFacts): string {
  const what = flags === "" ? "datagram" : flags === "PSH,ACK" || flags === "ACK" ? "packet" : flags.replace("SYN,ACK", "SYN-ACK");
  if (from === "stranger") return `${capital(text.split(/ (sends|sent)/)[0]!)} answers with ${what}.`;
  return `${from === "client" ? "The client's" : "The server's"} ${what}`;
}

/** What the programs did with the packet, what it met and, where it was lost, why. `first`: it opens the connection. */
function metText(record: TraceRecord, packet: PacketFacts, first: boolean, figures: VariantResult): string {
  const fills = packet.fills.filter(({ map }) => record.steps.some(({ kind, text }) => kind !== "lookup" && text.startsWith(`${map} `)));
  const at = record.steps.findLast(({ kind }) => kind === "hook")?.text ?? "";
  const met = [
    ...(looksNew(record, packet) ? ["conntrack has no entry for it, so it looks like a new connection"] : []),
    ...record.steps.filter(({ kind }) => kind === "nat").map(({ text }) => `NAT finds ${text.replace(" after 0 collisions", "").replace("1 collisions", "1 collision")}`),
    ...refusals(record),
  ];
  const told = first || packet.drop !== null || met.length > 0;
  const scene = told ? ` (${[...fills.map(fillText), gcText(record.timeNs, figures.gcRuns, packet.agentWalks)].join("; ")})` : "";
  const found = met.length === 0 ? "" : `: ${met.join("; ")}`;
  if (packet.drop !== null) {
    const { code, reason, errno } = packet.drop;
    return `is dropped at ${at}${found}: "${reason}" (${code}${errno === null ? "" : `, ${errno}`}). Nobody tells the sender${scene}.`;
  }
  if (packet.outcome === "lost") return `is lost after ${at}${found}: no route${scene}.`;
  if (packet.from === "stranger") return "";
  if (packet.outcome === "host" && packet.from === "server") return `finds nobody to go to: no NAT entry leads to the client, the node's own sockets get it${scene}.`;
  return `passes ${at}${found}${scene}.`;
}

function refusals({ steps }: TraceRecord): readonly string[] {
  return steps.flatMap(({ kind, text }) => {
    const match = /^(\S+) .*: -(E[A-Z0-9]+)$/.exec(text);
    // A search for a port goes on after EEXIST.
    return kind === "update" && match !== null && match[2] !== "EEXIST" ? [`${match[1]} refuses its entry with ${match[2]}`] : [];
  });
}

function entryText({ text, timeNs }: TraceRecord, { gone, fill, leftS }: EntryFacts, { gcRuns }: VariantResult): string {
  const what = text.slice("entry ".length, text.indexOf(": "));
  const span = formatDuration(Math.abs(leftS ?? 0) * NS_PER_S);
  const left = leftS === null ? "" : leftS >= 0 ? ` It would have lived ${span} more.` : ` Its time had passed ${span} ago.`;
  const scene = `(${fillText(fill)}; ${gcText(timeNs, gcRuns)})`;
  if (gone === "evicted") return `The connection's entry ${what} is evicted to make room for another.${left} ${scene}`;
  const cause = gone === "deleted" ? "has been deleted by the agent's garbage collection" : "is gone with its map, which the agent made anew";
  return `The connection's entry ${what} ${cause} since its last packet.${left} ${scene}`;
}

export function fillText({ map, entries, maxEntries }: MapFill): string {
  return `${map} ${shareText(entries / maxEntries)} full (${formatCount(entries)} of ${formatCount(maxEntries)})`;
}

/** What garbage collection did at a moment; `agentWalks`: a walk was under way, be it of a run or another one. */
function gcText(timeNs: number, runs: readonly GcRun[], agentWalks = false): string {
  const walking = runs.find(({ startNs, endNs }) => startNs <= timeNs && timeNs < endNs);
  if (walking?.startNs === timeNs) return "GC begins to walk the maps";
  if (walking !== undefined) return `GC has been walking the maps for ${formatDuration(timeNs - walking.startNs)}`;
  if (agentWalks) return "the agent is walking a map outside of a GC run, to count its entries or for a pod that came or went";
  const last = runs.findLast(({ endNs }) => endNs <= timeNs);
  const next = runs.find(({ startNs }) => startNs > timeNs)?.startNs ?? (last === undefined ? undefined : last.endNs + last.nextIntervalNs);
  const until = next === undefined || next < timeNs ? "" : `, next in ${formatDuration(next - timeNs)}`;
  return last === undefined ? `GC has not run yet${until}` : `GC idle, last ${formatDuration(timeNs - last.endNs)} ago${until}`;
}

function quietText(records: readonly TraceRecord[]): string {
  const count = (from: PacketFacts["from"]): number => records.filter(({ packet }) => packet!.from === from).length;
  const span = records.at(-1)!.timeNs - records[0]!.timeNs;
  const over = span === 0 ? "" : ` over ${formatDuration(span)}`;
  const [only] = records;
  if (records.length === 1) return `${whoText(only!, only!.packet!)} passes.`;
  const packets = (from: "client" | "server"): readonly string[] => {
    const n = count(from);
    return n === 0 ? [] : [`${formatCount(n)} packet${n === 1 ? "" : "s"} of the ${from}`];
  };
  return `${[...packets("client"), ...packets("server")].join(" and ")} pass${over}.`;
}

function ordinal(n: number): string {
  return n === 1 ? "first" : n === 2 ? "second" : n === 3 ? "third" : `${n}th`;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
