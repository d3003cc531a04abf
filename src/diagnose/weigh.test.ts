import { describe, expect, it } from "vitest";
import { configurationOf } from "./configuration.js";
import { factsOf } from "./gather.js";
import { HYPOTHESES, HYPOTHESIS } from "./hypotheses.js";
import { question, UNKNOWN, VOID, type Question, type Reading } from "./question.js";
import { QUESTIONS } from "./questions/index.js";
import { ask, expects, separation, weigh, weightOf } from "./weigh.js";

const NO_FACTS = factsOf(
  { conntrack: [], nat: [], natRetries: [], status: [], metrics: [], flows: null },
  configurationOf({ values: [], cilium: undefined, kernel: undefined, node: undefined }, undefined),
);

const coin = question({
  id: "coin",
  asks: "Which side?",
  measure: "look",
  outcomes: ["heads", "tails"],
  table: { otherwise: [50, 50], M1: [90, 10], M2: [10, 90] },
  read: () => ({ outcome: "heads", sentence: "heads" }),
});
const asked = (outcome: string): Parameters<typeof weigh>[0][number] => ({ question: coin, answer: { outcome, sentence: "" } });

describe("weighing", () => {
  it("gives the priors when nothing is known, and they are all there is", () => {
    const weighed = weigh([{ question: coin, answer: null }]);
    for (const { id, share } of weighed) expect(share).toBeCloseTo(HYPOTHESIS[id].prior, 12);
    expect(HYPOTHESES.reduce((sum, id) => sum + HYPOTHESIS[id].prior, 0)).toBeCloseTo(1, 12);
  });

  it("is Bayes' rule", () => {
    // By hand: M1 has 0.1 × 0.9, M2 0.03 × 0.1, all others 0.87 × 0.5.
    const all = 0.1 * 0.9 + 0.03 * 0.1 + 0.87 * 0.5;
    const weighed = weigh([asked("heads")]);
    expect(weighed.find(({ id }) => id === "M1")!.share).toBeCloseTo((0.1 * 0.9) / all, 12);
    expect(weighed.find(({ id }) => id === "M2")!.share).toBeCloseTo((0.03 * 0.1) / all, 12);
    expect(weighed.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
  });

  it("says what an answer weighs, in decibans against all others", () => {
    // P(heads | not M1) = (0.03 × 0.1 + 0.87 × 0.5) / 0.9
    expect(weightOf(coin, "heads", "M1")).toBeCloseTo(10 * Math.log10(0.9 / ((0.03 * 0.1 + 0.87 * 0.5) / 0.9)), 9);
    expect(weightOf(coin, "tails", "M1")).toBeLessThan(-6);
  });

  it("finds what separates two", () => {
    expect(separation(coin, "M1", "M2")).toBeCloseTo(0.8 * 10 * Math.log10(9), 9);
    expect(separation(coin, "M3", "M4")).toBe(0);
    expect([expects(coin, "M1", "M2"), expects(coin, "M2", "M1")]).toEqual(["heads", "tails"]);
  });

  it("leaves out what makes no sense, and keeps what is not known", () => {
    const of = (reading: Reading<string>): Question => ({ ...coin, read: () => reading });
    expect(ask([of(VOID), of(UNKNOWN)], NO_FACTS)).toMatchObject([{ answer: null }]);
  });
});

describe("tables of questions", () => {
  it("refuse rows that are no distribution", () => {
    const spec = { id: "x", asks: "", measure: "", outcomes: ["a", "b"], read: (): typeof UNKNOWN => UNKNOWN } as const;
    expect(() => question({ ...spec, table: { otherwise: [50, 49] } })).toThrow("the row of otherwise");
    expect(() => question({ ...spec, table: { otherwise: [50, 50], M3: [100, 0] } })).toThrow("the row of M3");
    expect(() => question({ ...spec, table: { otherwise: [100] } })).toThrow("otherwise");
  });

  it("have names of their own, and each tells somebody from others", () => {
    expect(new Set(QUESTIONS.map(({ id }) => id)).size).toBe(QUESTIONS.length);
    for (const each of QUESTIONS) {
      const most = Math.max(...HYPOTHESES.flatMap((a) => HYPOTHESES.map((b) => separation(each, a, b))));
      expect(most, each.id).toBeGreaterThan(2);
    }
  });

  it("know nothing of a node of which nothing was read", () => {
    for (const { answer } of ask(QUESTIONS, NO_FACTS)) expect(answer).toBeNull();
  });
});
