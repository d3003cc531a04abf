/**
 * `report.html` of a sweep: which points hold, how a figure changes along the grid (chart with intervals, and a table shaded
 * by value), every point with its figures, and how to repeat it. Opens without network; the same table gives the same bytes.
 */
import type { SweepRow, SweepTable, SweptFigure } from "../../observe/sweep-result.js";
import { figureText } from "../figure-text.js";
import { idleLines } from "../sweep-table.js";
import { boundOf, gridArguments, linesOf, placeOf, pointVerdict, sweepHeadline, type PointVerdict } from "../sweep-verdict.js";
import { shareText } from "../wording.js";
import { commandBox, pageDocument, pageHeader } from "./document.js";
import { choice, figureOf } from "./figures.js";
import { html, type Html } from "./markup.js";
import { sweepPageSource } from "./scripts.js";
import { type Cell, table as tableOf, text } from "./table.js";

const CHART = "sweep-chart";
/** Of the table of all points; the others are in the chart, and in table.csv. */
const IN_TABLE = ["syn_latency_p99", "failed_share", "evictions_live", "fill_max", "drops", "inserts_refused", "map_memory"];
/** Figures that the chart may begin with: the first of them that differs between points. */
const FIRST = ["syn_latency_p99", "evictions_live", "drops", "failed_share", "inserts_refused", "fill_max"];
/** Figures whose means lie this close together at all points say nothing. */
const SAME_WITHIN = 0.01;
/** Of settings that move together, those that the table of points shows. */
const JOINED_SHOWN = 2;
/** Most of the accent colour in a shaded cell, percent: text stays readable on it. */
const SHADE_MAX = 38;
/** Figures that span more than this ratio are shaded by their logarithm. */
const LOG_FROM = 50;

export function sweepHtml(table: SweepTable): string {
  const { plan } = table;
  const runs = `${plan.runs.length} ${plan.runs.length === 1 ? "run" : "runs"} of each point`;
  const facts = [`${plan.points} points`, runs, `seed ${plan.seed}`, `intervals of ${shareText(table.confidence)}`];
  const links = [["verdict", "Verdict"], ["along", "Along the grid"], ["points", "Points"], ["repeat", "Repeat it"]] as const;
  return pageDocument({
    title: `${plan.scenario}, sweep`,
    ctlab: plan.ctlab,
    first: ["verdict", "verdict"],
    header: pageHeader("sweep", plan.scenario, `Every combination of ${plan.axes.map(({ paths }) => axisText(paths)).join(", and of ")}.`, facts, links),
    main: html`${verdictSection(table)}
${alongSection(table)}
${pointsSection(table)}
${repeatSection(table)}`,
    data: { name: `${plan.scenario}-sweep`, value: table },
    program: sweepPageSource(),
  });
}

/** Those that move together with the first in brackets. */
function axisText([first, ...joined]: readonly string[]): string {
  return joined.length === 0 ? first! : `${first!} (with it ${joined.join(", ")})`;
}

function badge({ outcome, text: told }: PointVerdict): Html {
  const [look, sign] = { good: ["met", "✓"], bad: ["missed", "✗"], mixed: ["inconclusive", "?"] }[outcome] as [string, string];
  return html`<span class="badge ${look}"><span aria-hidden="true">${sign} </span>${told}</span>`;
}

