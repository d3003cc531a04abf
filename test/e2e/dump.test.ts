/** `--dump`: what an operator would see of a run is what the run holds at that moment, and the run goes on as if nobody had looked. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lastValue, natOrphans, readDump, summarizeConntrack, summarizeNat, type Dump } from "../../src/ingest/index.js";
import { DUMP_FILES, parseDumpTime, type DumpPlaces } from "../../src/lab/dump/request.js";
import { simulateVariant } from "../../src/lab/simulate.js";
import { loadScenario } from "../../src/scenario/load.js";
import type { Scenario } from "../../src/scenario/types.js";
import { readExposition, type Exposition } from "../support/prometheus.js";
import { ctlab, scratch } from "./cli.js";

const folder = scratch();
afterAll(folder.remove);
const SCENARIO_FILE = join(folder.path, "scenario.yaml");
const RUN = join(folder.path, "run");
/** The datapath's clock is older than the run; the agent is away at first in one variant. */
const SCENARIO = `
apiVersion: ctlab/v1
name: dump
profile: { cilium: "1.18.2", kernel: "6.6" }
cluster: { nodes: 3, pods: 30, cpus: 4 }
helm: { set: { kubeProxyReplacement: true, bpf.masquerade: true, socketLB.hostNamespaceOnly: true, routingMode: native, ipv4NativeRoutingCIDR: 10.0.0.0/8, bpf.ctTcpMax: 65536, bpf.natMax: 32768 } }
services:
  - { name: shop/api, port: 80, backends: 4 }
workloads:
  - { name: calls, from: { workload: shop/web, pods: 4 }, to: shop/api, arrivals: { poisson: 40/s }, connection: { hold: 300ms } }
  - { name: abroad, from: { workload: shop/web, pods: 4 }, to: "world 203.0.113.10:443", arrivals: { poisson: 40/s }, connection: { hold: 300ms } }
  - { name: names, from: { workload: shop/web, pods: 4 }, to: "world 203.0.113.53:53", query: {}, arrivals: { poisson: 30/s } }
observe: { flows: none, scrape: 1s }
duration: 13s
variants:
  here: {}
  away: { timeline: [ { at: 10s, agent: { down: 10s } } ] }
`;
const EPOCH = 1_735_689_600;
const [AT_S, SIZE] = [11, 65536];

const dumped = <Kind extends Dump["kind"]>(path: string, kind: Kind) => readDump(join(RUN, path), { kind }) as Promise<Extract<Dump, { kind: Kind }>>;

writeFileSync(SCENARIO_FILE, SCENARIO);
const loadHere = (): readonly Scenario[] => loadScenario(SCENARIO_FILE, { set: [], dropReasons: [] }).variants;

