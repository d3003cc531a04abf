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
  const { scenario, profile, seed, growth, loads, mechanisms, maps, partial } = result;
  const name = scenario.variant === null ? scenario.name : `${scenario.name} ${scenario.variant}`;
  const right = (title: string): Column => ({ title, align: "right" });
  const shown = shownLoads(result);
  const columns: Column[] = [{ title: "map", align: "left" }, right("size"), ...shown.map((i) => right(`×${loads[i]!}`))];
  const rows = maps
    .filter(({ maxEntries, peaks }) => Math.max(...peaks) >= maxEntries * WORTH_SHOWING)
    .map(({ map, maxEntries, peaks }) => [map, formatCount(maxEntries), ...shown.map((i) => ratioText(peaks[i]! / maxEntries))]);
  const table = rows.length === 0 ? ["none above 0.01"] : plainTable(columns, rows);
  return `${[
    ...wrap(`${name} · Cilium ${profile.cilium}, kernel ${profile.kernel} · seed ${seed} · load grows ${shareText(growth)} a month`, WIDTH).map(colors.dim),
    ...(partial ? [colors.yellow("PARTIAL: interrupted")] : []),
    "",
    ...wrap(headline(result), WIDTH).map(colors.bold),
    "",
    ...mechanisms.flatMap((mechanism) => wrap(sentence(mechanism), WIDTH, "- ", "  ")),
    ...(mechanisms.length > 0 ? [""] : []),
    colors.dim("Highest pressure of each map at these loads"),
    ...table,
  ].join("\n")}\n`;
}

/** Which loads the table shows: today's, the largest, those about which the first mechanism comes, and some between. */
function shownLoads({ loads, mechanisms }: ForecastResult): readonly number[] {
  const [first] = mechanisms;
  const bracket = first === undefined ? [] : [loads.indexOf(first.holdsAt), loads.indexOf(first.breaksAt)];
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

function sentence(mechanism: MechanismForecast): string {
  const { name, holdsAt, breaksAt, count, connections } = mechanism;
  const between = holdsAt === 0 ? "at today's load" : `between ${holdsAt} and ${breaksAt} times today's load`;
  return `${name}: ${between}, ${when(mechanism)}; at ×${breaksAt} ${formatCount(count)} in ${formatCount(connections)} connections`;
}

function when({ holdsAt, months }: MechanismForecast): string {
  return holdsAt === 0 ? "already today" : `in ${months.earliest.toFixed(1)} to ${months.latest.toFixed(1)} months`;
}
