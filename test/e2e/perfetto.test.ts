/** `--perfetto`: a trace that viewers can open, of the run that happens without it too, in agreement with its metrics. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Exposition, readExposition } from "../support/prometheus.js";
import { ctlab, ctlabHere, scratch } from "./cli.js";

const folder = scratch();
afterAll(folder.remove);
const SCENARIO_FILE = join(folder.path, "scenario.yaml");
const TRACE = join(folder.path, "trace.json");
const RUN = join(folder.path, "run");
const SCENARIO = `
apiVersion: ctlab/v1
name: perfetto
profile: { cilium: "1.17.6", kernel: "6.6" }
cluster: { nodes: 4, pods: 60, cpus: 4 }
helm: { set: { bpf.ctTcpMax: 65536 } }
services:
  - { name: red/api, port: 80, backends: 10 }
  - { name: blue/api, port: 80, backends: 10 }
policies:
  - { endpoints: red/web, ingress: deny, egress: deny, allow: [{ to: red/api, port: 80 }] }
workloads:
  - { name: fine, from: { workload: red/web, pods: 5 }, to: red/api, arrivals: { poisson: 80/s }, connection: { hold: 400ms } }
  - { name: denied, from: { workload: red/web, pods: 5 }, to: blue/api, arrivals: { poisson: 20/s }, connection: { connectTimeout: 1500ms } }
preload:
  - { map: ct4_global, entries: 40000, expires: 1s..60s }
timeline:
  - { at: 31s, pods: { workload: red/web } }
observe: { flows: none }
duration: 32s
variants: { one: {}, two: {} }
`;
const EPOCH = 1_735_689_600;
/** The window, s; scrapes fall on both ends. */
const [FROM, TO] = [15, 30];

interface TraceEvent {
  readonly ph: string;
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly id?: string;
  readonly args?: Readonly<Record<string, number>>;
}

const args = (window: string, ...more: readonly string[]): readonly string[] => [
  "run", SCENARIO_FILE, "--variant", "one", "--perfetto", TRACE, "--window", window, "--quiet", ...more,
];

async function traced(window: string): Promise<readonly TraceEvent[]> {
  const { code, stderr } = await ctlab(args(window, "--out", RUN));
  expect(stderr).toBe("");
  expect(code).toBe(0);
  const { traceEvents } = JSON.parse(readFileSync(TRACE, "utf8")) as { traceEvents: readonly TraceEvent[] };
  return traceEvents.filter(({ ph }) => ph !== "M");
}

let events: readonly TraceEvent[];
let series: Exposition;
beforeAll(async () => {
  writeFileSync(SCENARIO_FILE, SCENARIO);
  events = await traced(`${FROM}s..${TO}s`);
  series = readExposition(readFileSync(join(RUN, "metrics.om"), "utf8"));
});

const during = (name: string): number => {
  const at = (second: number): number => series.get(name)?.find(([atS]) => atS === EPOCH + second)?.[1] ?? 0;
  return at(TO) - at(FROM);
};

