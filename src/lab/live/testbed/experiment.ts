/** One experiment for real: the namespaces, the classifier, the load, a sample every 100 ms, GC; recorded as the shared ones are. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { LOAD_GENERATOR } from "../../program-files.js";
import type { ClassifierSettings } from "../../verify/testbed/classifier.js";
import type { LoadSettings, OfferedLoad } from "../../verify/testbed/load.js";
import { EventCode, type Recording } from "../../verify/testbed/recording.js";
import type { Machine } from "../machine.js";
import type { Kernel } from "../syscall.js";
import { READY, type GeneratorResult, type GeneratorTask } from "./generator-task.js";
import { KernelClassifier, SYN_EVENTS, type KernelEvent } from "./kernel-classifier.js";
import { CLIENT_ADDRESS, Namespaces, SERVER_ADDRESS, type NamespaceEnd } from "./namespaces.js";

const FIRST_PORT = 9000;
const PORTS = 4;
/** Above the server's ports, so that an event's ports tell the connection. */
const FIRST_CLIENT_PORT = 10_000;
const PORT_MAX = 65_535;
export const CONNECTIONS_MAX = PORT_MAX - FIRST_CLIENT_PORT + 1;
const SAMPLE_MS = 100;
const NS_PER_MS = 1_000_000;
const NS_PER_US = 1000n;
const MS_PER_S = 1000;
/** From the last preparation to time zero: the child reads its task meanwhile. */
const HEAD_START_MS = 500;
/** How long children may take to start, and to hand over their results, ms. */
const PATIENCE_MS = 20_000;

export interface LiveExperiment {
  readonly name: string;
  readonly classifier: ClassifierSettings;
  readonly load: LoadSettings;
  readonly offered: OfferedLoad;
  readonly durationS: number;
  readonly drainS: number;
  readonly gcIntervalS: number;
}

export interface LiveRecording {
  readonly recording: Recording;
  /** How late the generator started connections, µs. */
  readonly lagUs: { readonly median: number; readonly largest: number };
}

/** This machine can't hold the experiment: a tool, the kernel or the privileges refused. */
export class SetupError extends Error {
  override readonly name = "SetupError";
}

/**
 * Runs it. Rejects with a `SetupError` when it can't be built, with an `AbortError` when `signal` says so; everything is
 * taken down in any case.
 */
export async function recordLive(
  kernel: Kernel,
  machine: Machine,
  experiment: LiveExperiment,
  signal: AbortSignal,
  onProgress: (seconds: number) => void,
): Promise<LiveRecording> {
  signal.throwIfAborted();
  const hz = ticksPerSecond(machine.release);
  const namespaces = await Namespaces.create().catch(refused);
  // The last resort, should the process end by itself or by an exception that nobody catches.
  const takeDown = (): void => namespaces.close();
  process.on("exit", takeDown);
  let classifier: KernelClassifier | undefined;
  try {
    try {
      classifier = new KernelClassifier(kernel, experiment.classifier);
      const pinned = join(namespaces.bpfFolder, "classifier");
      classifier.pin(pinned);
      await namespaces.attach("server", pinned);
    } catch (error) {
      refused(error);
    }
    const ends = spawnEnds(namespaces, kernel, machine, experiment.classifier);
    return await measureWith(ends, classifier!, { ...machine, hz }, experiment, signal, onProgress);
  } finally {
    namespaces.close();
    classifier?.close();
    process.off("exit", takeDown);
  }
}

function refused(error: unknown): never {
  throw new SetupError(error instanceof Error ? error.message : String(error));
}

type Host = Machine & { readonly hz: number };

interface Ends {
  readonly server: ChildProcessWithoutNullStreams;
  readonly client: ChildProcessWithoutNullStreams;
}

/**
 * Starts the echo server and the load generator; with an LRU map the generator has one CPU to itself or to share. It is what
 * makes entries, and on which CPU it does so decides what an LRU map evicts (verify/testbed/cpu-history.ts).
 */
function spawnEnds(namespaces: Namespaces, kernel: Kernel, { cpus }: Machine, { mapType }: ClassifierSettings): Ends {
  const spawn = (end: NamespaceEnd): ChildProcessWithoutNullStreams => namespaces.spawn(end, process.execPath, [fileURLToPath(LOAD_GENERATOR)]);
  const server = spawn("server");
  if (mapType !== "lru") return { server, client: spawn("client") };
  kernel.pin(cpus.at(-1)!);
  const client = spawn("client");
  kernel.setCpus(cpus);
  return { server, client };
}

