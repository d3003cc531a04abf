/** Explanations for people to read. */
import { formatCount, formatDuration, NS_PER_S } from "../../core/units.js";
import { plainTable, wrap } from "../../report/text-layout.js";
import type { ExplainResult, Explanation } from "../explain.js";
import type { RecordedConnection } from "../recorded-files.js";
import type { Chosen } from "./choose.js";
import { capital } from "./story.js";

const WIDTH = 110;
/** Rows of the list of noted connections, for each variant. */
const LISTED = 12;
/** Microseconds are what people compare with other logs. */
const SECOND_DIGITS = 6;

/** Text with a final newline. */
export function explainText({ run, noted, explanations }: ExplainResult): string {
  if (noted !== null) return notedText(run.dir, noted);
  if (explanations.length === 0) return "The run noted no such connection.\n";
  return explanations.map(explanationText).join("\n");
}

function explanationText({ request, variant, noted, connection, missing, cause, beats, trace }: Explanation): string {
  const where = variant === null ? "" : `, variant ${variant}`;
  if (connection === null) return `${request}${where}: ${missing}.\n`;
  const { workload, nth, protocol, tuple, client, server } = connection;
  const ends = [client, server].map((name) => (name === "" ? "outside" : name)).join(" to ");
  const lines = [
    `${workload}:${nth}${where}: ${protocol} ${tuple === "" ? "without a port" : tuple.replace("->", " > ")}, ${ends}`,
    ...(noted === null ? [] : wrap(`${capital(notedWords(noted))}.`, WIDTH)),
    "",
    ...wrap(`Why: ${cause!.mechanism === null ? "" : `${cause!.mechanism}, `}${cause!.title}.`, WIDTH, "", "     "),
    ...cause!.evidence.flatMap((sentence) => wrap(sentence, WIDTH, "     ")),
    "",
  ];
  let before = beats[0]!.timeNs;
  for (const { timeNs, text } of beats) {
    const since = timeNs === before ? "" : `+${formatDuration(timeNs - before)}`;
    lines.push(...wrap(text, WIDTH, `${secondsText(timeNs).padStart(13)} ${since.padStart(9)}  `, " ".repeat(25)));
    before = timeNs;
  }
  if (trace.omitted > 0) lines.push(`(${formatCount(trace.omitted)} records of its middle were not kept)`);
  return `${lines.join("\n")}\n`;
}

function notedText(dir: string, noted: readonly Chosen[]): string {
  if (noted.length === 0) return "The run noted no connections: none was opened after the warm-up.\n";
  const variants = [...new Set(noted.map(({ variant }) => variant))];
  const parts = variants.map((variant) => {
    const own = noted.filter((each) => each.variant === variant);
    const shown = [...own.filter(({ noted: each }) => each!.kind === "dropped"), ...own.filter(({ noted: each }) => each!.kind !== "dropped")].slice(0, LISTED);
    const rows = shown.map(({ request, noted: each }) => [request.text, each!.tuple.replace("->", ">"), secondsText(each!.atNs), notedWords(each!)]);
    const columns = ["connection", "address", "at", "what happened"].map((title) => ({ title, align: title === "at" ? "right" : "left" }) as const);
    const more = own.length > shown.length ? [`… and ${formatCount(own.length - shown.length)} more`] : [];
    return [...(variant.name === null ? [] : [`variant ${variant.name}`]), ...plainTable(columns, rows), ...more].join("\n");
  });
  return `${parts.join("\n\n")}\n\nctlab explain ${dir} --conn CONNECTION tells the story of one.\n`;
}

function notedWords({ kind, spanNs, drop }: RecordedConnection): string {
  const span = formatDuration(spanNs);
  switch (kind) {
    case "failed":
      return `came to nothing after ${span}`;
    case "broken":
      return `broke after ${span}`;
    case "slow-connect":
      return `connected after ${span}`;
    case "slow-answer":
      return `waited ${span} for an answer`;
    case "dropped":
      return `lost a packet: ${drop!.reason} (${drop!.code}${drop!.errno === null ? "" : `, ${drop!.errno}`})`;
  }
}

function secondsText(ns: number): string {
  return `${(ns / NS_PER_S).toFixed(SECOND_DIGITS)} s`;
}
