/**
 * Why an alert can never fire on the label sets of a run: a selector that no series fits, or two sides of an operator
 * that never have the same labels. Prometheus says nothing about either: the result is empty, as it is when all is well.
 */
import type { SyntaxNode } from "@lezer/common";
import { nearestName } from "../../scenario/nearest.js";
import { promQlTree, selectorOf, type Selector } from "../../scenario/promql.js";
import { fitsValue, type LabelSets } from "./label-sets.js";
import type { RangeSeries } from "./prometheus.js";

/** Values of a label that a message shows. */
const SHOWN_MAX = 8;
/** Functions that give a result where there is no series. */
const FROM_NOTHING = ["absent", "absent_over_time", "vector", "time", "scalar"];
const SET_OPERATORS = ["And", "Or", "Unless"];
const LITERALS = ["NumberDurationLiteral", "StringLiteral"];

/** A selector that no series fits, wherever the expression depends on it; null when none does. */
export function emptySelector(expr: string, sets: LabelSets): string | null {
  const tree = promQlTree(expr);
  return tree === undefined ? null : emptyOf(tree, expr, sets);
}

function emptyOf(node: SyntaxNode, expr: string, sets: LabelSets): string | null {
  if (node.name === "VectorSelector") {
    const selector = selectorOf(node, expr);
    return sets.matches(selector) ? null : whyNone(selector, expr.slice(node.from, node.to), sets);
  }
  if (node.name === "FunctionCall") {
    const identifier = node.getChild("FunctionIdentifier");
    if (identifier !== null && FROM_NOTHING.includes(expr.slice(identifier.from, identifier.to))) return null;
  }
  const parts = operands(node).map((child) => emptyOf(child, expr, sets));
  if (node.name === "BinaryExpr") {
    if (node.getChild("Or") !== null) return parts.includes(null) ? null : (parts[0] ?? null);
    if (node.getChild("Unless") !== null) return parts[0] ?? null;
  }
  return parts.find((part) => part !== null) ?? null;
}

/** Expressions directly below a node. */
function operands(node: SyntaxNode): readonly SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (/(Expr|Selector|Call|Literal)$/.test(child.name) && !/^(Offset)?DurationExpr$/.test(child.name)) found.push(child);
    else if (child.name === "FunctionCallBody") found.push(...operands(child));
  }
  return found;
}

function whyNone({ name, matchers }: Selector, text: string, sets: LabelSets): string {
  if (!sets.has(name)) return noSuchSeries(name, text, sets);
  const alone = matchers.find((matcher) => sets.values(name, matcher.label)?.some((value) => fitsValue(matcher, value)) === false);
  if (alone === undefined) return `no series fits ${text}: each of its matchers has one, none has all.`;
  const values = sets.values(name, alone.label) ?? [];
  if (values.length === 1 && values[0] === "") return `${name} has no label ${alone.label}: ${text} takes none of its series.`;
  const shown = values.slice(0, SHOWN_MAX).join(", ") + (values.length > SHOWN_MAX ? " …" : "");
  return `no series fits ${text}: ${alone.label} of ${name} is ${shown}.`;
}

function noSuchSeries(name: string, text: string, sets: LabelSets): string {
  if (name === "") return `no series fits ${text}.`;
  if (name === "ALERTS") return "other alerts are not looked at here (ALERTS).";
  const hint = name.startsWith("hubble_") ? " Hubble counts what hubble.metrics.enabled lists." : "";
  const nearest = nearestName(name, sets.names());
  return `the run has no series ${name}.${hint}${nearest === undefined ? "" : ` Did you mean ${nearest}?`}`;
}

/** Aggregates on both sides of an operator whose labels differ by one that is never empty; null when there are none. */
export function unequalGroups(expr: string, sets: LabelSets): string | null {
  const tree = promQlTree(expr);
  if (tree === undefined) return null;
  for (const node of binaries(tree)) {
    const [left, right] = operands(node).map((side) => groupingOf(side, expr));
    if (left === undefined || right === undefined || node.getChild("MatchingModifierClause") !== null) continue;
    const names = selectorNames(node, expr);
    const extra = [...left, ...right].filter((label) => left.includes(label) !== right.includes(label));
    const certain = extra.some((label) => {
      return names.some((name) => (sets.values(name, label) ?? [""]).every((value) => value !== "") && sets.has(name));
    });
    if (certain) return unequalText(left, right);
  }
  return null;
}

