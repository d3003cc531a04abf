/**
 * `ctlab serve`: Hubble's API from a recorded run, a file of flows, or a scenario that is simulated meanwhile. Each variant is
 * a node of its own, and the server is their Relay.
 */
import { readFileSync, statSync } from "node:fs";
import { VERSION } from "../core/version.js";
import type { ListenAddress } from "../hubble/server/address.js";
import { FlowHistory } from "../hubble/server/flow-history.js";
import { FlowHub } from "../hubble/server/flow-hub.js";
import { serveHubble, type ServerTls } from "../hubble/server/server.js";
import { fullNodeName } from "../node/pod-labels.js";
import { layOut } from "../node/topology.js";
import { FLOW_EPOCH_SECONDS } from "../observe/flow-text.js";
import { OutputError } from "../report/output-error.js";
import { refusal } from "../scenario/diagnostics.js";
import { loadScenario } from "../scenario/load.js";
import { nearestPath } from "../scenario/nearest-path.js";
import { chooseVariants, DROP_TEXTS, refuseUnsupported } from "./input.js";
import { LiveRun, simulateLive } from "./serve/live-run.js";
import { serveMetrics, type MetricsServer } from "./serve/metrics-server.js";
import { pause } from "./serve/pause.js";
import { play, type PlayedLines, type Track } from "./serve/player.js";
import { firstNodeName, NothingToServe, UNNAMED } from "./serve/response-file.js";
import { isScenario, recordedNodes, type RecordedNode } from "./serve/sources.js";

export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  readonly clientCa: string | null;
}

export interface ServeOptions {
  /** A run's folder, a file of flows, or a scenario. */
  readonly path: string;
  /** Names of variants; empty = all. */
  readonly variants: readonly string[];
  /** Simulated time per wall time; null: all at once. */
  readonly speed: number | null;
  /** Responses that a node keeps. */
  readonly capacity: number;
  readonly listen: ListenAddress;
  readonly tls: TlsFiles | null;
  readonly metrics: ListenAddress;
  /** Ends the serving. */
  readonly signal: AbortSignal;
  readonly onReady: (ready: Ready) => void;
  /** Everything recorded is there. */
  readonly onPlayed?: (played: PlayedLines) => void;
}

export interface Ready {
  readonly address: string;
  readonly nodes: readonly string[];
  /** Where `/metrics` is; null when the run has none. */
  readonly metricsAddress: string | null;
}

/** Nodes, what fills them, and where metrics lie. */
interface Stage {
  readonly hub: FlowHub;
  readonly metricsPath: string | null;
  /** Everything is there before anybody is served. */
  readonly fillFirst: boolean;
  readonly fill: (signal: AbortSignal) => Promise<PlayedLines | null>;
}

const NS_PER_S = 1e9;
const EPOCH_NS = BigInt(FLOW_EPOCH_SECONDS) * BigInt(NS_PER_S);

/** Serves until the signal is aborted. Throws `InputError` and `OutputError` before anything listens. */
export async function serve(options: ServeOptions): Promise<void> {
  const tls = readTls(options.tls);
  const stage = isScenario(options.path) ? liveStage(options) : await recordedStage(options);
  const { hub, metricsPath } = stage;
  const before = stage.fillFirst ? await stage.fill(options.signal) : null;
  if (options.signal.aborted) return;
  const server = await listening(options.listen.target, () => serveHubble({ hub, version: serverVersion(hub), listen: options.listen, tls }));
  let metrics: MetricsServer | null = null;
  try {
    const nowSeconds = (): number => (options.speed === null ? Infinity : FLOW_EPOCH_SECONDS + longestUptimeNs(hub) / NS_PER_S);
    if (metricsPath !== null) metrics = await listening(options.metrics.target, () => serveMetrics(metricsPath, options.metrics, nowSeconds));
    options.onReady({ address: server.address, nodes: hub.nodes.map(({ name }) => name), metricsAddress: metrics?.address ?? null });
    const played = stage.fillFirst ? before : await stage.fill(options.signal);
    if (played !== null && !options.signal.aborted) options.onPlayed?.(played);
    while (!options.signal.aborted) await pause(LONG_MS, options.signal);
  } finally {
    await server.close();
    await metrics?.close();
  }
}

/** Longest wait at a time, ms. */
const LONG_MS = 1_000_000;

