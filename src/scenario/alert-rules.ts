/** Alert rules: a Prometheus rule file, PrometheusRule objects of the operator, also several documents or a list of them. */

import type { Diagnostics } from "./diagnostics.js";
import { place, type Place, type SourceText } from "./source.js";
import { describe, treeAt, type Tree } from "./tree.js";
import { parseYaml } from "./yaml.js";

export interface AlertRuleText {
  readonly name: string;
  /** PromQL. */
  readonly expression: string;
  readonly at: Place;
}

const FORM = "groups of rules as Prometheus reads them, or a PrometheusRule";

/** Reads every alerting rule of a text; recording rules are passed over. Mistakes are reported. */
export function readAlertRules(source: SourceText, found: Diagnostics): readonly AlertRuleText[] {
  const documents = parseYaml(source, found);
  if (documents === undefined) return [];
  const groups = documents.flatMap(itemsOf).flatMap((document) => groupsOf(document, found));
  const rules = groups.flatMap((group) => rulesOf(group, found));
  if (groups.length > 0 && rules.length === 0 && !found.hasErrors) found.warning(groups[0]!.at, "no alert stands here");
  if (documents.length === 0) found.error(place(source, 0), "the file is empty", { expected: FORM });
  return rules;
}

/** A document, or the items of a `kind: List`. */
export function itemsOf(document: Tree): readonly Tree[] {
  const items = treeAt(document, ["items"]);
  return items?.kind === "list" ? items.items : [document];
}

/** Its groups of rules; without any a mistake. */
export function groupsOf(document: Tree, found: Diagnostics): readonly Tree[] {
  const groups = treeAt(document, ["groups"]) ?? treeAt(document, ["spec", "groups"]);
  if (groups?.kind === "list") return groups.items;
  found.error(groups?.at ?? document.at, groups === undefined ? "no rules stand here" : `groups can't be ${describe(groups)}`, {
    expected: FORM,
  });
  return [];
}

function rulesOf(group: Tree, found: Diagnostics): readonly AlertRuleText[] {
  const rules = treeAt(group, ["rules"]);
  if (rules?.kind !== "list") {
    found.error(rules?.at ?? group.at, `the rules of a group can't be ${describe(rules)}`, { expected: "a list of rules" });
    return [];
  }
  return rules.items.flatMap((rule) => ruleOf(rule, found) ?? []);
}

function ruleOf(rule: Tree, found: Diagnostics): AlertRuleText | undefined {
  const name = treeAt(rule, ["alert"]);
  if (name === undefined && treeAt(rule, ["record"]) !== undefined) return undefined;
  const expression = treeAt(rule, ["expr"]);
  if (name?.kind === "scalar" && expression?.kind === "scalar") {
    return { name: name.text, expression: String(expression.value ?? ""), at: name.at };
  }
  found.error(rule.at, "this is no rule", { expected: "alert and expr" });
  return undefined;
}
