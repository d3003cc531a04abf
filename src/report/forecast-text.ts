/** `ctlab forecast` in words, at most 80 columns. */
import pc from "picocolors";
import { portableLog } from "../core/portable-math.js";
import { formatCount } from "../core/units.js";
import type { ForecastResult, MechanismForecast } from "../observe/forecast-result.js";
import { type Column, plainTable, wrap } from "./text-layout.js";
import { ratioText, shareText } from "./wording.js";

const WIDTH = 80;
/** Loads that fit into a line. */
const LOADS_SHOWN = 6;
/** Maps that never reach this pressure are left out. */
const WORTH_SHOWING = 0.01;

/** Text with a final newline. */
export function forecastText(result: ForecastResult, color: boolean): string {
  const colors = pc.createColors(color);
  const { scenario, profile, seed, runs, growth, loads, mechanisms, maps, partial } = result;
  const name = scenario.variant === null ? scenario.name : `${scenario.name} ${scenario.variant}`;
  const right = (title: string): Column => ({ title, align: "right" });
  const shown = shownLoads(result);
  const columns: Column[] = [{ title: "map", align: "left" }, right("size"), ...shown.map((i) => right(`×${loads[i]!}`))];
  const rows = maps
    .filter(({ maxEntries, peaks }) => Math.max(...peaks) >= maxEntries * WORTH_SHOWING)
    .map(({ map, maxEntries, peaks }) => [map, formatCount(maxEntries), ...shown.map((i) => ratioText(peaks[i]! / maxEntries))]);
  const table = rows.length === 0 ? ["none above 0.01"] : plainTable(columns, rows);
  return `${[
    ...wrap(`${name} · Cilium ${profile.cilium}, kernel ${profile.kernel} · seed ${seed}${runs.length > 1 ? `, ${runs.length} runs of each load` : ""} · load grows ${shareText(growth)} a month`, WIDTH).map(colors.dim),
    ...(partial ? [colors.yellow("PARTIAL: interrupted")] : []),
    "",
    ...wrap(headline(result), WIDTH).map(colors.bold),
    "",
    ...mechanisms.flatMap((mechanism) => wrap(sentence(mechanism, result), WIDTH, "- ", "  ")),
    ...(mechanisms.length > 0 ? [""] : []),
    colors.dim("Highest pressure of each map at these loads"),
    ...table,
  ].join("\n")}\n`;
}

/** Which loads the table shows: today's, the largest, those about which the first mechanism comes, and some between. */
function shownLoads({ loads, mechanisms }: ForecastResult): readonly number[] {
  const [first] = mechanisms;
  const bracket = first === undefined ? [] : [first.holdsAt, first.seenAt, first.breaksAt ?? 0].map((load) => loads.indexOf(load));
  const wanted = new Set([0, loads.length - 1, ...bracket.filter((i) => i >= 0)]);
  for (let i = 1; i < loads.length && wanted.size < LOADS_SHOWN; i++) wanted.add(i);
  return [...wanted].sort((a, b) => a - b);
}

function headline({ mechanisms, loads, growth }: ForecastResult): string {
  const [first, second] = mechanisms;
  const most = loads.at(-1)!;
  if (first === undefined) {
    return `Nothing breaks up to ${most} times today's load, ${(portableLog(most) / portableLog(1 + growth)).toFixed(1)} months away at this growth.`;
  }
  const next = second === undefined ? "" : ` Next: ${second.name}, ${when(second)}.`;
  return `First: ${first.name}, ${when(first)}.${next}`;
}

function sentence(mechanism: MechanismForecast, { runs, loads }: ForecastResult): string {
  const { name, holdsAt, breaksAt, count, connections, showing } = mechanism;
  const at = breaksAt ?? loads.at(-1)!;
  const until = breaksAt === null ? `${at} times today's load and beyond` : `${at} times today's load`;
  const between = holdsAt > 0 ? `between ${holdsAt} and ${until}` : breaksAt === loads[0] ? "at today's load" : `between today's load and ${until}`;
  const of = runs.length === 1 ? "" : ` of ${showing} of ${runs.length} runs`;
  return `${name}: ${between}, ${when(mechanism)}; at ×${at} ${formatCount(count)} in ${formatCount(connections)} connections${of}`;
}

function when({ holdsAt, seenAt, breaksAt, months }: MechanismForecast): string {
  if (holdsAt === 0) return breaksAt === seenAt ? "already today" : "already today in some runs";
  const earliest = months.earliest.toFixed(1);
  return months.latest === null ? `in ${earliest} months or later` : `in ${earliest} to ${months.latest.toFixed(1)} months`;
}
