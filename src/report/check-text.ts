/** `ctlab check` in words: for a terminal, and as a summary in Markdown for the page of a change. */
import pc from "picocolors";
import type { CheckedVariant, CheckResult } from "../observe/check-result.js";
import { type Column, markdownTable, wrap } from "./text-layout.js";
import { outcomeOf, outcomeText, type Outcome } from "./wording.js";

const WIDTH = 80;
const INDENT = "  ";
const SIGN: Readonly<Record<Outcome, string>> = { met: "✓", missed: "✗", inconclusive: "?", none: "–" };
const WORD: Readonly<Record<Outcome, string>> = { met: "holds", missed: "does not hold", inconclusive: "undecided", none: "expects nothing" };

/** Missed before inconclusive: one missed expectation decides. Nothing that could be checked is inconclusive too. */
export function checkOutcome({ variants }: CheckResult): Exclude<Outcome, "none"> {
  const outcome = outcomeOf(variants.flatMap(({ expectations }) => expectations));
  return outcome === "none" ? "inconclusive" : outcome;
}

/** Text with a final newline. */
export function checkText(result: CheckResult, color: boolean): string {
  const colors = pc.createColors(color);
  const paint = (outcome: Outcome): ((text: string) => string) =>
    outcome === "missed" ? colors.red : outcome === "met" ? colors.green : colors.yellow;
  const lines = result.variants.flatMap((variant) => {
    const outcome = outcomeOf(variant.expectations);
    const open = variant.expectations.filter((each) => each.outcome !== "met");
    return [
      `${paint(outcome)(SIGN[outcome])} ${nameOf(variant)}: ${outcomeText(variant.expectations)}`,
      ...open.flatMap(({ text, actual, outcome: how, file, line }) =>
        wrap(`${how}: ${text}, measured ${actual} (${file}:${line})`, WIDTH, INDENT, `${INDENT}${INDENT}`).map(paint(how)),
      ),
      ...(outcome === "missed" ? wrap(variant.headline, WIDTH, INDENT).map(colors.dim) : []),
    ];
  });
  return `${[...lines, ...(lines.length > 0 ? [""] : []), ...wrap(closing(result), WIDTH).map(colors.bold)].join("\n")}\n`;
}

/** What a step of a pipeline shows, with a final newline. */
export function checkMarkdown(result: CheckResult): string {
  const columns: Column[] = ["scenario", "variant", "outcome", "expectation", "measured"].map((title) => ({ title, align: "left" }));
  const rows = result.variants.flatMap((variant) => {
    const open = variant.expectations.filter(({ outcome }) => outcome !== "met");
    const start = [variant.scenario, variant.name ?? ""];
    if (open.length === 0) return [[...start, outcomeText(variant.expectations), "", ""]];
    return open.map(({ outcome, text, actual }) => [...start, outcome, `\`${text}\``, actual]);
  });
  return [`## ctlab check`, "", `**${closing(result)}**`, "", ...markdownTable(columns, rows), ""].join("\n");
}

function closing(result: CheckResult): string {
  const { variants } = result;
  const of = (wanted: Outcome): number => variants.filter(({ expectations }) => outcomeOf(expectations) === wanted).length;
  const parts = (["met", "missed", "inconclusive", "none"] as const).flatMap((outcome) => (of(outcome) === 0 ? [] : [`${of(outcome)} ${WORD[outcome]}`]));
  const partial = result.partial ? " Interrupted: others were not simulated to their end." : "";
  return `${variants.length} ${variants.length === 1 ? "variant" : "variants"}: ${parts.length === 0 ? "none finished" : parts.join(", ")}.${partial}`;
}

function nameOf({ scenario, name }: CheckedVariant): string {
  return name === null ? scenario : `${scenario} ${name}`;
}