async function measureWith(
  { server, client }: Ends,
  classifier: KernelClassifier,
  machine: Host,
  experiment: LiveExperiment,
  signal: AbortSignal,
  onProgress: (seconds: number) => void,
): Promise<LiveRecording> {
  const { offered, load, durationS, drainS } = experiment;
  const lengthS = durationS + drainS;
  const common = { address: SERVER_ADDRESS, clientAddress: CLIENT_ADDRESS, firstPort: FIRST_PORT, ports: PORTS, firstClientPort: FIRST_CLIENT_PORT };
  const task = (role: "client" | "server", zeroNs: bigint): string =>
    `${JSON.stringify({ role, ...common, offered, load, zeroNs: String(zeroNs), lengthS } satisfies GeneratorTask)}\n`;
  server.stdin.write(task("server", 0n));
  const ready = await lineOf(server, "the echo server", signal, PATIENCE_MS);
  if (ready !== READY) throw new Error(`the echo server said ${JSON.stringify(ready)}`);
  const zeroNs = process.hrtime.bigint() + BigInt(HEAD_START_MS * NS_PER_MS);
  client.stdin.write(task("client", zeroNs));
  const answer = lineOf(client, "the load generator", signal, lengthS * MS_PER_S + HEAD_START_MS + PATIENCE_MS);
  // Its failure is met below, after the loop that it ends too.
  answer.catch(() => undefined);
  const { sampleMs, occupancy, gc } = await watch(classifier, experiment, zeroNs, signal, onProgress);
  const result = JSON.parse(await answer) as GeneratorResult;
  const lags = result.lagUs.toSorted((a, b) => a - b);
  const recording = recordingOf(machine, experiment, zeroNs, { sampleMs, occupancy, gc }, classifier, result);
  return { recording, lagUs: { median: lags[lags.length >> 1] ?? 0, largest: lags.at(-1) ?? 0 } };
}

interface Watched {
  readonly sampleMs: readonly number[];
  readonly occupancy: readonly number[];
  readonly gc: readonly { readonly startUs: number; readonly deleted: number }[];
}

/** Samples and collects at their times until the experiment is over. */
async function watch(
  classifier: KernelClassifier,
  { durationS, drainS, gcIntervalS }: LiveExperiment,
  zeroNs: bigint,
  signal: AbortSignal,
  onProgress: (seconds: number) => void,
): Promise<Watched> {
  const sinceMs = (): number => Number(process.hrtime.bigint() - zeroNs) / NS_PER_MS;
  const sampleMs: number[] = [];
  const occupancy: number[] = [];
  const gc: { startUs: number; deleted: number }[] = [];
  for (let atMs = 0; atMs <= (durationS + drainS) * MS_PER_S; atMs += SAMPLE_MS) {
    await sleep(Math.max(0, atMs - sinceMs()), undefined, { signal });
    if (atMs > 0 && atMs % (gcIntervalS * MS_PER_S) === 0) {
      const nowNs = process.hrtime.bigint();
      gc.push({ startUs: Number((nowNs - zeroNs) / NS_PER_US), deleted: classifier.collect(nowNs).deleted });
    }
    sampleMs.push(atMs);
    occupancy.push(classifier.count());
    if (atMs % MS_PER_S === 0) onProgress(atMs / MS_PER_S);
  }
  return { sampleMs, occupancy, gc };
}

function recordingOf(
  machine: Host,
  experiment: LiveExperiment,
  zeroNs: bigint,
  { sampleMs, occupancy, gc }: Watched,
  classifier: KernelClassifier,
  { connectUs, outcome, requests, responses, lagUs }: GeneratorResult,
): Recording {
  const { events: noted, lost } = classifier.events();
  if (lost > 0) throw new Error(`${lost} events found no room in the log; run it for a shorter time`);
  const { name, durationS, drainS, gcIntervalS, load, offered } = experiment;
  // What came later is of the generator's end, which closes all sockets.
  const endNs = zeroNs + BigInt((durationS + drainS) * MS_PER_S * NS_PER_MS);
  const events = noted.filter(({ atNs }) => atNs <= endNs);
  const { mapType, maxEntries, synTimeoutMs, estTimeoutMs, closeTimeoutMs, nonSynMode } = experiment.classifier;
  const atUs = events.map(({ atNs }) => Number((atNs - zeroNs) / NS_PER_US));
  const connection = events.map(connectionOf);
  const code = events.map((event) => event.code);
  const retransmissions = synRetransmissions(connection, code, connectUs.length);
  return {
    name,
    kernel: machine.release,
    hz: machine.hz,
    cpus: machine.possibleCpus,
    params: {
      duration_s: durationS, drain_s: drainS, gc_interval_s: gcIntervalS, request_interval_s: load.requestIntervalS,
      connect_timeout_s: load.connectTimeoutS, io_timeout_s: load.ioTimeoutS, map_type: mapType, max_entries: maxEntries,
      syn_timeout_ms: synTimeoutMs, est_timeout_ms: estTimeoutMs, close_timeout_ms: closeTimeoutMs, nonsyn_mode: nonSynMode,
      hook: "server", timeout_init_jiffies: null, client_sysctl: {}, route: null,
    },
    totals: totalsOf(connection, code, connectUs.length, gc.reduce((sum, { deleted }) => sum + deleted, 0), occupancy.at(-1)!),
    latency: {},
    attemptOffsets: {},
    offered: { ...offered, lagUs },
    connections: { connectUs, synRetransmissions: retransmissions, outcome, requests, responses },
    events: { atUs, connection, code },
    gcStartUs: gc.map(({ startUs }) => startUs),
    gcDeleted: gc.map(({ deleted }) => deleted),
    sampleMs,
    occupancy,
    evicted: mapType === "lru" ? evictedAt(sampleMs, occupancy, atUs, code, gc) : undefined,
  };
}

