/** `ctlab diagnose` in words, at most 80 columns. */
import pc from "picocolors";
import { formatCount } from "../core/units.js";
import type { DiagnosisResult, Evidence, Measurement, MissingEvidence, RankedMechanism } from "../observe/diagnosis-result.js";
import { type Column, pad, plainTable, wrap } from "./text-layout.js";
import { shareText } from "./wording.js";

const WIDTH = 80;
/** Rows of the ranking; those with less are told by their number. */
const RANKED_MAX = 5;
const WORTH_SHOWING = 0.001;
/** Pieces of evidence for one mechanism; JSON has all. */
const EVIDENCE_MAX = 8;
const WEIGHT_WIDTH = 7;
/** `0.255 %`, `>99.9 %`. */
const SHARE_WIDTH = 7;

/** Text with a final newline. */
export function diagnoseText(result: DiagnosisResult, color: boolean): string {
  const colors = pc.createColors(color);
  const { verdict, ranking, measurement, remarks } = result;
  const [first, second] = ranking;
  const mark = verdict.certainty === "too little" || verdict.certainty === "open" ? colors.yellow : colors.bold;
  return `${[
    ...filesOf(result).map(colors.dim),
    "",
    ...wrap(verdict.headline, WIDTH).map(mark),
    "",
    ...rankingOf(ranking),
    "",
    ...section(colors.bold, `For ${first!.id}`, evidenceLines(first!.for)),
    ...section(colors.bold, `Against ${first!.id}`, evidenceLines(first!.against)),
    ...section(colors.bold, "Missing", missingLines(first!.missing)),
    ...section(colors.bold, `For ${second!.id}, the second`, evidenceLines(second!.for)),
    ...section(colors.bold, "Measure next", measurementLines(measurement, verdict.certainty === "clear")),
    ...section(colors.bold, "What to turn", [
      ...wrap(`${first!.helps}.`, WIDTH, "  helps      ", "             "),
      ...wrap(`${first!.noEffect}.`, WIDTH, "  no effect  ", "             "),
    ]),
    ...section(colors.bold, "Besides", remarks.flatMap((each) => wrap(each, WIDTH, "  "))),
    ...wrap(NOTE, WIDTH).map(colors.dim),
  ].join("\n")}\n`;
}

const NOTE =
  "Weights are decibans, ten times the logarithm of how much likelier an observation is with the mechanism than without. " +
  "Shares are a weighing of judgements, no probabilities.";

function filesOf({ files, passedOver, node }: DiagnosisResult): readonly string[] {
  const known = [
    ...(node.cilium === null ? [] : [`Cilium ${node.cilium}`]),
    ...(node.kernel === null ? [] : [`kernel ${node.kernel}`]),
    ...(node.cpus === null ? [] : [`${formatCount(node.cpus)} CPUs`]),
  ];
  return [
    ...files.flatMap(({ path, kind, content, skipped }) => {
      const lost = skipped.count === 0 ? "" : `; ${formatCount(skipped.count)} line${skipped.count === 1 ? "" : "s"} skipped (line ${skipped.first[0]!.line}: ${skipped.first[0]!.reason})`;
      return wrap(`${path}: ${kind}${content === "" ? "" : `, ${content}`}${lost}`, WIDTH, "", "  ");
    }),
    ...passedOver.flatMap(({ path, reason }) => wrap(`${path}: passed over, ${reason}`, WIDTH, "", "  ")),
    ...(known.length === 0 ? [] : [known.join(" · ")]),
    ...node.unsaid.flatMap((sentence) => wrap(sentence, WIDTH)),
  ];
}

function rankingOf(ranking: readonly RankedMechanism[]): readonly string[] {
  const shown = ranking.slice(0, RANKED_MAX).filter(({ share }, i) => i < 2 || share >= WORTH_SHOWING);
  const columns: readonly Column[] = [
    { title: "share", align: "right" },
    { title: "", align: "left" },
    { title: "mechanism", align: "left" },
  ];
  const room = WIDTH - SHARE_WIDTH - 4 - Math.max(...shown.map(({ id }) => id.length));
  const rows = shown.flatMap(({ id, share, title, notTheMap }) => {
    const percent = share < WORTH_SHOWING ? "<0.1 %" : share > 1 - WORTH_SHOWING ? ">99.9 %" : shareText(Number(share.toPrecision(3)));
    return wrap(notTheMap ? `not the map: ${title}` : title, room).map((line, i) => (i === 0 ? [percent, id, line] : ["", "", line]));
  });
  return plainTable(columns, rows);
}

function section(bold: (text: string) => string, title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [bold(title), ...lines, ""];
}

function evidenceLines(evidence: readonly Evidence[]): readonly string[] {
  const shown = evidence.slice(0, EVIDENCE_MAX);
  const rest = evidence.length - shown.length;
  return [
    ...shown.flatMap(({ saw, decibans }) => weighedLine(decibans, saw)),
    ...(rest === 0 ? [] : [`${" ".repeat(WEIGHT_WIDTH)}  and ${formatCount(rest)} that weigh less`]),
  ];
}

function weighedLine(decibans: number, text: string): readonly string[] {
  const weight = `${decibans > 0 ? "+" : ""}${decibans.toFixed(1)}`;
  return wrap(text, WIDTH, `${pad(weight, WEIGHT_WIDTH, "right")}  `, " ".repeat(WEIGHT_WIDTH + 2));
}

function missingLines(missing: readonly MissingEvidence[]): readonly string[] {
  return missing.flatMap(({ asks, decibans }) => wrap(asks, WIDTH, `${pad(`±${decibans.toFixed(1)}`, WEIGHT_WIDTH, "right")}  `, " ".repeat(WEIGHT_WIDTH + 2)));
}

function measurementLines(measurement: Measurement | null, isClear: boolean): readonly string[] {
  if (measurement === null) return isClear ? [] : wrap("Every question that would tell the first two apart is answered.", WIDTH, "  ");
  const { asks, measure, between, expects, decibans } = measurement;
  return [
    ...wrap(`${asks} (${between[0]}: ${expects[0]}; ${between[1]}: ${expects[1]}; about ${decibans.toFixed(1)} decibans)`, WIDTH, "  "),
    ...wrap(measure, WIDTH, "    "),
  ];
}