let truth: Exposition;
beforeAll(async () => {
  const { code, stderr } = await ctlab(["run", SCENARIO_FILE, "--dump", `${AT_S}s`, "--out", RUN, "--quiet"]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  truth = readExposition(readFileSync(join(RUN, "here/metrics.om"), "utf8"));
});

const at = (series: string): number | undefined => truth.get(series)?.find(([atS]) => atS === EPOCH + AT_S)?.[1];

describe("a dump of a moment", () => {
  it("has the entries that the maps have", async () => {
    const { table, skipped } = await dumped("here/dumps/ct-global.txt", "conntrack");
    expect(skipped.count).toBe(0);
    const { maps, classes, clock } = summarizeConntrack(table);
    for (const { map, entries } of maps) expect([map, entries]).toEqual([map, at(`ctlab_bpf_map_entries{map_name="${map}"}`)]);
    expect(maps.map(({ map }) => map)).toEqual(["ct4_global", "ct_any4_global"]);
    // Ten days of uptime; with this much traffic somebody reports within the last seconds.
    expect(clock!.now).toBeGreaterThan(864_000 + AT_S - 3);
    expect(clock!.now).toBeLessThanOrEqual(864_000 + AT_S);
    const services = classes.filter(({ direction }) => direction === "service").reduce((sum, { entries }) => sum + entries, 0);
    expect(services).toBeGreaterThan(100);
  });

  it("has NAT's mappings whole, and each with its connection", async () => {
    const { table } = await dumped("here/dumps/nat.txt", "nat");
    const summary = summarizeNat(table);
    expect(summary.entries).toBe(at('ctlab_bpf_map_entries{map_name="snat_v4_external"}'));
    expect(summary).toMatchObject({ mappings: summary.entries / 2, forwardAlone: 0, reverseAlone: 0 });
    expect(summary.portsInUse.map(({ remoteAddress }) => remoteAddress).sort()).toEqual(["203.0.113.10", "203.0.113.53"]);
    expect(summary.oldest).toBeGreaterThan(AT_S - 3);
    const conntrack = await dumped("here/dumps/ct-global.txt", "conntrack");
    expect(natOrphans(conntrack.table, table)).toMatchObject({ orphans: 0, connectionsWithoutMapping: 0 });
    const { counts } = await dumped("here/dumps/nat-retries.txt", "nat-retries");
    expect(counts).toHaveLength(33);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(summary.mappings);
  });

  it("has the metrics of a scrape at that moment, without the truth", async () => {
    const { series, skipped } = await dumped("here/dumps/metrics.txt", "metrics");
    expect(skipped.count).toBe(0);
    const scraped = [...truth].filter(([name]) => name.startsWith("cilium_") && at(name) !== undefined).map(([name]) => [name.replace(/le="(\d+)\.0"/, 'le="$1"'), at(name)]);
    const text = ({ name, labels }: (typeof series)[number]): string => {
      const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
      return pairs.length === 0 ? name : `${name}{${pairs.join(",")}}`;
    };
    expect(series.map((each) => [text(each), lastValue(each)]).sort()).toEqual(scraped.sort());
    expect(scraped.length).toBeGreaterThan(20);
  });

  it("has the node's status", async () => {
    const { version, cpus, maps, masquerading, skipped } = await dumped("here/dumps/status.txt", "status");
    expect({ version, cpus, masquerading, skipped: skipped.count }).toEqual({ version: "1.18.2", cpus: 4, masquerading: "BPF", skipped: 0 });
    expect(maps).toContainEqual({ name: "TCP connection tracking", size: SIZE });
    expect(maps).toContainEqual({ name: "NAT", size: 32768 });
  });

  it("has no status and no metrics of an agent that is down", () => {
    expect(existsSync(join(RUN, "away/dumps/ct-global.txt"))).toBe(true);
    expect(existsSync(join(RUN, "away/dumps/status.txt"))).toBe(false);
    expect(existsSync(join(RUN, "away/dumps/metrics.txt"))).toBe(false);
  });

  it("is among the run's files", () => {
    const { files } = JSON.parse(readFileSync(join(RUN, "manifest.json"), "utf8")) as { files: readonly { name: string }[] };
    expect(files.map(({ name }) => name)).toContain("here/dumps/ct-global.txt");
    expect(files.map(({ name }) => name)).not.toContain("away/dumps/status.txt");
  });
});

describe("the run", () => {
  const [here] = loadHere();
  const inFolder = (name: string): string => {
    const path = join(folder.path, name);
    mkdirSync(join(path, "dumps"), { recursive: true });
    return path;
  };

  it("goes on as if nobody had looked", () => {
    const path = inFolder("plain");
    const { variant } = simulateVariant(here!, { run: 0, streamFolder: path });
    const { variants } = JSON.parse(readFileSync(join(RUN, "summary.json"), "utf8")) as { variants: readonly { fingerprint: string }[] };
    expect(variants[0]!.fingerprint).toBe(variant.fingerprint);
    expect(readFileSync(join(RUN, "here/metrics.om"), "utf8")).toBe(readFileSync(join(path, "metrics.om"), "utf8"));
  });

  it("can be dumped at its end, early or not, and without scrapes", async () => {
    const path = inFolder("end");
    const places = Object.fromEntries(Object.entries(DUMP_FILES).map(([file, name]) => [file, join(path, name)])) as DumpPlaces;
    const { variant } = simulateVariant(here!, { run: 0, streamFolder: null, dump: { atNs: null, places }, aborted: () => true });
    expect(variant.reachedNs).toBeLessThan(variant.durationNs);
    const { table } = (await readDump(places.conntrack)) as Extract<Dump, { kind: "conntrack" }>;
    const fill = variant.maps.find(({ name }) => name === "ct4_global")!;
    expect(summarizeConntrack(table).maps.find(({ map }) => map === "ct4_global")?.entries ?? 0).toBe(fill.entriesAtEnd);
    expect((await readDump(places.metrics)).kind).toBe("metrics");
  });
});

it("times that are none, or beyond the run, are refused", () => {
  const scenarios = loadHere();
  expect(parseDumpTime("end", scenarios)).toBeNull();
  expect(parseDumpTime("500ms", scenarios)).toBe(5e8);
  expect(() => parseDumpTime("soon", scenarios)).toThrow(/--dump:.* "soon" is no time\n.*or end/);
  expect(() => parseDumpTime("1h", scenarios)).toThrow(/--dump:.* 1h is after the run's end at 13 s/);
});
