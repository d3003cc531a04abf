/**
 * The library of incidents as an operator sees it: what is named first. The facts are those that scripts/diagnose-trial.mjs took from
 * dumps, scrapes and flows of whole runs; it makes the file anew.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Facts } from "./facts.js";
import { factsFromJson, factsToJson, type FactsJson } from "./facts-json.js";
import { HYPOTHESIS } from "./hypotheses.js";
import { QUESTIONS } from "./questions/index.js";
import { ask, type Asked, weigh } from "./weigh.js";

interface Case {
  readonly name: string;
  readonly expected: string;
  readonly facts: Facts;
}

const FILE = new URL("../../test/fixtures/diagnose/facts.json.gz", import.meta.url);
const recorded = JSON.parse(gunzipSync(readFileSync(FILE)).toString()) as Readonly<Record<string, { readonly expected: string; readonly facts: FactsJson }>>;
const cases: readonly Case[] = Object.entries(recorded).map(([name, { expected, facts }]) => ({ name, expected, facts: factsFromJson(facts) }));
/** Where a mechanism is left to find, which in two of the remedies is so. */
const failing = cases.filter(({ expected }) => expected !== "nothing");
const healthy = cases.filter(({ expected }) => expected === "nothing");
/** The one scenario beyond the seventeen. */
const BEYOND = "hubble-flow-loss";
const REMEDIES_WITH_REST = ["snat-port-exhaustion eight-remotes", "gc-family-starvation release-1-19"];

const first = (facts: Facts): string => weigh(ask(QUESTIONS, facts))[0]!.id;

describe("the library as an operator sees it", () => {
  const seventeen = failing.filter(({ name }) => !name.startsWith(BEYOND) && !REMEDIES_WITH_REST.includes(name));

  it("has all seventeen", () => {
    expect(seventeen).toHaveLength(17);
    expect(healthy).toHaveLength(16);
  });

  it.each(failing.map((each) => [each.name, each] as const))("%s", (_name, { expected, facts }) => {
    expect(first(facts)).toBe(expected);
  });

  it("says that it is not the map where it is not, and of no other", () => {
    for (const { expected, facts } of seventeen) {
      const id = first(facts) as keyof typeof HYPOTHESIS;
      expect(HYPOTHESIS[id].notTheMap).toBe(["policy", "backend", "peer"].includes(expected));
    }
  });

  it("accuses no mechanism where the remedy is in place", () => {
    for (const { name, facts } of healthy) expect(HYPOTHESIS[first(facts) as keyof typeof HYPOTHESIS].notTheMap, name).toBe(true);
  });

  it("names most of them from metrics and flows alone, and some from either", () => {
    const right = (...kept: Parameters<typeof withOnly>[1][]): number =>
      seventeen.filter(({ expected, facts }) => first(withOnly(facts, ...kept)) === expected).length;
    expect(right("metrics", "flows")).toBeGreaterThanOrEqual(14);
    expect(right("metrics")).toBeGreaterThanOrEqual(9);
    expect(right("flows")).toBeGreaterThanOrEqual(8);
  });

  it("does not hang on a single question", () => {
    // Each answer is taken away once: the one that was named stays among the first two, but for what has only one mark.
    const lost = seventeen.flatMap(({ name, expected, facts }) => {
      const asked = ask(QUESTIONS, facts);
      const without = asked.filter((each) => each.answer !== null && rankOf(expected, asked.filter((other) => other !== each)) > 1);
      return without.map(({ question }) => `${name}: ${question.id}`);
    });
    expect(lost).toEqual([
      "sticky-service fixed-ports: new backends",
      "dns-fills-any-map ndots-5: conntrack fill",
      "maglev-backend-churn random: conntrack fill",
      "multi-tenant-deny separated: denied",
    ]);
  });

  it("keeps all of it in JSON", () => {
    for (const { facts } of cases) expect(factsFromJson(JSON.parse(JSON.stringify(factsToJson(facts))) as FactsJson)).toEqual(facts);
  });
});

function withOnly(facts: Facts, ...kept: readonly ("metrics" | "flows" | "conntrack" | "nat")[]): Facts {
  const maps = kept.includes("metrics") ? facts.maps : new Map();
  const of = <Key extends keyof Facts>(key: Key, source: (typeof kept)[number]): Facts[Key] | null => (kept.includes(source) ? facts[key] : null);
  return {
    ...facts,
    maps,
    metrics: of("metrics", "metrics"),
    flows: of("flows", "flows"),
    conntrack: of("conntrack", "conntrack"),
    survival: of("survival", "conntrack"),
    nat: of("nat", "nat"),
    natRetries: of("natRetries", "nat"),
    orphans: kept.includes("conntrack") ? of("orphans", "nat") : null,
  };
}

function rankOf(id: string, asked: readonly Asked[]): number {
  return weigh(asked).findIndex((each) => each.id === id);
}
