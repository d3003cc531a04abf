/**
 * What runs inside the page: ECharts from its package, and our own functions by their source text. They are written in
 * TypeScript like everything else and checked by the compiler; each stands alone, so that its text is a whole program.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { startPage } from "./client/behaviour.js";
import { makeChartParts } from "./client/chart-parts.js";
import { makeDistributionCharts } from "./client/distribution-charts.js";
import { makeNodeCharts } from "./client/node-charts.js";
import { makeSweepCharts } from "./client/sweep-charts.js";
import { makeTimeCharts } from "./client/time-charts.js";
import { makeWording } from "./client/wording.js";

/** Line and bar charts with marks, legends and both renderers; 0.7 MB. Its head carries its licence. */
const CHART_LIBRARY = "echarts/dist/echarts.common.min.js";

let library: string | undefined;

/** Source of the chart library, read once. */
export function chartLibrarySource(): string {
  library ??= inScript(readFileSync(createRequire(import.meta.url).resolve(CHART_LIBRARY), "utf8").trim());
  return library;
}

/** Counts errors for whoever tests the page. */
export const ERROR_COUNTER = `{
  const page = document.documentElement.dataset;
  page.errors = "0";
  addEventListener("error", () => (page.errors = String(Number(page.errors) + 1)));
}`;

/** What the programs of all pages begin with. */
function commonSource(): string {
  return `"use strict";
const makeWording = ${makeWording.toString()};
const makeChartParts = ${makeChartParts.toString()};
const startPage = ${startPage.toString()};
const wording = makeWording();
`;
}

/** The program of a run's page. */
export function pageSource(): string {
  return inScript(`${commonSource()}
const makeTimeCharts = ${makeTimeCharts.toString()};
const makeDistributionCharts = ${makeDistributionCharts.toString()};
const makeNodeCharts = ${makeNodeCharts.toString()};
function makeCharts(result, theme) {
  const source = { result, wording, theme, parts: makeChartParts(wording, theme) };
  const charts = { ...makeTimeCharts(source), ...makeDistributionCharts(source), ...makeNodeCharts(source) };
  return ({ chart, variant, index }, state) => charts[chart](result.variants[Number(variant ?? 0)], state, Number(index ?? 0));
}
startPage({ document, window, library: echarts, makeCharts });
`);
}

/** The program of a sweep's page. */
export function sweepPageSource(): string {
  return inScript(`${commonSource()}
const makeSweepCharts = ${makeSweepCharts.toString()};
function makeCharts(table, theme) {
  const draw = makeSweepCharts({ table, wording, parts: makeChartParts(wording, theme) });
  return (_chart, state) => draw(state);
}
startPage({ document, window, library: echarts, makeCharts });
`);
}

/** A script element ends at the first `</script`, wherever it stands. */
function inScript(source: string): string {
  return source.replace(/<\/(script)/gi, "<\\/$1").replace(/<!--/g, "<\\!--");
}
