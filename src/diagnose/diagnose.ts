/** `ctlab diagnose`: from files to the ranking of mechanisms. Reads nothing but the files it is given. */
import { formatCount } from "../core/units.js";
import { VERSION } from "../core/version.js";
import { DUMP_KIND_TEXT } from "../ingest/index.js";
import { DIAGNOSIS_SCHEMA_VERSION, type Certainty, type DiagnosisResult, type Evidence, type Measurement, type MissingEvidence, type RankedMechanism } from "../observe/diagnosis-result.js";
import { shareText } from "../report/wording.js";
import { configurationOf, type Configuration, type ConfigurationOptions } from "./configuration.js";
import type { Facts } from "./facts.js";
import { factsToJson } from "./facts-json.js";
import { factsOf, type Material } from "./gather.js";
import { HYPOTHESIS, type HypothesisId } from "./hypotheses.js";
import { QUESTIONS } from "./questions/index.js";
import { type FilesRead, type FileWanted, readFiles } from "./read-files.js";
import { ask, type Asked, decibans, expects, separation, type Weighed, weigh, weightOf } from "./weigh.js";

export interface DiagnoseOptions extends ConfigurationOptions {
  readonly files: readonly FileWanted[];
}

export interface DiagnoseAnswer {
  /** Null when files could not be read. */
  readonly result: DiagnosisResult | null;
  readonly problems: readonly string[];
}

/** Evidence that weighs less is left out, decibans. */
const WORTH_SAYING = 1;
/** What is missing and would weigh less is not asked for. */
const WORTH_MEASURING = 1.5;
const MISSING_MAX = 4;
/** Leads of the first over the second. */
const CLEAR = 10;
const LIKELY = 4;
/** Fewer answers are too little for anything. */
const ANSWERS_MIN = 3;
/** Below this share the first one is one of many. */
const SHARE_MIN = 0.35;
/** So much evidence of its own says that a mechanism is at work beside the first one. */
const BESIDE = 12;
/** From so many addresses, and so much of the map: a flood, or a scan. */
const FLOOD_SHARE = 0.4;
const FLOOD_ADDRESSES = 2000;

/** Throws an `InputError` about options and values. */
export async function diagnose(options: DiagnoseOptions): Promise<DiagnoseAnswer> {
  const read = await readFiles(options.files);
  if (read.problems.length > 0) return { result: null, problems: read.problems };
  const values = [...options.values, ...read.values];
  const configuration = configurationOf({ ...options, values }, read.material.status.at(-1));
  return { result: diagnosisOf(read, values, configuration), problems: [] };
}

function diagnosisOf({ files, passedOver, material }: FilesRead, values: readonly string[], configuration: Configuration): DiagnosisResult {
  const facts = factsOf(material, configuration);
  const asked = ask(QUESTIONS, facts);
  const weighed = weigh(asked);
  const ranking = weighed.map((each) => ranked(each, asked));
  const [first, second] = ranking;
  const certainty = certaintyOf(weighed, asked);
  const { cilium, kernel, cpus } = configuration.node;
  return {
    schemaVersion: DIAGNOSIS_SCHEMA_VERSION,
    ctlab: VERSION,
    files: [
      ...values.map((path) => ({ path, kind: DUMP_KIND_TEXT["helm-values"], content: valuesText(configuration), skipped: { count: 0, first: [] } })),
      ...files,
    ],
    passedOver,
    node: { cilium: cilium?.version ?? null, kernel: kernel?.version ?? null, cpus, unsaid: configuration.unsaid },
    verdict: { certainty, notTheMap: first!.notTheMap, headline: headline(certainty, first!, second!) },
    ranking,
    measurement: nextMeasurement(weighed[0]!.id, weighed[1]!.id, asked),
    remarks: remarksOf(facts, ranking, material),
    facts: factsToJson(facts),
  };
}

function valuesText({ sizesOfValues }: Configuration): string {
  return sizesOfValues === null ? "not used" : `sizes of ${formatCount(sizesOfValues)} maps`;
}

function ranked({ id, share }: Weighed, asked: readonly Asked[]): RankedMechanism {
  const { title, notTheMap, helps, noEffect } = HYPOTHESIS[id];
  const evidence = asked.flatMap<Evidence>(({ question, answer }) =>
    answer === null ? [] : [{ question: question.id, saw: answer.sentence, decibans: rounded(weightOf(question, answer.outcome, id)) }],
  );
  const heaviest = (list: readonly Evidence[]): readonly Evidence[] => [...list].sort((a, b) => Math.abs(b.decibans) - Math.abs(a.decibans));
  return {
    id,
    title,
    notTheMap,
    share,
    for: heaviest(evidence.filter((each) => each.decibans >= WORTH_SAYING)),
    against: heaviest(evidence.filter((each) => each.decibans <= -WORTH_SAYING)),
    missing: missingOf(id, asked),
    helps,
    noEffect,
  };
}