function connectionOf({ sourcePort, destinationPort }: KernelEvent): number {
  return (sourcePort >= FIRST_CLIENT_PORT ? sourcePort : destinationPort) - FIRST_CLIENT_PORT;
}

/** SYNs of each connection at the classifier after the first; none is lost before it. */
function synRetransmissions(connection: readonly number[], code: readonly number[], connections: number): number[] {
  const syns = new Array<number>(connections).fill(0);
  connection.forEach((of, i) => {
    if (SYN_EVENTS.includes(code[i]!)) syns[of]!++;
  });
  return syns.map((count) => Math.max(0, count - 1));
}

function totalsOf(connection: readonly number[], code: readonly number[], connections: number, deleted: number, left: number): Recording["totals"] {
  const count = (wanted: number): number => code.filter((each) => each === wanted).length;
  const syns = code.filter((each) => SYN_EVENTS.includes(each)).length;
  const lost = new Set(connection.filter((_, i) => code[i] === EventCode.synRefused)).size;
  const recreated = count(EventCode.recreated);
  return {
    syn_drop_fraction: count(EventCode.synRefused) / Math.max(1, syns),
    connections_with_syn_drop_fraction: lost / Math.max(1, connections),
    nonsyn_recreated: recreated,
    lru_evicted: count(EventCode.synNew) + recreated - deleted - left,
  };
}

/** Inserts minus deletions minus occupancy at each sample. */
function evictedAt(
  sampleMs: readonly number[],
  occupancy: readonly number[],
  atUs: readonly number[],
  code: readonly number[],
  gc: readonly { readonly startUs: number; readonly deleted: number }[],
): number[] {
  const inserts = atUs.filter((_, i) => code[i] === EventCode.synNew || code[i] === EventCode.recreated);
  return sampleMs.map((ms, i) => {
    const made = inserts.filter((us) => us <= ms * MS_PER_S).length;
    const deleted = gc.reduce((sum, pass) => sum + (pass.startUs <= ms * MS_PER_S ? pass.deleted : 0), 0);
    return Math.max(0, made - deleted - occupancy[i]!);
  });
}

/** CONFIG_HZ, from the kernel's configuration where it lies open. Throws when it lies nowhere. */
function ticksPerSecond(release: string): number {
  for (const [path, read] of [
    ["/proc/config.gz", (bytes: Buffer) => gunzipSync(bytes)],
    [`/boot/config-${release}`, (bytes: Buffer) => bytes],
  ] as const) {
    try {
      const match = /^CONFIG_HZ=(\d+)$/m.exec(read(readFileSync(path)).toString("latin1"));
      if (match !== null) return Number(match[1]);
    } catch {
      // The next place.
    }
  }
  throw new SetupError(`this kernel's CONFIG_HZ is unknown: neither /proc/config.gz nor /boot/config-${release} is there`);
}

/** The first line that a child writes. Its end, its error, the signal or too long a time come first otherwise. */
function lineOf(child: ChildProcessWithoutNullStreams, what: string, signal: AbortSignal, patienceMs: number): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    let complaint = "";
    const timer = setTimeout(() => settle(() => reject(new Error(`${what} did not answer in ${patienceMs / MS_PER_S} s`))), patienceMs);
    const onAbort = (): void => settle(() => reject(signal.reason as Error));
    const settle = (how: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      how();
    };
    signal.addEventListener("abort", onAbort);
    child.stderr.on("data", (data: Buffer) => (complaint += data.toString()));
    child.stdin.on("error", () => undefined);
    child.on("error", (error) => settle(() => reject(error)));
    child.on("close", (code) => settle(() => reject(new Error(`${what} ended (${code}): ${complaint.trim().split("\n").at(-1) ?? ""}`))));
    createInterface({ input: child.stdout }).once("line", (line) => settle(() => resolve(line)));
  });
}
