/**
 * Which mechanism did it, from what the connection met. M1 to M11 are the ways in which connections get lost on a Cilium
 * node (the list of the incident library, `scenarios/README.md`).
 */
import { formatCount, formatDuration, NS_PER_S } from "../../core/units.js";
import type { GcRun, VariantResult } from "../../observe/result.js";
import { quantileText, shareText } from "../../report/wording.js";
import type { Scenario } from "../../scenario/types.js";
import type { ConnectionTrace, EntryFacts, MapFill, PacketFacts, TraceRecord } from "../trace/result.js";
import { fillText, looksNew, renumbered } from "./story.js";

export interface Cause {
  /** `M3`; null for what has no number: a plain hash map that is full, policy, the network. */
  readonly mechanism: string | null;
  readonly title: string;
  /** Sentences with the numbers that it rests on. */
  readonly evidence: readonly string[];
}

/** An LRU map that evicts below this fill lacks free elements in the list of one CPU, not room. */
const ROOMY = 0.9;
/** Runs for other maps in a row that are no coincidence. */
const STARVING_RUNS = 2;
const POLICY_DENIED = 133;
const CT_INSERT_FAILED = 155;
const NO_NAT_MAPPING = 167;

export function causeOf(trace: ConnectionTrace, figures: VariantResult, scenario: Scenario): Cause {
  const { records } = trace;
  const drop = records.find(({ packet }) => packet !== undefined && packet.drop !== null);
  const stray = records.find(({ packet }) => packet?.from === "stranger");
  const late = records.find(({ packet }) => (packet?.again ?? 0) > 0);
  const astray = records.find(({ packet }) => packet?.outcome === "host" && packet.from === "server");
  const moved = records.find((record) => record.packet !== undefined && renumbered(record, record.packet));
  const trouble = drop ?? stray ?? astray ?? moved ?? late ?? unanswered(trace);
  const lost = records.filter(({ entry, timeNs }) => entry !== undefined && mattered(records, timeNs));
  // Entries for ICMP errors about the connection harm it last of all.
  const gone = lost.find(({ text }) => !text.includes(" RELATED ")) ?? lost[0];
  const waits = waitText(records);
  const whole = [...(drop === undefined ? [] : [dropsOfRun(drop.packet!, figures)]), ...waits];
  const port = moved === undefined ? [] : ["A packet in its midst got a new source port: to the server it belonged to no connection."];
  if (gone !== undefined && trouble !== undefined) return withEvidence(starved(gone, figures) ?? lostEntry(gone.entry!), [...port, ...whole]);
  if (drop !== undefined) return withEvidence(dropped(drop, drop.packet!), whole);
  if (stray !== undefined) {
    const title =
      "a host that does not know the connection answered its packet with a reset: the packet came to another backend, or from another port than before";
    return { mechanism: null, title, evidence: whole };
  }
  if (trouble !== undefined) return silence(trouble, scenario, whole);
  const refused = records.find(({ text }) => text.startsWith("connect() fails"));
  if (refused !== undefined) return { mechanism: null, title: "connect() itself failed: no local port was free, or the service had no backend", evidence: [] };
  const reset = records.find(({ packet }) => packet?.flags.includes("RST") === true);
  if (reset !== undefined) {
    const title = `no packet was lost: the ${reset.packet!.from} itself reset the connection, its process or its pod had ended`;
    return { mechanism: null, title, evidence: [] };
  }
  const stuck = stickyService(records, scenario);
  if (stuck !== null) return stuck;
  const median = `Median connect time of the run: ${quantileText(figures.synLatency["all"]!, "p50Ns")}.`;
  const harmless = gone === undefined ? [] : [`It went without harm that ${lostEntry(gone.entry!).title}.`];
  return { mechanism: null, title: "nothing went wrong: every packet passed at the first attempt", evidence: [...harmless, median] };
}

/** A datagram to which no answer came, where nothing is sent again by itself. */
function unanswered({ connection, records }: ConnectionTrace): TraceRecord | undefined {
  const from = (side: PacketFacts["from"]): readonly TraceRecord[] => records.filter(({ packet }) => packet?.from === side);
  const asked = from("client");
  return connection !== null && connection.protocol !== "TCP" && from("server").length < asked.length ? asked.at(-1) : undefined;
}

