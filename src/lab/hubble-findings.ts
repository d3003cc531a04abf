/** What a run says of the way of events to whoever reads flows: sentences of the verdict. */
import { formatCount, formatDuration } from "../core/units.js";
import { LOST_EVENT_SOURCES, type Finding, type HubbleResult, type VariantResult } from "../observe/result.js";
import { seenText, shareText } from "../report/wording.js";

/** Where events are lost, and which value makes room there. */
const PLACES: Readonly<Record<(typeof LOST_EVENT_SOURCES)[number], string>> = {
  perf_event_ring_buffer: "in the perf rings of its CPUs, since the agent came too late",
  observer_events_queue: "by the full events queue (hubble.eventQueueSize)",
  hubble_ring_buffer: "in Hubble's ring, overtaken before they were read (hubble.eventBufferCapacity)",
};

export const HUBBLE_LABEL = "What Hubble saw";

/** A clause for the headline of a run whose traffic holds: flows that nobody got to read; empty when there are none. */
export function lostFlows({ hubble }: Pick<VariantResult, "hubble">): string {
  if (hubble === undefined) return "";
  const unread = totalLost(hubble) + hubble.away;
  return unread === 0 ? "" : `, but ${shareText(unread / hubble.events)} of the flows were not read at Relay`;
}

/** One finding for a run that models the way of events, none for another. */
export function whatHubbleSaw({ hubble, reachedNs }: Pick<VariantResult, "hubble" | "reachedNs">): readonly Finding[] {
  if (hubble === undefined) return [];
  return [{ label: HUBBLE_LABEL, text: [losses(hubble), behind(hubble), ...gaps(hubble, reachedNs)].join(" ") }];
}

function totalLost({ lost }: HubbleResult): number {
  return LOST_EVENT_SOURCES.reduce((sum, source) => sum + lost[source], 0);
}

function losses(hubble: HubbleResult): string {
  const { lost, events } = hubble;
  const total = totalLost(hubble);
  const places = LOST_EVENT_SOURCES.filter((source) => lost[source] > 0).map((source) => `${formatCount(lost[source])} ${PLACES[source]}`);
  return `Events lost on their way: ${seenText(total, events)}${places.length === 0 ? "" : `: ${places.join("; ")}`}.`;
}

function behind({ readerBehindMax, bufferCapacity, queueMax }: HubbleResult): string {
  return `The reader was up to ${formatCount(readerBehindMax)} events behind (Hubble's ring holds ${formatCount(bufferCapacity)}), the queue held up to ${formatCount(queueMax)}.`;
}

function gaps({ relayGaps, away, events }: HubbleResult, reachedNs: number): readonly string[] {
  const spans = relayGaps.map(({ startNs, endNs }) => (endNs ?? reachedNs) - startNs).filter((span) => span > 0);
  if (spans.length === 0) return relayGaps.length === 0 ? [] : ["Another Relay took over without a gap."];
  const shortest = Math.min(...spans);
  const longest = Math.max(...spans);
  const long = shortest === longest ? formatDuration(longest) : `${formatDuration(shortest)} to ${formatDuration(longest)}`;
  const times = spans.length === 1 ? "once" : `${formatCount(spans.length)} times`;
  return [`Nobody read for ${long}, ${times}: ${away === 0 ? "no flow was missed for it" : `${formatCount(away)} flows missed (${shareText(away / events)})`}.`];
}
