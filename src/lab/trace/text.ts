/** `trace.txt`: a followed connection for people to read. */
import { walkLine } from "../../cilium/datapath/trace/walk-trace.js";
import { formatCount, formatDuration, NS_PER_S } from "../../core/units.js";
import type { ConnectionTrace, TracedConnection, TraceRecord } from "./result.js";

export const TRACE_FILE = "trace.txt";
/** Digits after the point that show every nanosecond. */
const NS_DIGITS = 9;

/** Text with a final newline. */
export function traceText(trace: ConnectionTrace): string {
  const { request, variant, connection, missing, records, omitted } = trace;
  const where = variant === null ? "" : `, variant ${variant}`;
  if (connection === null) return `Trace of ${request}${where}: ${missing}.\n`;
  const kept = omitted === 0 ? records.length : records.length / 2;
  const lines = [`Trace of ${request}${where}: ${connectionText(connection)}`, ""];
  let before = connection.openedAtNs;
  for (const [i, record] of records.entries()) {
    if (i === kept) lines.push("", `[… ${formatCount(omitted)} records are left out here …]`, "");
    // A walk stands by itself; what sockets do comes line by line.
    const walked = record.steps.length > 0 || (records[i - 1]?.steps.length ?? 0) > 0;
    if (walked && i > 0) lines.push("");
    lines.push(...recordLines(record, before));
    before = record.timeNs;
  }
  return `${lines.join("\n")}\n`;
}

function connectionText({ workload, nth, protocol, tuple, client, server }: TracedConnection): string {
  const ends = [client, server].map((name) => (name === "" ? "outside" : name)).join(" to ");
  return tuple === "" ? `connection ${formatCount(nth)} of ${workload}` : `connection ${formatCount(nth)} of ${workload}, ${protocol} ${tuple}, ${ends}`;
}

function recordLines({ timeNs, text, cpu, steps }: TraceRecord, before: number): string[] {
  const since = timeNs === before ? "" : ` (+${formatDuration(timeNs - before)})`;
  const place = cpu === undefined ? "" : `, CPU ${cpu}`;
  return [`${secondsText(timeNs)}${since} ${text}${place}`, ...steps.map((step) => (step.kind === "packet" ? `  ${step.text}` : walkLine(step)))];
}

/** `12.345678901 s`. */
function secondsText(ns: number): string {
  const whole = Math.floor(ns / NS_PER_S);
  return `${whole}.${String(ns - whole * NS_PER_S).padStart(NS_DIGITS, "0")} s`;
}
