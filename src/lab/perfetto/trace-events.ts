/**
 * Chrome's trace event format (JSON object form), which ui.perfetto.dev opens, and chrome://tracing where a Chromium still has it: CPUs
 * with complete events (X), connections as nestable async spans (b, e), maps as counters (C), drops as instants (i).
 *
 * Times are microseconds of simulated time. Events rise in time; spans are cut to the window, so each begin has its end.
 */
import { errnoName } from "../../bpf/errno.js";
import { dropText } from "../../cilium/datapath/drop-reasons.js";
import { NS_PER_US } from "../../core/units.js";
import type { GcRun } from "../../observe/result.js";
import type { ConnectionSpan, PerfettoRecorder, SliceColumns } from "./recorder.js";

/** One line of the trace. */
interface TraceEvent {
  readonly ph: "X" | "b" | "e" | "C" | "i" | "M";
  readonly name: string;
  readonly pid: number;
  readonly tid?: number;
  /** µs. */
  readonly ts?: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly id?: string;
  readonly s?: "p";
  readonly args?: Readonly<Record<string, unknown>>;
}

/** Processes of the trace, in the order in which a viewer shows them. */
const PID = { cpus: 1, agent: 2, maps: 3, drops: 4, connections: 5 } as const;
const TID = { slices: 1, passes: 2, drops: 1, connections: 1 } as const;

export interface TraceNames {
  readonly title: string;
  readonly workloads: readonly string[];
}

/** The text in pieces. `runs`: passes of the collector over the whole run. */
export function* traceEvents(recorder: PerfettoRecorder, runs: readonly GcRun[], names: TraceNames): Iterable<string> {
  const events = [
    ...softirqEvents(recorder.softirqs),
    ...collectionEvents(recorder, runs),
    ...recorder.spans.flatMap((span, n) => connectionEvents(span, n, recorder.window.toNs, names)),
    ...counterEvents(recorder),
    ...dropEvents(recorder),
  ].sort((a, b) => a.ts! - b.ts!);
  yield `{"displayTimeUnit":"ns","otherData":${JSON.stringify(otherData(recorder, names))},"traceEvents":[\n`;
  yield metadata(recorder).map((event) => JSON.stringify(event)).join(",\n");
  for (const event of events) yield `,\n${JSON.stringify(event)}`;
  yield "\n]}\n";
}

function otherData(recorder: PerfettoRecorder, { title }: TraceNames): Readonly<Record<string, unknown>> {
  const { window, softirqs, spansLeftOut, dropsLeftOut } = recorder;
  const leftOut = { softirqs: softirqs.leftOut, connections: spansLeftOut, drops: dropsLeftOut };
  return { run: title, fromNs: window.fromNs, toNs: window.toNs, ...(Object.values(leftOut).some((count) => count > 0) ? { leftOut } : {}) };
}

function* softirqEvents({ cpu, startNs, lengthNs }: SliceColumns): Iterable<TraceEvent> {
  for (let n = 0; n < cpu.length; n++) {
    yield { ph: "X", name: "softirq", pid: PID.cpus, tid: cpu[n]! + 1, ts: us(startNs[n]!), dur: us(lengthNs[n]!) };
  }
}

function* collectionEvents({ collections, window }: PerfettoRecorder, runs: readonly GcRun[]): Iterable<TraceEvent> {
  for (const { startNs, endNs, cause, scanned, deleted } of runs) {
    const [start, end] = [Math.max(startNs, window.fromNs), Math.min(endNs, window.toNs)];
    if (end > start) yield { ph: "X", name: "conntrack GC", pid: PID.agent, tid: TID.passes, ts: us(start), dur: us(end - start), args: { cause, scanned, deleted } };
  }
  for (let n = 0; n < collections.cpu.length; n++) {
    const start = collections.startNs[n]!;
    const end = Math.min(start + collections.lengthNs[n]!, window.toNs);
    yield { ph: "X", name: "walk", pid: PID.agent, tid: TID.slices, ts: us(start), dur: us(end - start), args: { cpu: collections.cpu[n]! } };
  }
}

