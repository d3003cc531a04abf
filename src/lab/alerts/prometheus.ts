/**
 * Prometheus itself, for expressions over a run: no library evaluates PromQL, so `promtool` makes a database of the run's
 * `metrics.om` and `prometheus` answers queries over it, on a loopback port, with everything in a folder of its own.
 *
 * A server that scrapes notes when a series is gone; the text of a file can't. With a look-back of just under one scrape
 * a series ends at the scrape that no longer has it, as it would there.
 */
import { execFile, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { NS_PER_MS } from "../../core/units.js";

/** Longest wait for a server to answer, and for one to end, ms. */
const READY_WAIT_MS = 30_000;
const POLL_MS = 50;
const STOP_WAIT_MS = 5_000;
/** Points of a series that one query may ask for; the server refuses above 11,000. */
const POINTS_MAX = 10_000;
const OUTPUT_MAX = 64 * 1024 * 1024;

/** Samples of one series of a result: Unix seconds and value. */
export interface RangeSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly (readonly [atS: number, value: number])[];
}

/** Prometheus did not do what it was asked to; the message says what it said. */
export class PrometheusError extends Error {
  override readonly name = "PrometheusError";
}

/** `2.42.0`; undefined when `prometheus` or `promtool` is not installed. */
export function prometheusVersion(): string | undefined {
  const versions = ["prometheus", "promtool"].map((name) => {
    const { status, stdout, stderr } = spawnSync(name, ["--version"], { encoding: "utf8" });
    return status === 0 ? /version (\d+\.\d+\.\d+)/.exec(`${stdout}${stderr}`)?.[1] : undefined;
  });
  return versions.includes(undefined) ? undefined : versions[0];
}

export class Prometheus {
  readonly #folder: string;
  readonly #lookbackMs: number;
  #server: ChildProcess | null = null;
  #port = 0;
  readonly #onExit = (): void => void this.#server?.kill("SIGKILL");

  private constructor(folder: string, lookbackMs: number) {
    this.#folder = folder;
    this.#lookbackMs = lookbackMs;
  }

  /** A server over that file. `scrapeNs`: the distance of its samples. Throws `PrometheusError`; `stop` it in any case. */
  static async over(metricsFile: string, scrapeNs: number): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), "ctlab-prometheus-"));
    const prometheus = new Prometheus(folder, Math.max(1, Math.round(scrapeNs / NS_PER_MS) - 1));
    try {
      mkdirSync(join(folder, "data"));
      writeFileSync(join(folder, "config.yaml"), "global: {}\n");
      await prometheus.add(metricsFile);
      return prometheus;
    } catch (error) {
      await prometheus.stop();
      throw error;
    }
  }

  /** Further series, from a file of the same form; the server is started anew. */
  async add(metricsFile: string): Promise<void> {
    await this.#end();
    try {
      const args = ["tsdb", "create-blocks-from", "openmetrics", metricsFile, join(this.#folder, "data")];
      await promisify(execFile)("promtool", args, { maxBuffer: OUTPUT_MAX });
    } catch (error) {
      const { stderr } = error as { stderr?: string };
      throw new PrometheusError(`promtool refuses the metrics: ${lastLine(stderr ?? String(error))}`);
    }
    await this.#start();
  }

  /** The same with a text. */
  async addText(text: string): Promise<void> {
    const file = join(this.#folder, "recorded.om");
    writeFileSync(file, text);
    await this.add(file);
  }

  async #start(): Promise<void> {
    this.#port = await freePort();
    const server = spawn(
      "prometheus",
      [
        `--config.file=${join(this.#folder, "config.yaml")}`,
        `--storage.tsdb.path=${join(this.#folder, "data")}`,
        "--storage.tsdb.retention.time=100y",
        `--web.listen-address=127.0.0.1:${this.#port}`,
        `--query.lookback-delta=${this.#lookbackMs}ms`,
        "--log.level=error",
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    let said = "";
    server.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    let failure: string | undefined;
    server.on("error", (error) => (failure = error.message));
    server.on("exit", () => (failure ??= said));
    this.#server = server;
    process.on("exit", this.#onExit);
    for (let waited = 0; waited < READY_WAIT_MS; waited += POLL_MS) {
      if (failure !== undefined) throw new PrometheusError(`prometheus does not start: ${lastLine(failure)}`);
      if (await answers(`http://127.0.0.1:${this.#port}/-/ready`)) return;
      await delay(POLL_MS);
    }
    throw new PrometheusError("prometheus does not get ready");
  }

  /** What an expression gives at `startS`, `startS + stepS` … up to `endS`. Throws `PrometheusError` with the server's words. */
  async range(expr: string, startS: number, endS: number, stepS: number): Promise<readonly RangeSeries[]> {
    const bySeries = new Map<string, { labels: Readonly<Record<string, string>>; samples: (readonly [number, number])[] }>();
    const points = Math.floor((endS - startS) / stepS) + 1;
    for (let first = 0; first < points; first += POINTS_MAX) {
      const start = startS + first * stepS;
      const end = startS + Math.min(points - 1, first + POINTS_MAX - 1) * stepS;
      for (const { metric, values } of await this.#query({ query: expr, start: `${start}`, end: `${end}`, step: `${stepS}` })) {
        const key = JSON.stringify(metric);
        const series = bySeries.get(key) ?? { labels: metric, samples: [] };
        bySeries.set(key, series);
        for (const [atS, value] of values) series.samples.push([atS, valueOf(value)]);
      }
    }
    return [...bySeries.values()];
  }

  async #query(parameters: Readonly<Record<string, string>>): Promise<readonly WireSeries[]> {
    const response = await fetch(`http://127.0.0.1:${this.#port}/api/v1/query_range`, { method: "POST", body: new URLSearchParams(parameters) });
    const answer = (await response.json()) as WireAnswer;
    if (answer.status !== "success") throw new PrometheusError(answer.error ?? `status ${response.status}`);
    return answer.data?.result ?? [];
  }

  /** Ends the server and removes what it left. */
  async stop(): Promise<void> {
    await this.#end();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #end(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    process.off("exit", this.#onExit);
    if (server === null || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGTERM");
    const patience = setTimeout(() => server.kill("SIGKILL"), STOP_WAIT_MS);
    await ended;
    clearTimeout(patience);
  }
}

interface WireSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [atS: number, value: string])[];
}

interface WireAnswer {
  readonly status: string;
  readonly error?: string;
  readonly data?: { readonly result: readonly WireSeries[] };
}

function valueOf(text: string): number {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  return text === "-Inf" ? Number.NEGATIVE_INFINITY : Number(text);
}

/** A port that nobody listens at just now. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