describe("a trace of a window", () => {
  it("rises in time and stays within the window", () => {
    expect(events.length).toBeGreaterThan(10_000);
    const wrong = events.filter(({ ts, dur = 0 }, n) => ts < (n === 0 ? FROM * 1e6 : events[n - 1]!.ts) || ts + dur > TO * 1e6 + 0.001);
    expect(wrong).toEqual([]);
  });

  it("has no two pieces of work at once on one CPU, and as much as the metrics say", () => {
    const doneAt = new Map<number, number>();
    const softirqs = events.filter(({ ph, pid }) => ph === "X" && pid === 1);
    const early = softirqs.filter(({ tid, ts, dur }) => {
      const before = doneAt.get(tid) ?? 0;
      // As Perfetto does that cuts to nanoseconds; it drops what overlaps.
      const [startNs, lengthNs] = [Math.trunc(ts * 1000), Math.trunc(dur! * 1000)];
      doneAt.set(tid, startNs + lengthNs);
      return startNs < before;
    });
    expect(early).toEqual([]);
    expect(doneAt.size).toBe(4);
    const usedS = softirqs.reduce((sum, { dur }) => sum + dur!, 0) / 1e6;
    expect(usedS / during("ctlab_packet_cpu_seconds_total")).toBeCloseTo(1, 2);
  });

  it("ends every connection that it begins, the innermost span first", () => {
    const open = new Map<string, string[]>();
    for (const { ph, name, cat, id } of events) {
      if (ph !== "b" && ph !== "e") continue;
      const stack = open.get(`${cat} ${id}`) ?? [];
      open.set(`${cat} ${id}`, stack);
      if (ph === "b") stack.push(name);
      else expect(stack.pop()).toBe(name);
    }
    expect([...open.values()].filter((stack) => stack.length > 0)).toEqual([]);
    const begun = events.filter(({ ph, name, args: given }) => ph === "b" && name !== "connect" && given?.["openBefore"] === undefined).length;
    expect(begun).toBe(during("ctlab_connections_opened_total"));
    const before = events.filter(({ ph, args: given }) => ph === "b" && given?.["openBefore"] !== undefined);
    expect(before.length).toBeGreaterThan(10);
    expect(before.length).toBe(events.find(({ ph, name }) => ph === "C" && name === "open connections")!.args!["connections"]);
  });

  it("has the drops and the fill of the metrics", () => {
    const drops = events.filter(({ ph }) => ph === "i");
    expect(drops.length).toBeGreaterThan(100);
    expect(drops.length).toBe(during('ctlab_drops_total{reason="Policy denied",errno="",direction="EGRESS"}'));
    const fill = events.filter(({ ph, name }) => ph === "C" && name === "ct4_global");
    expect(fill.length).toBe(1001);
    const truth = series.get('ctlab_bpf_map_entries{map_name="ct4_global"}')!;
    expect(fill.at(-1)!.args!["entries"]).toBe(truth.find(([atS]) => atS === EPOCH + TO)![1]);
  });

  it("leaves the run as it is", async () => {
    const fingerprint = (path: string): unknown => (JSON.parse(readFileSync(join(path, "summary.json"), "utf8")) as { fingerprint: unknown }).fingerprint;
    const plain = join(folder.path, "plain");
    await ctlab(["run", SCENARIO_FILE, "--variant", "one", "--quiet", "--out", plain]);
    expect(fingerprint(RUN)).toBe(fingerprint(plain));
    expect(readFileSync(join(RUN, "metrics.om"), "utf8")).toBe(readFileSync(join(plain, "metrics.om"), "utf8"));
  });

  it("shows a collection with its walks, also beside a followed connection", async () => {
    const { code, stdout } = await ctlab(["run", SCENARIO_FILE, "--variant", "one", "--perfetto", TRACE, "--window", "0s..2s", "--trace", "fine:3", "--out", RUN]);
    expect(code).toBe(0);
    expect(stdout).toContain("Trace of fine:3");
    const { traceEvents } = JSON.parse(readFileSync(TRACE, "utf8")) as { traceEvents: readonly TraceEvent[] };
    const agent = traceEvents.filter(({ ph, pid }) => ph === "X" && pid === 2);
    expect(agent.filter(({ name }) => name === "conntrack GC")).toHaveLength(1);
    expect(agent.filter(({ name }) => name === "walk").length).toBeGreaterThan(1);
  });
});

describe("what is asked for", () => {
  it.each([
    [["--window", "50s..60s"], "the window begins at 50 s, and the run ends at 32 s"],
    [["--window", "10s"], '"10s" is no span of time'],
    [["--window", "5s..5s"], '"5s..5s" is no span of time'],
    [[], "a trace of a whole run would be too large"],
  ])("must be a window of the run: %s", async (given, message) => {
    const file = join(folder.path, "none.json");
    const { code, stderr } = await ctlabHere(["run", SCENARIO_FILE, "--variant", "one", "--perfetto", file, ...given, "--out", join(folder.path, "x")]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(existsSync(file)).toBe(false);
  });

  it("is one variant, and a window only with a file", async () => {
    const several = await ctlabHere(["run", SCENARIO_FILE, "--perfetto", TRACE, "--window", "1s..2s", "--out", join(folder.path, "x")]);
    expect(several.code).toBe(2);
    expect(several.stderr).toContain("--variant with one of one, two");
    const alone = await ctlabHere(["run", SCENARIO_FILE, "--window", "1s..2s", "--out", join(folder.path, "x")]);
    expect(alone.code).toBe(2);
    expect(alone.stderr).toContain("--perfetto is missing");
  });
});
