/** The house rules that a machine can read: import arrows, determinism, file length, line length, dead files. */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const SRC = join(ROOT, "src");
const LINES_MAX = 400;
const LINE_LENGTH_MAX = 160;

/** Longer than the limit because they are one table or one state machine; each with the reason. */
const LONG_FILES: Readonly<Record<string, string>> = {
  "src/cilium/agent/settings.ts": "one table: every setting with its flag, Helm key and default",
  "src/cilium/agent/conntrack-gc.ts": "one state machine: the collector's loop",
  "src/bpf/hash-table.ts": "one class: the hot paths of all hash maps, measured as a whole",
  "src/core/event-queue.ts": "one class: V8 reads its own fields faster than another object's",
  "src/cilium/datapath/packet.ts": "one row: every field with its place, accessors and comparison",
};

/** Written by a program: as long as it likes. */
const GENERATED = /_pb\.ts$/;

/** Which rooms a room may import from, beside itself. Data runs one way; datapath and agent meet only in maps. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  stats: ["core"],
  bpf: ["core"],
  "cilium/profile": ["core"],
  "cilium/maps": ["core", "bpf"],
  "cilium/datapath": ["core", "bpf", "cilium/maps"],
  "cilium/agent": ["core", "bpf", "cilium/maps", "cilium/profile"],
  traffic: ["core"],
  observe: ["core", "stats", "cilium/datapath", "cilium/maps"],
  hubble: ["core", "cilium/datapath"],
  scenario: ["core", "cilium/profile", "cilium/agent"],
  node: ["core", "bpf", "cilium/maps", "cilium/datapath", "cilium/agent", "cilium/profile", "traffic", "observe", "scenario"],
  ingest: ["core", "cilium/maps", "hubble"],
  lab: ["core", "bpf", "cilium/maps", "cilium/datapath", "cilium/agent", "cilium/profile", "traffic", "observe", "scenario", "node", "report", "hubble", "stats"],
  resolve: ["core", "bpf", "cilium/maps", "cilium/datapath", "cilium/agent", "cilium/profile", "scenario", "report"],
  diagnose: ["core", "cilium/profile", "scenario", "observe", "report", "hubble", "ingest", "resolve"],
  report: ["core", "stats", "observe"],
  arbitraries: ["core", "bpf"],
  cli: ["core", "stats", "scenario", "lab", "resolve", "diagnose", "report", "observe", "hubble", "ingest"],
};

/** Rooms whose results must not depend on the machine or the moment. */
const DETERMINISTIC = ["core", "stats", "bpf", "cilium", "traffic", "node", "observe", "scenario", "resolve", "diagnose"];
const FORBIDDEN_BELOW_LAB = [/\bMath\.random\b/, /\bDate\b(?!:)/, /\bperformance\.now\b/, /\bprocess\.hrtime\b/, /\.toLocale/, /\bIntl\b/];

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return sources(path);
    return path.endsWith(".ts") ? [path] : [];
  });
}

function roomOf(path: string): string {
  const parts = relative(SRC, path).split("/");
  if (parts.length === 1) return "top";
  if (parts[0] === "cilium") return `cilium/${parts[1]!.replace(/\.ts$/, "")}`;
  return parts[0]!;
}

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map((match) => match[1]!);
}

/** Comments and strings may speak of clocks; code may not use them. */
function codeOnly(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "").replace(/"(?:[^"\\]|\\.)*"|`[^`]*`/g, '""');
}

/** Sentences for people may run on, and so may lists of imported names. */
function withoutProse(lines: readonly string[]): readonly string[] {
  return lines.map((line) => (line.startsWith("import ") ? "" : line.replace(/"(?:[^"\\]|\\.)*"|`[^`]*`?/g, '""')));
}

const files = sources(SRC);
const production = files.filter((path) => !path.endsWith(".test.ts"));

describe("import arrows point downwards", () => {
  it.each(production.map((path) => [relative(ROOT, path), path]))("%s", (_name, path) => {
    const room = roomOf(path);
    const allowed = ARROWS[room];
    if (room === "top") return;
    expect(allowed, `room "${room}" is not in the table of arrows`).toBeDefined();
    for (const target of importsOf(readFileSync(path, "utf8"))) {
      const other = roomOf(normalize(join(dirname(path), target)).replace(/\.js$/, ".ts"));
      const fine = other === room || allowed!.includes(other);
      expect(fine, `${room} must not import ${other} (${target})`).toBe(true);
    }
  });
});

describe("determinism", () => {
  const below = production.filter((path) => DETERMINISTIC.includes(relative(SRC, path).split("/")[0]!));
  it.each(below.map((path) => [relative(ROOT, path), path]))("%s", (_name, path) => {
    const code = codeOnly(readFileSync(path, "utf8"));
    for (const pattern of FORBIDDEN_BELOW_LAB) expect(code).not.toMatch(pattern);
  });
});

describe("shape of files", () => {
  it.each(files.filter((path) => !GENERATED.test(path)).map((path) => [relative(ROOT, path), path]))("%s", (name, path) => {
    const lines = readFileSync(path, "utf8").split("\n");
    if (LONG_FILES[name] === undefined && !name.endsWith(".test.ts")) {
      expect(lines.length, `${name} is too long for one idea`).toBeLessThanOrEqual(LINES_MAX);
    }
    const longest = withoutProse(lines).findIndex((line) => line.length > LINE_LENGTH_MAX);
    expect(longest === -1 ? "" : `line ${longest + 1} is longer than ${LINE_LENGTH_MAX}`).toBe("");
    const leftover = lines.findIndex((line) => /\b(TODO|FIXME|XXX)\b/.test(line));
    expect(leftover === -1 ? "" : `line ${leftover + 1} has a leftover mark`).toBe("");
  });
});

describe("places of files", () => {
  it("are told from modules one folder below the root: the bundle's chunks lie as deep", () => {
    const deeper = production.filter((path) => relative(SRC, path).split("/").length !== 2);
    const telling = deeper.filter((path) => /new URL\([^)]*import\.meta\.url/.test(readFileSync(path, "utf8")));
    expect(telling.map((path) => relative(ROOT, path))).toEqual([]);
  });
});

describe("no dead files", () => {
  it("every module is imported by another, or is an entry", () => {
    const threads = ["lab/worker.ts", "lab/live/testbed/load-generator.ts", "report/bulk-writer.ts"];
    const entries = new Set(["main.ts", "index.ts", "arbitraries.ts", "hubble/index.ts", "ingest/index.ts", "stats/series.ts", ...threads]);
    const imported = new Set<string>();
    const importers = [...files, ...sources(join(ROOT, "test")), ...sources(join(ROOT, "bench"))];
    for (const path of importers) {
      for (const target of importsOf(readFileSync(path, "utf8"))) {
        if (path.endsWith(".test.ts") && !path.startsWith(SRC)) continue;
        if (path.endsWith(".test.ts")) continue;
        imported.add(relative(SRC, normalize(join(dirname(path), target)).replace(/\.js$/, ".ts")));
      }
    }
    // Benchmarks import what was built.
    for (const name of readdirSync(join(ROOT, "bench"))) {
      const text = readFileSync(join(ROOT, "bench", name), "utf8");
      for (const [, target] of text.matchAll(/dist\/([\w./-]+)\.js/g)) imported.add(`${target}.ts`);
    }
    const dead = production.map((path) => relative(SRC, path)).filter((name) => !entries.has(name) && !imported.has(name));
    expect(dead, "modules that only tests import, or nobody").toEqual([]);
  });
});
