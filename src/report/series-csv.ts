/** `series.csv`: one row per sample, time first. */
import { NS_PER_S } from "../core/units.js";
import type { Series } from "../observe/result.js";

/** RFC 4180 with `\n`; the header is one line, units stand in brackets: `ct4_global_entries [entries]`. */
export function seriesCsv(series: Series): string {
  const header = ["time_s", ...series.columns.map(({ name, unit }) => quote(unit === "" ? name : `${name} [${unit}]`))];
  const rows = series.timeNs.map((timeNs, row) =>
    [secondsText(timeNs), ...series.columns.map(({ values }) => cell(values[row]))].join(","),
  );
  return `${[header.join(","), ...rows].join("\n")}\n`;
}

/** Nanoseconds as decimal seconds without a rounding error. */
export function secondsText(atNs: number): string {
  const whole = Math.floor(atNs / NS_PER_S);
  const rest = atNs - whole * NS_PER_S;
  return rest === 0 ? String(whole) : `${whole}.${String(rest).padStart(9, "0").replace(/0+$/, "")}`;
}

/** A value that is absent or not a number is an empty cell. */
function cell(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? "" : String(value);
}

function quote(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}