function verdictSection(table: SweepTable): Html {
  const { plan, rows } = table;
  const axis = plan.axes[0]!;
  const matrix = tableOf(
    `Verdict of every point by ${axis.paths[0]!}`,
    [{ title: axis.paths[0]! }, ...axis.values.map(([value]) => ({ title: value! }))],
    [...linesOf(plan, rows)].map(([others, members]) => [
      text(others === "" ? "verdict" : others),
      ...axis.values.map((_, place) => {
        const row = members.find((each) => placeOf(plan, each, 0) === place);
        return text(row === undefined ? "–" : badge(pointVerdict(row)));
      }),
    ]),
    false,
  );
  const bound = boundOf(table);
  const title = bound === null ? "" : `${bound.which === "smallest" ? "Smallest" : "Largest"} ${bound.path} that is good`;
  const found =
    bound !== null &&
    html`<h3 class="bound">${title}</h3>
${tableOf(
  title,
  [{ title: "with" }, { title: bound.path, numeric: true }],
  bound.lines.map(({ others, value, unsteady }) => [
    text(others === "" ? "everything as it is" : others),
    text(html`${value ?? "none of these"}${unsteady && html`<small>not every value beyond it: more runs would tell</small>`}`),
  ]),
)}`;
  return html`<section id="verdict" aria-labelledby="verdict-title"><h2 id="verdict-title">Verdict</h2>
<p class="headline">${sweepHeadline(table)}</p>${idleLines(table).map((line) => html`<p class="expected">${line}</p>`)}${matrix}${found}</section>`;
}

/** Figures that any point could state and that are not the same everywhere first; those that never change say nothing. */
function shownFigures({ rows }: SweepTable): readonly SweptFigure[] {
  const kinds = new Map(rows.flatMap(({ figures }) => figures.map((figure) => [figure.name, figure] as const)));
  const changes = (name: string): boolean => {
    const means = rows.flatMap((row) => figureIn(row, name)?.mean ?? []);
    const [least, most] = [Math.min(...means), Math.max(...means)];
    return most - least > most * SAME_WITHIN;
  };
  const order = (name: string): number => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  const moving = [...kinds.values()].filter(({ name }) => changes(name));
  return (moving.length > 0 ? moving : [...kinds.values()]).toSorted((a, b) => order(a.name) - order(b.name));
}

function figureIn({ figures }: SweepRow, name: string): SweptFigure | undefined {
  return figures.find((figure) => figure.name === name);
}

function alongSection(table: SweepTable): Html | undefined {
  const figures = shownFigures(table);
  const [first] = figures;
  const [axis] = table.plan.axes;
  if (first === undefined || axis === undefined) return undefined;
  const chart = figureOf({
    id: CHART,
    kind: "sweep",
    variant: 0,
    title: `Over ${axis.paths[0]!}`,
    note:
      `Means of ${table.plan.runs.length} runs, bars are intervals of ${shareText(table.confidence)}; the table below has the same figures. ` +
      `Figures that differ by less than ${shareText(SAME_WITHIN)} are left out.`,
    controls: choice(CHART, "Figure", figures.map(({ name, label }) => [name, label])),
  });
  const heats = figures.map(
    (figure) => html`<div data-beside="${CHART}" data-value="${figure.name}"><h3 class="heat-title">${figure.label}</h3>${heatTable(table, figure)}</div>
`,
  );
  return html`<section id="along" aria-labelledby="along-title"><h2 id="along-title">Along the grid</h2>
${chart}
${heats}</section>`;
}

/** Rows: everything but the first axis, whose values are the columns. */
function heatTable(table: SweepTable, { name, label }: SweptFigure): Html {
  const axis = table.plan.axes[0]!;
  const path = axis.paths[0]!;
  const shade = shadeOf(table.rows.map((row) => figureIn(row, name)?.mean ?? null));
  const rows = [...linesOf(table.plan, table.rows)].map(([others, members]) => [
    text(others === "" ? label : others),
    ...axis.values.map((_, place) => heatCell(members.find((row) => placeOf(table.plan, row, 0) === place), name, shade)),
  ]);
  const heads = axis.values.map(([value]) => ({ title: value!, numeric: true }));
  return html`<div class="heat">${tableOf(`${label} by ${path}`, [{ title: path }, ...heads], rows, false)}</div>`;
}

function heatCell(row: SweepRow | undefined, name: string, shade: (mean: number | null) => number): Cell {
  const figure = row === undefined ? undefined : figureIn(row, name);
  const mean = figure?.mean ?? null;
  return {
    show: html`<span class="shade" style="--shade:${shade(mean)}%">${figureCell(figure)}</span>`,
    ...(mean === null ? {} : { key: mean }),
  };
}