/** The connection, and in it the time until connect() was through. */
function connectionEvents(span: ConnectionSpan, number: number, toNs: number, { workloads }: TraceNames): readonly TraceEvent[] {
  const { protocol, workload, nth, tuple, openNs, openBefore, establishedNs, errno } = span;
  const endNs = span.endNs === -1 ? toNs : span.endNs;
  const common = { cat: protocol, id: `0x${(number + 1).toString(16)}`, pid: PID.connections, tid: TID.connections };
  const name = workloads[workload] ?? "connection";
  const args = { tuple, nth, ...(openBefore ? { openBefore } : {}) };
  const outcome = errno === 0 ? {} : { args: { errno } };
  const handshakeEnd = establishedNs === -1 ? endNs : establishedNs;
  const handshake =
    protocol === "tcp" && !openBefore
      ? [
          { ph: "b", name: "connect", ts: us(openNs), ...common } as const,
          { ph: "e", name: "connect", ts: us(handshakeEnd), ...common } as const,
        ]
      : [];
  return [{ ph: "b", name, ts: us(openNs), args, ...common }, ...handshake, { ph: "e", name, ts: us(endNs), ...outcome, ...common }];
}

function* counterEvents({ samples, mapNames }: PerfettoRecorder): Iterable<TraceEvent> {
  for (const { atNs, entries, open } of samples) {
    for (const [n, name] of mapNames.entries()) yield { ph: "C", name, pid: PID.maps, ts: us(atNs), args: { entries: entries[n]! } };
    yield { ph: "C", name: "open connections", pid: PID.maps, ts: us(atNs), args: { connections: open } };
  }
}

function* dropEvents({ drops }: PerfettoRecorder): Iterable<TraceEvent> {
  for (const { atNs, code, extError, egress } of drops) {
    const args = { direction: egress ? "egress" : "ingress", ...(extError === 0 ? {} : { errno: errnoName(extError) }) };
    yield { ph: "i", s: "p", name: dropText(code), pid: PID.drops, tid: TID.drops, ts: us(atNs), args };
  }
}

function metadata({ softirqs, collections }: PerfettoRecorder): readonly TraceEvent[] {
  const process = (pid: number, name: string): readonly TraceEvent[] => [
    { ph: "M", name: "process_name", pid, args: { name } },
    { ph: "M", name: "process_sort_index", pid, args: { sort_index: pid } },
  ];
  const thread = (pid: number, tid: number, name: string): TraceEvent => ({ ph: "M", name: "thread_name", pid, tid, args: { name } });
  const cpus = [...new Set(softirqs.cpu)].sort((a, b) => a - b);
  const agentCpu = collections.cpu[0];
  return [
    ...process(PID.cpus, "CPUs"),
    ...cpus.map((cpu) => thread(PID.cpus, cpu + 1, `CPU ${cpu} softirq`)),
    ...process(PID.agent, "cilium-agent"),
    thread(PID.agent, TID.slices, agentCpu === undefined ? "walks of maps" : `walks of maps, CPU ${agentCpu}`),
    thread(PID.agent, TID.passes, "conntrack GC"),
    ...process(PID.maps, "Maps"),
    ...process(PID.drops, "Drops"),
    thread(PID.drops, TID.drops, "drops"),
    ...process(PID.connections, "Connections"),
  ];
}

/**
 * Whole nanoseconds as µs, such that a reader that cuts a thousandfold instead of rounding it finds the same nanoseconds: else slices
 * that follow each other overlap by one, and Perfetto drops the second (slice_drop_overlapping_complete_event).
 */
export function us(ns: number): number {
  let value = ns / NS_PER_US;
  while (Math.trunc(value * NS_PER_US) < ns || cutByText(value) < ns) value += value * Number.EPSILON;
  return value;
}

/** Nanoseconds as trace_processor reads them from the digits before and after the point (`CoerceToTs`). */
function cutByText(value: number): number {
  const [whole, fraction = "0"] = String(value).split(".");
  return Number(whole) * NS_PER_US + Math.trunc(Number(`0.${fraction}`) * NS_PER_US);
}
