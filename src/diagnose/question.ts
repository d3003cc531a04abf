/**
 * A question to the facts: a few possible answers, and how likely each is if a hypothesis is what is going on. The tables
 * are in per cent; who is not named has the row `otherwise`. They are judgements, stated so that one can argue with them.
 */
import type { Facts } from "./facts.js";
import { HYPOTHESES, type HypothesisId } from "./hypotheses.js";

export interface Answer<Outcome extends string = string> {
  readonly outcome: Outcome;
  /** What was seen, with numbers. */
  readonly sentence: string;
}

/** `unknown`: nobody said. `void`: the question makes no sense here, as with the time of what did not happen. */
export const UNKNOWN = "unknown" as const;
export const VOID = "void" as const;
export type Reading<Outcome extends string> = Answer<Outcome> | typeof UNKNOWN | typeof VOID;

export interface QuestionSpec<Outcome extends string> {
  readonly id: string;
  readonly asks: string;
  /** How to find out. */
  readonly measure: string;
  readonly outcomes: readonly Outcome[];
  /** Per cent for each outcome. */
  readonly table: { readonly otherwise: readonly number[] } & { readonly [id in HypothesisId]?: readonly number[] };
  readonly read: (facts: Facts) => Reading<Outcome>;
}

export interface Question {
  readonly id: string;
  readonly asks: string;
  readonly measure: string;
  readonly outcomes: readonly string[];
  readonly read: (facts: Facts) => Reading<string>;
  /** 0 … 1, never 0. */
  likelihood(outcome: string, hypothesis: HypothesisId): number;
}

const PER_CENT = 100;
/** Rows may miss 100 by rounding. */
const SUM_SLACK = 1e-6;

/** Throws when a row of the table is no distribution over the outcomes. */
export function question<Outcome extends string>({ table, ...rest }: QuestionSpec<Outcome>): Question {
  for (const [hypothesis, row] of Object.entries(table)) {
    const sum = row.reduce((a, b) => a + b, 0);
    const fine = row.length === rest.outcomes.length && Math.abs(sum - PER_CENT) < SUM_SLACK && row.every((value) => value > 0);
    if (!fine) throw new Error(`question ${rest.id}: the row of ${hypothesis} is no distribution: ${row.join(" ")}`);
  }
  const rows = new Map<HypothesisId, readonly number[]>(HYPOTHESES.map((id) => [id, table[id] ?? table.otherwise]));
  return {
    ...rest,
    likelihood: (outcome, hypothesis) => rows.get(hypothesis)![rest.outcomes.indexOf(outcome as Outcome)]! / PER_CENT,
  };
}