/** Percent of the accent colour for a mean: the least of all gets none, the most gets all of it. */
function shadeOf(means: readonly (number | null)[]): (mean: number | null) => number {
  const known = means.filter((mean) => mean !== null);
  const positive = known.filter((mean) => mean > 0);
  const most = known.reduce((highest, mean) => Math.max(highest, mean), 0);
  const least = positive.reduce((lowest, mean) => Math.min(lowest, mean), most);
  const isLog = least > 0 && most / least > LOG_FROM;
  const low = isLog ? Math.log(least) - 1 : known.reduce((lowest, mean) => Math.min(lowest, mean), most);
  const high = isLog ? Math.log(most) : most;
  return (mean) => {
    if (mean === null || high === low || (isLog && mean <= 0)) return 0;
    return Math.round(((isLog ? Math.log(mean) : mean) - low) * (SHADE_MAX / (high - low)));
  };
}

/** A mean with its interval below; nothing seen with what that allows. */
function figureCell(figure: SweptFigure | undefined): Html | string {
  if (figure === undefined) return "–";
  const { mean, low, high, unit } = figure;
  if (mean === null) return "too few";
  if (mean === 0 && high !== null && high > 0) return html`none<small>below ${figureText(high, unit)}</small>`;
  const shown = figureText(mean, unit);
  if (low === null || high === null) return shown;
  const [from, to] = [figureText(low, unit), figureText(high, unit)];
  return from === to ? shown : html`${shown}<small>${from} … ${to}</small>`;
}

function pointsSection(table: SweepTable): Html {
  const { plan, rows } = table;
  const withVariants = plan.variants.some((variant) => variant !== null);
  const paths = plan.axes.flatMap((axis, at) =>
    axis.paths.slice(0, JOINED_SHOWN).map((path, nth) => ({ path, at, value: (place: number) => axis.values[place]![nth]! })),
  );
  const names = IN_TABLE.filter((name) => rows.some((row) => figureIn(row, name) !== undefined));
  const labels = names.map((name) => rows.map((row) => figureIn(row, name)).find((figure) => figure !== undefined)!.label);
  const heads = [
    { title: "point", numeric: true },
    ...(withVariants ? [{ title: "variant" }] : []),
    ...paths.map(({ path }) => ({ title: path.split(".").at(-1)!, numeric: true })),
    { title: "verdict" },
    ...labels.map((title) => ({ title, numeric: true })),
  ];
  const cells = rows.map((row) => [
    { show: String(row.point), key: row.point },
    ...(withVariants ? [text(row.variant ?? "")] : []),
    ...paths.map(({ at, value }) => ({ show: value(placeOf(plan, row, at)), key: placeOf(plan, row, at) })),
    text(badge(pointVerdict(row))),
    ...names.map((name): Cell => {
      const figure = figureIn(row, name);
      return { show: figureCell(figure), key: figure?.mean ?? -1 };
    }),
  ]);
  return html`<section id="points" aria-labelledby="points-title"><h2 id="points-title">Every point</h2>
${tableOf("Every point with its verdict and figures", heads, cells)}</section>`;
}

function repeatSection({ plan, schemaVersion }: SweepTable): Html {
  const options = [
    ...gridArguments(plan).map((grid) => `--grid '${grid}'`),
    `--runs ${plan.runs.length}`,
    `--seed '${plan.seed}'`,
    ...(plan.runs[0] === 0 ? [] : [`--run ${plan.runs[0]!}`]),
  ];
  return html`<section id="repeat" class="repeat" aria-labelledby="repeat-title"><h2 id="repeat-title">How to repeat it</h2>
${commandBox(`ctlab sweep ${plan.scenario}.yaml ${options.join(" ")}`)}
<p>With the scenario's file in place of ${plan.scenario}.yaml, and the --variant and --set options of the first time, if there were any: ctlab
tells by the hash <span class="hash">${plan.hash}</span> whether it is the same sweep. The same version then gives the same bytes on any machine,
in one process or in shards.</p>
<p>The table lies in this file as JSON, in the element <code>script#ctlab-result</code>, in the form of table.json (schema ${schemaVersion}); beside
this file, as table.csv and table.parquet.</p></section>`;
}
