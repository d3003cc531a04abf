/** `ctlab observe RUN --slow-syn 100ms`: what it prints. */
import { formatCount, formatDuration } from "../core/units.js";
import { PLAIN } from "../hubble/color.js";
import { hostNames } from "../hubble/flow-parts.js";
import type { SlowSyns, SynWait } from "../hubble/slow-syns.js";
import { formatTime, instantFromNs } from "../hubble/times.js";
import { plainTable } from "../report/text-layout.js";

/** The slowest that text lists; JSON has all. */
const LISTED_MAX = 10;
const SCHEMA_VERSION = 1;

export function slowSynText(syns: SlowSyns, sawAnswers: boolean, ipTranslation: boolean): string {
  const { connections, slow, thresholdNs } = syns;
  if (connections === 0) return "No SYN among these flows.\n";
  const share = ((100 * slow.length) / connections).toPrecision(3);
  const count = slow.length === 0 ? `None of ${formatCount(connections)} connections` : `${formatCount(slow.length)} of ${formatCount(connections)} connections (${share} %)`;
  const lines = [
    `${count} waited ${span(thresholdNs)} or longer for their SYN-ACK.`,
    ...answersLines(syns, sawAnswers),
    "",
    ...spreadLines(syns),
    ...(slow.length === 0 ? [] : ["", ...slowestLines(slow, ipTranslation)]),
  ];
  return `${lines.join("\n")}\n`;
}

function answersLines({ connections, answered, p50Ns, p99Ns }: SlowSyns, sawAnswers: boolean): string[] {
  if (!sawAnswers) {
    return ["There is no SYN-ACK among these flows: waits end with the last SYN that was seen and were longer. A run records them", "with observe.flows: all; an agent, when aggregation lets SYN-ACKs through."];
  }
  const open = connections - answered;
  return [
    `Waits that ended: p50 ${span(p50Ns)}, p99 ${span(p99Ns)}.`,
    ...(open === 0 ? [] : [`${formatCount(open)} saw no SYN-ACK; their waits end with the last SYN.`]),
  ];
}

function spreadLines({ spans, spanNs }: SlowSyns): string[] {
  const rows = spans.map(({ fromNs, connections, slow, longestNs }) => [
    formatTime("rfc3339", instantFromNs(fromNs)),
    formatCount(connections),
    slow === 0 ? "–" : formatCount(slow),
    connections === 0 ? "–" : span(longestNs),
  ]);
  const columns = [
    { title: `each ${span(spanNs)} from`, align: "left" },
    { title: "connections", align: "right" },
    { title: "slow", align: "right" },
    { title: "longest", align: "right" },
  ] as const;
  return plainTable(columns, rows);
}

function slowestLines(slow: readonly SynWait[], ipTranslation: boolean): string[] {
  const rows = slow.slice(0, LISTED_MAX).map((wait) => {
    const [source, destination] = hostNames(wait.flow, { release: "latest", colors: PLAIN, ipTranslation });
    return [
      formatTime("rfc3339milli", instantFromNs(wait.firstNs)),
      `${wait.answered ? "" : "> "}${span(wait.waitNs)}`,
      String(wait.syns),
      `${source} -> ${destination}`,
      wait.drops.join("; "),
    ];
  });
  const columns = [
    { title: "slowest, first SYN", align: "left" },
    { title: "wait", align: "right" },
    { title: "SYNs", align: "right" },
    { title: "connection", align: "left" },
    { title: "dropped", align: "left" },
  ] as const;
  return plainTable(columns, rows);
}

/** Times are shown to a microsecond at best. */
function span(ns: bigint): string {
  return formatDuration(Number(ns));
}

/** The same as data; times in nanoseconds. */
export function slowSynJson(syns: SlowSyns, sawAnswers: boolean): string {
  const { thresholdNs, connections, answered, p50Ns, p99Ns, spanNs } = syns;
  const document = {
    schemaVersion: SCHEMA_VERSION,
    thresholdNs: Number(thresholdNs),
    connections,
    answered,
    sawAnswers,
    p50Ns: Number(p50Ns),
    p99Ns: Number(p99Ns),
    spanNs: Number(spanNs),
    spans: syns.spans.map(({ fromNs, longestNs, ...counts }) => ({
      from: formatTime("rfc3339nano", instantFromNs(fromNs)),
      ...counts,
      longestNs: Number(longestNs),
    })),
    slow: syns.slow.map(({ flow, firstNs, waitNs, ...rest }) => ({
      first: formatTime("rfc3339nano", instantFromNs(firstNs)),
      waitNs: Number(waitNs),
      ...rest,
      source: endOf(flow.IP?.source, flow.l4?.protocol.case === "TCP" ? flow.l4.protocol.value.sourcePort : 0, flow.source),
      destination: endOf(flow.IP?.destination, flow.l4?.protocol.case === "TCP" ? flow.l4.protocol.value.destinationPort : 0, flow.destination),
    })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function endOf(address: string | undefined, port: number, endpoint: SynWait["flow"]["source"]): object {
  return { address: address ?? "", port, namespace: endpoint?.namespace ?? "", pod: endpoint?.podName ?? "" };
}