/** Labels that an aggregate leaves; undefined for what is none, or says it the other way round. */
function groupingOf(node: SyntaxNode, expr: string): readonly string[] | undefined {
  if (node.name === "ParenExpr") return operands(node).map((inner) => groupingOf(inner, expr))[0];
  if (node.name !== "AggregateExpr" || /^(topk|bottomk|count_values|limitk|limit_ratio)$/.test(expr.slice(node.from, node.firstChild?.to))) return undefined;
  const modifier = node.getChild("AggregateModifier");
  if (modifier === null) return [];
  if (modifier.getChild("By") === null) return undefined;
  return modifier.getChild("GroupingLabels")?.getChildren("LabelName").map(({ from, to }) => expr.slice(from, to));
}

function selectorNames(node: SyntaxNode, expr: string): readonly string[] {
  if (node.name === "VectorSelector") return [selectorOf(node, expr).name];
  return operands(node).flatMap((child) => selectorNames(child, expr));
}

function unequalText(left: readonly string[], right: readonly string[]): string {
  const named = (labels: readonly string[]): string => (labels.length === 0 ? "none" : [...labels].sort().join(", "));
  return (
    `the two sides never have the same labels: ${named(left)} on the left, ${named(right)} on the right. ` +
    "Name the common ones with on (…), and the richer side with group_left () or group_right ()."
  );
}

/** Evaluates an expression over the run. */
export type Evaluate = (expr: string) => Promise<readonly RangeSeries[]>;

/** Two sides that both have samples at one moment and never meet; null when there are none. */
export async function unmatchedSides(expr: string, evaluate: Evaluate): Promise<string | null> {
  const tree = promQlTree(expr);
  if (tree === undefined) return null;
  for (const node of binaries(tree)) {
    const sides = operands(node);
    const [left, right] = sides.map((side) => expr.slice(side.from, side.to));
    if (left === undefined || right === undefined || sides.some(({ name }) => LITERALS.includes(name))) continue;
    const [leftSeries, rightSeries] = [await evaluate(left), await evaluate(right)];
    if (!atOnce(leftSeries, rightSeries)) continue;
    if ((await evaluate(withBool(node, expr))).length > 0) continue;
    return unequalText(labelNames(leftSeries), labelNames(rightSeries));
  }
  return null;
}

/** Operators between vectors that pair series, the innermost first. */
function binaries(node: SyntaxNode): readonly SyntaxNode[] {
  const inner = operands(node).flatMap(binaries);
  const pairs = node.name === "BinaryExpr" && !SET_OPERATORS.some((name) => node.getChild(name) !== null);
  return pairs ? [...inner, node] : inner;
}

function atOnce(left: readonly RangeSeries[], right: readonly RangeSeries[]): boolean {
  const moments = new Set(left.flatMap(({ samples }) => samples.map(([atS]) => atS)));
  return right.some(({ samples }) => samples.some(([atS]) => moments.has(atS)));
}

/** A comparison that keeps every pair, whatever it says. */
function withBool(node: SyntaxNode, expr: string): string {
  const operator = ["Eql", "EqlC", "Neq", "Gtr", "Gte", "Lss", "Lte"].map((name) => node.getChild(name)).find((child) => child !== null);
  if (operator === undefined || operator === null || node.getChild("BoolModifier") !== null) return expr.slice(node.from, node.to);
  return `${expr.slice(node.from, operator.to)} bool ${expr.slice(operator.to, node.to)}`;
}

function labelNames(series: readonly RangeSeries[]): readonly string[] {
  return [...new Set(series.flatMap(({ labels }) => Object.keys(labels).filter((name) => name !== "__name__")))];
}