async function recordedStage({ path, variants, capacity, speed }: ServeOptions): Promise<Stage> {
  const recorded = recordedNodes(path, variants);
  const ofNodes = await Promise.all(recorded.map((each) => tracksOf(each, capacity)));
  const tracks = ofNodes.flat();
  const hub = new FlowHub(ofNodes.map(([{ node }]) => node));
  const reached = recorded.map(({ reachedNs }) => reachedNs).filter((ns) => ns !== null);
  const beginNs = reached.length === 0 ? null : EPOCH_NS;
  const lengthNs = reached.length === 0 ? null : Math.max(...reached);
  return {
    hub,
    metricsPath: recorded.find(({ metricsPath }) => metricsPath !== null)?.metricsPath ?? null,
    fillFirst: speed === null,
    fill: async (signal) => await play({ hub, tracks, speed, beginNs, lengthNs, signal }),
  };
}

/** A node's flows, and what its agent said. */
async function tracksOf({ variant, cilium, flowsPath, eventsPath, reachedNs }: RecordedNode, capacity: number): Promise<[Track, ...Track[]]> {
  const own = await firstNodeName(flowsPath).catch((error: unknown) => {
    if (!(error instanceof NothingToServe)) throw error;
    // A run in which nothing was to be seen is one: clients find its node, and no flows.
    if (reachedNs !== null && statSync(flowsPath).size === 0) return UNNAMED;
    throw refusal(flowsPath, error.message, { expected: "flows as JSON lines: those of a run, of an exporter, or of hubble observe -o jsonpb" });
  });
  const name = variant === null ? own : `${variant}/${own.split("/").at(-1)!}`;
  const track = { node: new FlowHistory(name, versionOf(cilium), capacity), path: flowsPath, rename: variant === null ? null : name };
  return eventsPath === null ? [track] : [track, { ...track, path: eventsPath }];
}

function liveStage({ path, variants, capacity, speed }: ServeOptions): Stage {
  const file = loadScenario(path, { set: [], dropReasons: DROP_TEXTS });
  const chosen = chooseVariants(file, variants);
  refuseUnsupported(path, chosen);
  const silent = chosen.find(({ observe }) => observe.flows === "none");
  if (silent !== undefined) throw refusal(path, "`observe.flows: none` gives nothing to serve", { expected: "`dropped` or `all`" });
  const nodes = chosen.map((scenario) => {
    const own = fullNodeName(layOut(scenario), scenario.observe.parsing.cluster);
    const name = chosen.length === 1 ? own : `${scenario.variant ?? ""}/${own.split("/").at(-1)!}`;
    return { scenario, run: 0, node: new FlowHistory(name, versionOf(scenario.profile.cilium), capacity), rename: chosen.length === 1 ? null : name };
  });
  const hub = new FlowHub(nodes.map(({ node }) => node));
  const runs = nodes.map((live) => new LiveRun(live, hub));
  return {
    hub,
    metricsPath: null,
    fillFirst: false,
    fill: async (signal) => {
      await simulateLive(runs, hub, speed, signal);
      return null;
    },
  };
}

function longestUptimeNs({ nodes }: FlowHub): number {
  return nodes.reduce((longest, { uptimeNs }) => Math.max(longest, uptimeNs), 0);
}

function versionOf(cilium: string | null): string {
  return cilium === null ? "" : `cilium v${cilium}`;
}

function serverVersion({ nodes }: FlowHub): string {
  const versions = [...new Set(nodes.map(({ version }) => version).filter((version) => version !== ""))];
  return `ctlab v${VERSION}${versions.length === 0 ? "" : ` (${versions.join(", ")})`}`;
}

function readTls(files: TlsFiles | null): ServerTls | null {
  if (files === null) return null;
  const read = (path: string): Buffer => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw refusal(path, `can't be read: ${(error as Error).message}`, { expected: "a file in PEM form", nearest: nearestPath(path, "file") });
    }
  };
  return { certificate: read(files.certificate), key: read(files.key), clientCa: files.clientCa === null ? null : read(files.clientCa) };
}

/** Brings a server up; what it can't have is the user's to change. */
async function listening<Result>(target: string, start: () => Promise<Result>): Promise<Result> {
  try {
    return await start();
  } catch (error) {
    throw new OutputError(target, `can't be listened at: ${(error as Error).message}`, "input");
  }
}
