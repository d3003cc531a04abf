/** PromQL as Prometheus' own grammar reads it (`@prometheus-io/lezer-promql`). Nothing here evaluates. */
import type { SyntaxNode } from "@lezer/common";
import { parser } from "@prometheus-io/lezer-promql";

/** A label matcher: `map_name=~"ct.*"`. */
export interface LabelMatcher {
  readonly label: string;
  readonly operator: "=" | "!=" | "=~" | "!~";
  readonly value: string;
}

/** `name{matchers}`; the name is empty when only matchers stand there. */
export interface Selector {
  readonly name: string;
  readonly matchers: readonly LabelMatcher[];
}

/** Where an expression can't be read; undefined when it can. */
export function promQlMistake(expression: string): { readonly at: number; readonly near: string } | undefined {
  if (expression.trim() === "") return { at: 0, near: "" };
  let at: number | undefined;
  parser.parse(expression).iterate({
    enter: (node) => {
      if (node.type.isError) at ??= node.from;
    },
  });
  return at === undefined ? undefined : { at, near: expression.slice(Math.max(0, at - NEAR), at + NEAR).trim() };
}

/** Characters shown before and behind a mistake. */
const NEAR = 20;

/** The outermost expression; undefined when it can't be read. */
export function promQlTree(expression: string): SyntaxNode | undefined {
  return promQlMistake(expression) === undefined ? (parser.parse(expression).topNode.firstChild ?? undefined) : undefined;
}

/** What a node of the kind `VectorSelector` selects. */
export function selectorOf(node: SyntaxNode, expression: string): Selector {
  const textOf = (part: SyntaxNode): string => expression.slice(part.from, part.to);
  const matchers: LabelMatcher[] = [];
  let name = "";
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (child.name === "Identifier") name = textOf(child);
    if (child.name !== "LabelMatchers") continue;
    for (let each = child.firstChild; each !== null; each = each.nextSibling) {
      const [label, operator, value] = [each.firstChild, each.getChild("MatchOp"), each.getChild("StringLiteral")];
      if (label === null || operator === null || value === null) continue;
      matchers.push({ label: unquoted(textOf(label)), operator: textOf(operator) as LabelMatcher["operator"], value: unquoted(textOf(value)) });
    }
  }
  const named = matchers.find(({ label, operator }) => label === "__name__" && operator === "=");
  return { name: name === "" ? (named?.value ?? "") : name, matchers: matchers.filter((each) => each !== named) };
}

/** A string in double, single or back quotes. */
function unquoted(text: string): string {
  const quote = text[0];
  if (quote === "`") return text.slice(1, -1);
  if (quote !== '"' && quote !== "'") return text;
  return text.slice(1, -1).replace(/\\(.)/g, (_, mark: string) => ({ n: "\n", t: "\t" })[mark] ?? mark);
}
