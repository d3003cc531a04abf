/** The answer: headline, findings, what it rests on, and whether expectations were met. */
import type { ExpectationResult, Verdict } from "../../observe/result.js";
import { outcomeOf, outcomeText } from "../wording.js";
import { html, type Html } from "./markup.js";

/** A word with a colour and a sign, so that neither stands alone. */
export function badge(expectations: readonly ExpectationResult[]): Html {
  const outcome = outcomeOf(expectations);
  return html`<span class="badge ${outcome}">${signOf(outcome)}${outcomeText(expectations)}</span>`;
}

export function outcomeBadge(outcome: ExpectationResult["outcome"]): Html {
  return html`<span class="badge ${outcome}">${signOf(outcome)}${outcome}</span>`;
}

function signOf(outcome: string): Html {
  const sign = { met: "✓", missed: "✗", inconclusive: "?" }[outcome];
  return sign === undefined ? html`` : html`<span aria-hidden="true">${sign} </span>`;
}

export function findingsList(verdict: Verdict): Html | undefined {
  if (verdict.findings.length === 0) return undefined;
  return html`<dl class="findings">${verdict.findings.map(({ label, text }) => html`<div><dt>${label}</dt><dd>${text}</dd></div>`)}</dl>`;
}

export function assumptionsList(verdict: Verdict): Html | undefined {
  if (verdict.assumptions.length === 0) return undefined;
  return html`<div class="rests"><h3>What this rests on</h3><ul>${verdict.assumptions.map((text) => html`<li>${text}</li>`)}</ul></div>`;
}