/** What would weigh most, on average over what the mechanism would show. */
function missingOf(id: HypothesisId, asked: readonly Asked[]): readonly MissingEvidence[] {
  return asked
    .filter(({ answer }) => answer === null)
    .map(({ question }) => {
      const weight = question.outcomes.reduce((sum, outcome) => sum + question.likelihood(outcome, id) * weightOf(question, outcome, id), 0);
      return { question: question.id, asks: question.asks, measure: question.measure, decibans: rounded(weight) };
    })
    .filter((each) => each.decibans >= WORTH_MEASURING)
    .sort((a, b) => b.decibans - a.decibans)
    .slice(0, MISSING_MAX);
}

function nextMeasurement(first: HypothesisId, second: HypothesisId, asked: readonly Asked[]): Measurement | null {
  const open = asked
    .filter(({ answer }) => answer === null)
    .map(({ question }) => ({ question, weight: separation(question, first, second) }))
    .sort((a, b) => b.weight - a.weight);
  const [best] = open;
  if (best === undefined || best.weight < WORTH_MEASURING) return null;
  const { question, weight } = best;
  return {
    question: question.id,
    asks: question.asks,
    measure: question.measure,
    decibans: rounded(weight),
    between: [first, second],
    expects: [expects(question, first, second), expects(question, second, first)],
  };
}

function certaintyOf(weighed: readonly Weighed[], asked: readonly Asked[]): Certainty {
  const answers = asked.filter(({ answer }) => answer !== null).length;
  const [first, second] = weighed;
  const lead = decibans(first!.share / second!.share);
  if (answers < ANSWERS_MIN || first!.share < SHARE_MIN) return "too little";
  if (lead >= CLEAR) return "clear";
  return lead >= LIKELY ? "likely" : "open";
}

function headline(certainty: Certainty, first: RankedMechanism, second: RankedMechanism): string {
  const named = nameOf(first);
  switch (certainty) {
    case "clear":
      return `${named}.`;
    case "likely":
      return `Most likely ${named}; next ${nameOf(second)}.`;
    case "open":
      return `Open between ${named} and ${nameOf(second)}.`;
    case "too little":
      return `Too little was read to tell; the likeliest so far is ${named}.`;
  }
}

function nameOf({ id, title, notTheMap }: RankedMechanism): string {
  return notTheMap ? `not the map: ${title}` : /^M\d/.test(id) ? `${id}, ${title}` : title;
}

function remarksOf({ conntrack, metrics }: Facts, ranking: readonly RankedMechanism[], { flows }: Material): readonly string[] {
  const remarks: string[] = [];
  const [first, ...others] = ranking;
  for (const other of others) {
    const weight = [...other.for, ...other.against].reduce((sum, each) => sum + each.decibans, 0);
    if (weight >= BESIDE && !other.notTheMap) remarks.push(`${nameOf(other)}: its marks are there as well, beside ${first!.id}.`);
  }
  if (conntrack !== null) {
    if (conntrack.composition.length > 0) remarks.push(`Conntrack holds ${conntrack.composition.join(", ")}.`);
    const { entries, addresses, of } = conntrack.synOnly;
    if (entries >= of * FLOOD_SHARE && addresses >= FLOOD_ADDRESSES) {
      remarks.push(`${shareText(entries / of)} of the TCP entries are SYNs and no more, from ${formatCount(addresses)} addresses: a flood or a scan. A prefilter keeps them out.`);
    }
    if (!conntrack.clockKnown && conntrack.entries > 0) remarks.push("The conntrack dump does not tell the time, so nothing is known of ages.");
  }
  if (metrics?.scrapes === 1) remarks.push("One scrape shows sums since the node's start; two tell what happens now.");
  if (flows !== null && flows.nodes > 1) {
    remarks.push(`The flows are of ${formatCount(flows.nodes)} nodes; a mechanism is one of a node (hubble observe --node-name).`);
  }
  if (flows?.onlyDrops === true) remarks.push("The flows are drops only: nothing is known of answers, resets and retransmissions.");
  return remarks;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
