/**
 * Rule files of Prometheus in full, as `observe: { alerts: FILE }` takes them: plain files, PrometheusRule objects of the
 * operator, several documents, lists. Fields that Prometheus does not know are mistakes, as they are to it.
 */
import { NS_PER_MS, NS_PER_S } from "../core/units.js";
import { groupsOf, itemsOf } from "./alert-rules.js";
import type { Diagnostics } from "./diagnostics.js";
import { promQlMistake } from "./promql.js";
import type { ReadResult } from "./read-file.js";
import type { Place } from "./source.js";
import { describe, treeAt, type Tree, type TreeMap, type TreeScalar } from "./tree.js";
import { parseYaml } from "./yaml.js";

/** Rules that are evaluated together, one after the other. */
export interface RuleGroup {
  readonly name: string;
  readonly file: string;
  /** From one evaluation to the next, ns; null = the server's default. */
  readonly intervalNs: number | null;
  readonly rules: readonly Rule[];
}

interface RuleBase {
  /** PromQL. */
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly line: number;
}

export interface AlertingRule extends RuleBase {
  readonly kind: "alert";
  readonly alert: string;
  readonly forNs: number;
  readonly keepFiringForNs: number;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RecordingRule extends RuleBase {
  readonly kind: "record";
  readonly record: string;
}

export type Rule = AlertingRule | RecordingRule;

/** Rule groups by the path as the scenario writes it. */
export type RuleFiles = ReadonlyMap<string, readonly RuleGroup[]>;

const GROUP_KEYS = ["name", "interval", "query_offset", "limit", "rules", "labels", "partial_response_strategy"];
const RULE_KEYS = ["alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"];

/** The scalars that name rule files. */
export function ruleFilesNamed(tree: TreeMap): readonly TreeScalar[] {
  const named = treeAt(tree, ["observe", "alerts"]);
  const items = named?.kind === "list" ? named.items : named === undefined ? [] : [named];
  return items.flatMap((item) => (item.kind === "scalar" && typeof item.value === "string" ? [item] : []));
}

/** Undefined when the file is not there or holds something else; then diagnostics say so. `at`: where it is named. */
export function readRuleFile(path: string, result: ReadResult, at: Place, found: Diagnostics): readonly RuleGroup[] | undefined {
  if (!result.ok) {
    found.error(result.at ?? at, `the rule file ${result.at === undefined ? `${path} ` : ""}${result.message}`, result);
    return undefined;
  }
  found.openFile(result.source.name);
  const documents = parseYaml(result.source, found);
  if (documents === undefined) return undefined;
  const groups = documents.flatMap(itemsOf).flatMap((document) => groupsOf(document, found));
  const read = groups.map((group) => readGroup(group, result.source.name, found));
  if (groups.length === 0) found.error(at, `${path} holds no rules`, { expected: "groups of rules, or a PrometheusRule" });
  return groups.length === 0 || read.includes(undefined) ? undefined : read.filter((group) => group !== undefined);
}

function readGroup(group: Tree, file: string, found: Diagnostics): RuleGroup | undefined {
  const rules = treeAt(group, ["rules"]);
  if (group.kind !== "map" || rules?.kind !== "list") {
    found.error(rules?.at ?? group.at, `the rules of a group can't be ${describe(rules)}`, { expected: "a list of rules" });
    return undefined;
  }
  checkKeys(group, GROUP_KEYS, found);
  const interval = durationAt(group, "interval", found);
  const read = rules.items.map((rule) => readRule(rule, found));
  if (interval === undefined || read.includes(undefined)) return undefined;
  const name = treeAt(group, ["name"]);
  return {
    name: name?.kind === "scalar" ? name.text : "",
    file,
    intervalNs: interval === 0 ? null : interval,
    rules: read.filter((rule) => rule !== undefined),
  };
}

function readRule(rule: Tree, found: Diagnostics): Rule | undefined {
  const [alert, record, expr] = ["alert", "record", "expr"].map((key) => treeAt(rule, [key]));
  const name = alert ?? record;
  if (rule.kind !== "map" || name?.kind !== "scalar" || expr?.kind !== "scalar" || (alert !== undefined && record !== undefined)) {
    found.error(rule.at, "this is no rule", { expected: "alert or record, and expr" });
    return undefined;
  }
  checkKeys(rule, RULE_KEYS, found);
  const text = String(expr.value ?? "").trim();
  const mistake = promQlMistake(text);
  if (mistake !== undefined) {
    found.error(expr.at, `${name.text}: this is no PromQL${mistake.near === "" ? "" : `, near "${mistake.near}"`}`, { expected: "an expression" });
  }
  const forNs = durationAt(rule, "for", found);
  const keepFiringForNs = durationAt(rule, "keep_firing_for", found);
  const labels = textsAt(rule, "labels", found);
  const annotations = textsAt(rule, "annotations", found);
  if (mistake !== undefined || forNs === undefined || keepFiringForNs === undefined || labels === undefined || annotations === undefined) return undefined;
  const base = { expr: text, labels, line: lineNumber(name.at) };
  if (record !== undefined) return { kind: "record", record: name.text, ...base };
  return { kind: "alert", alert: name.text, ...base, forNs, keepFiringForNs, annotations };
}

function lineNumber(at: Place): number {
  return at.source.position(at.start).line;
}

function checkKeys(map: TreeMap, known: readonly string[], found: Diagnostics): void {
  for (const [key, { keyAt }] of map.entries) {
    if (!known.includes(key)) found.error(keyAt, `Prometheus knows no "${key}" here`, { expected: known.join(", "), names: { written: key, valid: known } });
  }
}

const UNITS: readonly (readonly [unit: string, ns: number])[] = [
  ["y", 365 * 86_400 * NS_PER_S],
  ["w", 7 * 86_400 * NS_PER_S],
  ["d", 86_400 * NS_PER_S],
  ["h", 3_600 * NS_PER_S],
  ["m", 60 * NS_PER_S],
  ["s", NS_PER_S],
  ["ms", NS_PER_MS],
];
const DURATION = new RegExp(`^${UNITS.map(([unit]) => `(?:(\\d+)${unit})?`).join("")}$`);

/** Prometheus' durations: whole numbers of falling units, `1h30m`; 0 when the key is absent. */
function durationAt(map: Tree, key: string, found: Diagnostics): number | undefined {
  const written = treeAt(map, [key]);
  if (written === undefined || (written.kind === "scalar" && written.text === "0")) return 0;
  const parts = written.kind === "scalar" && written.text !== "" ? DURATION.exec(written.text) : null;
  if (parts === null) {
    found.error(written.at, `${key} can't be ${describe(written)}`, { expected: "a duration such as 30s, 5m, 1h30m" });
    return undefined;
  }
  return UNITS.reduce((sum, [, ns], i) => sum + Number(parts[i + 1] ?? 0) * ns, 0);
}

function textsAt(map: Tree, key: string, found: Diagnostics): Readonly<Record<string, string>> | undefined {
  const written = treeAt(map, [key]);
  if (written === undefined) return {};
  const entries = written.kind === "map" ? [...written.entries] : undefined;
  if (entries?.every(([, { value }]) => value.kind === "scalar") !== true) {
    found.error(written.at, `${key} can't be ${describe(written)}`, { expected: "names with texts" });
    return undefined;
  }
  return Object.fromEntries(entries.map(([name, { value }]) => [name, value.kind === "scalar" ? String(value.value ?? "") : ""]));
}
