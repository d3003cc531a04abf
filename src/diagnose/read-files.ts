/** Reads whatever an operator brings, each file by its content; folders give what in them looks like it. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { formatCount } from "../core/units.js";
import { FlowLineReader } from "../hubble/line-reader.js";
import { fileLines, streamLines } from "../hubble/line-source.js";
import { type Dump, type DumpKind, DumpError, DUMP_KIND_TEXT, readDump } from "../ingest/index.js";
import type { FilePassedOver, FileRead } from "../observe/diagnosis-result.js";
import { didYouMean } from "../scenario/nearest-path.js";
import { FlowCollector } from "./flow-facts.js";
import type { Material } from "./gather.js";

/** A file, and what it is when the user said so. */
export interface FileWanted {
  readonly path: string;
  readonly kind?: DumpKind;
}

/** A file to read, and the folder in which it was found. */
interface FileFound extends FileWanted {
  readonly folder?: string;
}

export interface FilesRead {
  readonly files: readonly FileRead[];
  /** What folders hold besides. */
  readonly passedOver: readonly FilePassedOver[];
  /** Values files, for who reads configuration. */
  readonly values: readonly string[];
  readonly material: Material;
  /** One message for each file that can't be used. */
  readonly problems: readonly string[];
}

/** Names in folders that are worth a look, and folders below that are looked into: what runs and operators leave. */
const WORTH = /\.(?:txt|om|prom|jsonl)(?:\.gz)?$|^values[\w.-]*\.ya?ml$/;
const WORTH_TEXT = "files named *.txt, *.om, *.prom or *.jsonl, plain or gzip, or values*.yaml";
const BELOW = ["dumps"];
/** YAML with numbers looks like metrics to who only sees its lines. */
const YAML = /\.ya?ml$/;
const STDIN = "-";
/** Reasons kept of lines that were passed over. */
const KEPT = 20;
const NO_SKIPS = { count: 0, first: [] };

export async function readFiles(wanted: readonly FileWanted[]): Promise<FilesRead> {
  const files: FileRead[] = [];
  const values: string[] = [];
  const problems: string[] = [];
  const passedOver: FilePassedOver[] = [];
  const dumps: Dump[] = [];
  const collector = new FlowCollector();
  let stdinRead = false;
  const found = wanted.flatMap(expand);
  for (const { path, kind: said, folder } of found) {
    const kind = said ?? (YAML.test(path) ? ("helm-values" as const) : undefined);
    try {
      if (path === STDIN && stdinRead) throw new DumpError("-: standard input is there once only");
      stdinRead ||= path === STDIN;
      const dump = kind === "flows" || kind === "helm-values" ? { path, kind } : await readDump(path, kind === undefined ? {} : { kind });
      if (dump.kind === "flows") files.push(await readFlows(path, collector));
      else if (dump.kind === "helm-values") values.push(path);
      else files.push({ path, kind: DUMP_KIND_TEXT[dump.kind], content: contentOf(dump), skipped: skippedOf(dump) });
      dumps.push(dump);
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      if (folder === undefined) problems.push(`${error.message}${path === STDIN || existsSync(path) ? "" : didYouMean(path)}`);
      else passedOver.push({ path, reason: error.message.replace(`${path}: `, "") });
    }
  }
  for (const { path } of wanted) {
    if (path === STDIN || !isFolder(path)) continue;
    const inside = [...new Set(found.flatMap((file) => (file.folder === path ? [file.path] : [])))];
    const useless = inside.flatMap((inner) => passedOver.find((file) => file.path === inner) ?? []);
    if (useless.length === inside.length) problems.push(`${path}: nothing in this folder can be diagnosed from${reasons(useless)}`);
  }
  return { files, passedOver, values, material: materialOf(dumps, collector), problems };
}

function reasons(useless: readonly FilePassedOver[]): string {
  if (useless.length === 0) return `\n  expected ${WORTH_TEXT}`;
  return useless.map(({ path, reason }) => `\n  ${path}: ${reason}`).join("");
}

function expand({ path, kind }: FileWanted): readonly FileFound[] {
  if (path === STDIN || !isFolder(path)) return [kind === undefined ? { path } : { path, kind }];
  return filesIn(path).map((inner) => ({ path: inner, folder: path }));
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const inner = join(folder, name);
      if (BELOW.includes(name) && isFolder(inner)) return filesIn(inner);
      return WORTH.test(name) && !isFolder(inner) ? [inner] : [];
    });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

async function readFlows(path: string, collector: FlowCollector): Promise<FileRead> {
  const skipped: { line: number; reason: string }[] = [];
  let [line, count, flows, skips] = [0, 0, 0, 0];
  const note = (reason: string): void => {
    skips++;
    if (skipped.length < KEPT) skipped.push({ line, reason });
  };
  const reader = new FlowLineReader("latest", { skipped: note, unknownField: () => {} });
  try {
    for await (const batch of path === STDIN ? streamLines(process.stdin) : fileLines(path)) {
      for (const text of batch.lines) {
        line++;
        if (text.trim() === "") continue;
        count++;
        const response = reader.read(text);
        if (response === undefined) continue;
        if (response.responseTypes.case === "flow") flows++;
        collector.take(response);
      }
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new DumpError(`${path}: ${code === "ENOENT" ? "no such file" : message}`);
  }
  const [first] = skipped;
  if (count > 0 && skips === count) throw new DumpError(`${path}: no line is a flow; line ${first!.line}: ${first!.reason}`);
  return { path, kind: DUMP_KIND_TEXT.flows, content: `${formatCount(flows)} flows`, skipped: { count: skips, first: skipped } };
}

function skippedOf(dump: Dump): FileRead["skipped"] {
  return "skipped" in dump ? dump.skipped : NO_SKIPS;
}

function contentOf(dump: Dump): string {
  switch (dump.kind) {
    case "conntrack":
    case "nat":
      return `${formatCount(dump.table.size)} entries`;
    case "nat-retries":
      return `${formatCount(dump.counts.length)} counts`;
    case "status":
      return `${dump.version === undefined ? "" : `Cilium ${dump.version}, `}sizes of ${formatCount(dump.maps.length)} maps`;
    case "metrics": {
      const moments = dump.series.reduce((most, { values }) => Math.max(most, values.length), 0);
      return `${formatCount(dump.series.length)} series${moments > 1 ? `, ${formatCount(moments)} scrapes` : ""}`;
    }
    default:
      return "";
  }
}

function materialOf(dumps: readonly Dump[], collector: FlowCollector): Material {
  return {
    conntrack: dumps.flatMap((dump) => (dump.kind === "conntrack" ? [dump.table] : [])),
    nat: dumps.flatMap((dump) => (dump.kind === "nat" ? [dump.table] : [])),
    natRetries: dumps.flatMap((dump) => (dump.kind === "nat-retries" ? [dump.counts] : [])),
    status: dumps.flatMap((dump) => (dump.kind === "status" ? [dump] : [])),
    metrics: dumps.flatMap((dump) => (dump.kind === "metrics" ? [dump] : [])),
    flows: collector.facts(),
  };
}
