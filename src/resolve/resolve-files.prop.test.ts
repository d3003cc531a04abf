/** What holds for every configuration that `ctlab resolve` accepts. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { resolveDiffText } from "../report/resolve-diff-text.js";
import type { NodeDocument, ResolveDiffDocument, ResolveDocument } from "../report/resolve-document.js";
import { resolveText } from "../report/resolve-text.js";
import { resolveFiles, type ResolveOptions } from "./resolve-files.js";

const folder = mkdtempSync(join(tmpdir(), "ctlab-resolve-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const entries = fc.option(fc.integer({ min: 1024, max: 16_777_216 }), { nil: null });
const values = fc.record({
  "bpf.ctTcpMax": entries,
  "bpf.ctAnyMax": entries,
  "bpf.natMax": fc.option(fc.constantFrom(1024, 524_288, 600_000), { nil: null }),
  "bpf.neighMax": entries,
  "bpf.mapDynamicSizeRatio": fc.constantFrom("0.0001", "0.0025", "0.005", "0.08", "0.9"),
  "extraConfig.bpf-sock-rev-map-max": entries,
  "extraConfig.bpf-map-dynamic-size-ratio": fc.constantFrom(null, null, "0"),
  "bpf.distributedLRU.enabled": fc.boolean(),
  "ipv6.enabled": fc.boolean(),
  kubeProxyReplacement: fc.boolean(),
  "bpf.preallocateMaps": fc.boolean(),
  conntrackGCInterval: fc.constantFrom("0s", "1m", "2h"),
});
const shapes = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 256 }), fc.integer({ min: 1, max: 4096 }), fc.integer({ min: 1, max: 500 })),
  { minLength: 1, maxLength: 3 },
);
const releases = fc.constantFrom("1.14.2", "1.15.5", "1.16.4", "1.17.1", "1.17.3", "1.17.6", "1.18.0", "1.19");

const setOf = (given: object): string[] =>
  Object.entries(given).flatMap(([key, value]) => (value === null ? [] : [`${key}=${String(value)}`]));
const nodesOf = (given: readonly (readonly [number, number, number])[]): string[] =>
  given.map(([cpus, gib, count]) => `${cpus}cpu,${gib}Gi:${count}`);

function options(changes: Partial<ResolveOptions>): ResolveOptions {
  const base = { files: [], set: [], nodes: [], cilium: [], kernel: "6.12", alerts: [], backends: null, diff: null, pin: false };
  return { ...base, ...changes };
}

function resolve(changes: Partial<ResolveOptions>): ResolveDocument {
  return resolveFiles(options(changes)).document as ResolveDocument;
}

const sizes = ({ maps }: NodeDocument): readonly (readonly [string, number])[] => maps.map(({ map, entries: count }) => [map, count] as const);
const widest = (text: string): number => text.split("\n").reduce((most, line) => Math.max(most, [...line].length), 0);

describe("whatever the values", () => {
  it("growing ctTcpMax never lowers another capacity", () => {
    const growth = fc.tuple(fc.integer({ min: 1024, max: 16_777_216 }), fc.integer({ min: 0, max: 16_777_216 }));
    fc.assert(
      fc.property(values, shapes, releases, growth, (given, node, release, [small, more]) => {
        const at = (ctTcpMax: number): ResolveDocument => {
          const set = setOf({ ...given, "bpf.ctTcpMax": ctTcpMax });
          return resolve({ set, nodes: nodesOf(node), cilium: [release] });
        };
        const [before, after] = [at(small), at(Math.min(16_777_216, small + more))];
        for (const [index, old] of before.nodes.entries()) {
          const now = new Map(sizes(after.nodes[index]!));
          for (const [map, count] of sizes(old)) expect(now.get(map), map).toBeGreaterThanOrEqual(count);
          if (old.refusal === null) expect(after.nodes[index]!.refusal).toBeNull();
        }
      }),
      { numRuns: 100 },
    );
  });

  it("pinned values give the same sizes, and pin the same", () => {
    const path = join(folder, "pinned.yaml");
    fc.assert(
      fc.property(values, shapes, releases, (given, node, release) => {
        const common = { set: setOf(given), nodes: nodesOf(node.slice(0, 1)), cilium: [release] };
        const { document, pinned } = resolveFiles(options({ ...common, pin: true }));
        const once = document as ResolveDocument;
        expect(pinned === null).toBe(once.nodes[0]!.refusal !== null);
        if (pinned === null) return;
        writeFileSync(path, pinned);
        // As on Helm's command line, the file lies under --set: what was set there is set already.
        const again = resolveFiles(options({ ...common, files: [path], pin: true }));
        const pinnedNode = (again.document as ResolveDocument).nodes[0]!;
        expect(pinnedNode.refusal).toBeNull();
        expect(sizes(pinnedNode)).toEqual(sizes(once.nodes[0]!));
        expect(again.pinned).toBe(pinned);
        // Pinned means that another memory changes nothing.
        const [cpus, gib] = node[0]!;
        const elsewhere = resolve({ ...common, files: [path], nodes: [`${cpus}cpu,${gib * 3}Gi`] });
        expect(sizes(elsewhere.nodes[0]!)).toEqual(sizes(once.nodes[0]!));
      }),
      { numRuns: 100 },
    );
  });

  it("sums agree, and no line of the text is wider than 100 columns", () => {
    fc.assert(
      fc.property(values, shapes, releases, releases, (given, node, release, other) => {
        const common = { set: setOf(given), nodes: nodesOf(node) };
        const document = resolve({ ...common, cilium: [release] });
        const fleet = document.nodes.reduce((sum, { memory, nodes }) => sum + memory.createdBytes * nodes, 0);
        expect(document.fleet.memory.createdBytes).toBe(fleet);
        for (const { maps, memory } of document.nodes) {
          expect(maps.reduce((sum, map) => sum + map.memory.fullBytes * map.copies, 0)).toBe(memory.fullBytes);
        }
        expect(widest(resolveText(document, { color: false }))).toBeLessThanOrEqual(100);
        const diff = resolveFiles(options({ ...common, cilium: [release, other], diff: { files: [], set: ["bpf.ctTcpMax=70000"] } }));
        expect(widest(resolveDiffText(diff.document as ResolveDiffDocument, { color: false }))).toBeLessThanOrEqual(100);
      }),
      { numRuns: 60 },
    );
  });
});