/** An entry that went matters when a later packet was dropped, met a stranger, or looked like a new connection. */
function mattered(records: readonly TraceRecord[], goneNs: number): boolean {
  return records.some((record) => {
    const { packet, timeNs } = record;
    if (packet === undefined || timeNs < goneNs) return false;
    const astray = packet.from === "stranger" || packet.outcome === "host" || renumbered(record, packet);
    return packet.drop !== null || astray || looksNew(record, packet);
  });
}

/** An entry evicted from a map that the collector has not walked for a while, because signals of the other family kept waking it. */
function starved({ timeNs, entry }: TraceRecord, { gcRuns }: VariantResult): Cause | null {
  const { gone, fill } = entry!;
  const walked = gcRuns.findLast(({ endNs, maps }) => endNs <= timeNs && maps.includes(fill.map));
  if (gone !== "evicted" || walked === undefined || fill.entries < ROOMY * fill.maxEntries) return null;
  const since = gcRuns.filter(({ startNs }) => startNs > walked.startNs && startNs <= timeNs);
  const waitedNs = timeNs - walked.endNs;
  if (since.length < STARVING_RUNS || since.some(isNotBySignal) || waitedNs <= walked.nextIntervalNs) return null;
  const title =
    `${fill.map} evicted the connection's entry: it was full of what garbage collection would have deleted, and signals of the other family ` +
    "woke the collector again and again for their maps alone";
  const runs = `${formatCount(since.length)} runs, all woken by signals, walked other maps`;
  const due = `${formatDuration(walked.nextIntervalNs)} after its last walk it would have been due; it had not come for ${formatDuration(waitedNs)}`;
  return { mechanism: "M9", title, evidence: [`${fillText(fill)} at that moment.`, `${runs}: ${due}.`] };
}

function isNotBySignal({ cause }: GcRun): boolean {
  return cause !== "signal";
}

/** The first packet of a new socket that finds a service entry of an earlier one, and so a backend of before others were added. */
function stickyService(records: readonly TraceRecord[], { timeline, services }: Scenario): Cause | null {
  const first = records.find(({ packet }) => packet !== undefined);
  const status = first?.steps.find(({ kind, text }) => kind === "conntrack" && text.startsWith("service "))?.text ?? "";
  const backend = first?.steps.find(({ kind }) => kind === "backend")?.text;
  if (first === undefined || backend === undefined || !status.startsWith("service REPLY")) return null;
  const added = timeline.findLast(({ atNs, happening }) => happening.kind === "backends" && happening.add > 0 && atNs + happening.lagNs <= first.timeNs);
  if (added?.happening.kind !== "backends") return null;
  const { service, add } = added.happening;
  const title = `nothing was lost, but conntrack chose the backend: the service entry of an earlier connection from the same address and port was still there`;
  const late = `${services[service]!.name} got ${formatCount(add)} more backend${add === 1 ? "" : "s"} at ${formatDuration(added.atNs)}`;
  return { mechanism: "M10", title, evidence: [`${late}; who finds an entry goes where it says (${backend}) and asks for none.`] };
}

function withEvidence(cause: Cause, more: readonly string[]): Cause {
  return { ...cause, evidence: [...cause.evidence, ...more] };
}

function lostEntry({ gone, fill, leftS }: EntryFacts): Cause {
  const nat = fill.map.startsWith("snat");
  const live = leftS === null ? "" : `, which had ${formatDuration(leftS * NS_PER_S)} to live`;
  const evidence = [`${fillText(fill)} at that moment.`];
  if (gone === "recreated") return { mechanism: "M11", title: `the agent made ${fill.map} anew and the connection's entry went with it`, evidence };
  if (gone === "evicted") {
    if (nat) return { mechanism: "M7", title: `${fill.map} evicted a half of the connection's NAT pair`, evidence };
    const roomy = fill.entries < ROOMY * fill.maxEntries;
    const why = roomy ? "although there was room: the inserting CPU had no free element at hand" : "because it was full";
    return { mechanism: roomy ? "M2" : "M1", title: `${fill.map} evicted the connection's entry${live}, ${why}`, evidence };
  }
  if (leftS !== null && leftS > 0) {
    return { mechanism: "M5", title: `garbage collection deleted the connection's entry${live}: it had read it before the last packet renewed it`, evidence };
  }
  const title = nat
    ? "the agent deleted the NAT entry, as that of a connection without conntrack entry"
    : "the connection was silent for longer than its entry lives, and the agent deleted it";
  return { mechanism: nat ? "M8" : null, title, evidence };
}

