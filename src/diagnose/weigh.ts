/**
 * Weighs hypotheses by the answers: Bayes' rule over the tables of the questions, as if answers were independent. They are
 * not quite, so shares come out too sure of themselves; the order is what counts.
 */
import { portableExp, portableLog } from "../core/portable-math.js";
import type { Facts } from "./facts.js";
import { HYPOTHESES, HYPOTHESIS, type HypothesisId } from "./hypotheses.js";
import { UNKNOWN, VOID, type Answer, type Question } from "./question.js";

/** A question and what came of it. */
export interface Asked {
  readonly question: Question;
  /** Null: unknown. */
  readonly answer: Answer | null;
}

export interface Weighed {
  readonly id: HypothesisId;
  /** Of all together 1. */
  readonly share: number;
}

/** Asks everything; questions that make no sense here are left out. */
export function ask(questions: readonly Question[], facts: Facts): readonly Asked[] {
  return questions.flatMap((question) => {
    const reading = question.read(facts);
    if (reading === VOID) return [];
    return [{ question, answer: reading === UNKNOWN ? null : reading }];
  });
}

/** Most likely first; equal ones in the order of the list. */
export function weigh(asked: readonly Asked[]): readonly Weighed[] {
  const logs = HYPOTHESES.map((id) => {
    const likelihoods = asked.map(({ question, answer }) => (answer === null ? 1 : question.likelihood(answer.outcome, id)));
    return likelihoods.reduce((sum, likelihood) => sum + portableLog(likelihood), portableLog(HYPOTHESIS[id].prior));
  });
  const highest = Math.max(...logs);
  const weights = logs.map((log) => portableExp(log - highest));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return HYPOTHESES.map((id, i) => ({ id, share: weights[i]! / all })).sort((a, b) => b.share - a.share);
}

/** Ten times the decimal logarithm. */
export function decibans(ratio: number): number {
  return (10 * portableLog(ratio)) / LN_10;
}

const LN_10 = portableLog(10);

/** How much an outcome speaks for a hypothesis, against all others by their priors. */
export function weightOf(question: Question, outcome: string, id: HypothesisId): number {
  let [sum, weights] = [0, 0];
  for (const other of HYPOTHESES) {
    if (other === id) continue;
    const { prior } = HYPOTHESIS[other];
    sum += prior * question.likelihood(outcome, other);
    weights += prior;
  }
  return decibans(question.likelihood(outcome, id) / (sum / weights));
}

/** What an answer would weigh on average, whichever of the two is what is going on: half of Jeffreys' divergence. */
export function separation(question: Question, a: HypothesisId, b: HypothesisId): number {
  const sum = question.outcomes.reduce((total, outcome) => {
    const [p, q] = [question.likelihood(outcome, a), question.likelihood(outcome, b)];
    return total + (p - q) * decibans(p / q);
  }, 0);
  return sum / 2;
}

/** The outcome that a hypothesis would have rather than the other one. */
export function expects(question: Question, id: HypothesisId, other: HypothesisId): string {
  return question.outcomes.reduce((best, outcome) => {
    const lead = (each: string): number => question.likelihood(each, id) - question.likelihood(each, other);
    return lead(outcome) > lead(best) ? outcome : best;
  });
}