function dropped(record: TraceRecord, packet: PacketFacts): Cause {
  const { code, reason, errno } = packet.drop!;
  const refusing = refusingMap(record, packet);
  const evidence = [`${fillText(refusing)} at that moment.`];
  if (code === CT_INSERT_FAILED && errno === "E2BIG") {
    return { mechanism: null, title: `${refusing.map} is a plain hash map and was full: it refuses new entries, and their packets are dropped`, evidence };
  }
  if (code === CT_INSERT_FAILED && errno === "EBUSY") {
    return { mechanism: "M3", title: "the insert met a bucket that a walk of the agent held locked on the same CPU", evidence };
  }
  if (code === CT_INSERT_FAILED) return { mechanism: "M4", title: `the insert into conntrack failed with ${errno}: the LRU found no element`, evidence };
  if (code === NO_NAT_MAPPING) {
    const tries = record.steps.find(({ kind }) => kind === "nat")?.text ?? "no port";
    return { mechanism: "M6", title: `the search for a source port towards this remote gave up (${tries})`, evidence };
  }
  if (code === POLICY_DENIED) {
    if (!looksNew(record, packet)) return { mechanism: null, title: "policy denies this connection: it can't succeed at any time", evidence: [] };
    return { mechanism: null, title: "policy denied a packet for which conntrack had no entry, so that it looked like a new connection", evidence };
  }
  return { mechanism: null, title: `Cilium dropped a packet: "${reason}" (${code})`, evidence };
}

/** The map that refused an entry or had no port to give; conntrack of TCP when no step says which. */
function refusingMap({ steps }: TraceRecord, { fills, drop }: PacketFacts): MapFill {
  const refused = steps.findLast(({ kind, text }) => kind === "update" && /: -E[A-Z0-9]+$/.test(text))?.text;
  const nat = steps.findLast(({ kind, text }) => kind !== "nat" && text.startsWith("snat"))?.text;
  const name = drop!.code === NO_NAT_MAPPING ? nat : refused;
  return fills.find(({ map }) => name?.startsWith(`${map} `)) ?? fills[0]!;
}

/** Packets that left, and no answer. */
function silence({ timeNs }: TraceRecord, { timeline }: Scenario, evidence: readonly string[]): Cause {
  const bad = timeline.find(({ atNs, happening }) => happening.kind === "link" && atNs <= timeNs && timeNs <= atNs + happening.lengthNs + NS_PER_S);
  if (bad?.happening.kind === "link") {
    const { loss, delayNs } = bad.happening;
    const what = [...(loss > 0 ? [`loses ${shareText(loss)} of the packets`] : []), ...(delayNs > 0 ? [`delays them by ${formatDuration(delayNs)}`] : [])];
    return { mechanism: null, title: `the network between the nodes ${what.join(" and ")} at that time`, evidence };
  }
  const backends = timeline.findLast(({ atNs, happening }) => happening.kind === "backends" && happening.remove > 0 && atNs <= timeNs);
  const gone = backends === undefined ? "" : `; a backend had been removed at ${formatDuration(backends.atNs)}`;
  return { mechanism: null, title: `a packet passed every program of this node and no answer came: its other end was silent or gone${gone}`, evidence };
}

/** How common the drop was in the run. */
function dropsOfRun({ drop }: PacketFacts, { drops }: VariantResult): string {
  const same = drops.filter(({ code, errno }) => code === drop!.code && errno === drop!.errno);
  const count = same.reduce((sum, each) => sum + each.count, 0);
  return `The run dropped ${formatCount(count)} packet${count === 1 ? "" : "s"} for this reason.`;
}

/** How much of the connection's time went into waiting for retransmission timers, for each end. */
function waitText(records: readonly TraceRecord[]): readonly string[] {
  const ends = { client: { timeNs: NaN, again: 0, waitedNs: 0 }, server: { timeNs: NaN, again: 0, waitedNs: 0 } };
  for (const { timeNs, packet } of records) {
    if (packet === undefined || packet.from === "stranger") continue;
    const end = ends[packet.from];
    if (packet.again > end.again) end.waitedNs += timeNs - end.timeNs;
    end.timeNs = timeNs;
    end.again = packet.again;
  }
  const life = formatDuration(records.at(-1)!.timeNs - records[0]!.timeNs);
  return (["client", "server"] as const).flatMap((name) => {
    const { again, waitedNs } = ends[name];
    const times = again === 1 ? "once" : `${formatCount(again)} times`;
    return again === 0 ? [] : [`The ${name} sent again ${times} and waited ${formatDuration(waitedNs)} of ${life} for its retransmission timer.`];
  });
}
