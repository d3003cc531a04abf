/** Figures of runs in words: values, ranges, and what "none" says. */
import { formatBytes, formatCount, formatDuration } from "../core/units.js";
import type { FigureUnit } from "../observe/run-figures.js";
import { ruleOfThree } from "../stats/binomial.js";
import { ratioText, shareText } from "./wording.js";

/** From here on a mean count is shown without decimals. */
const WHOLE_FROM = 100;

export function figureText(value: number, unit: FigureUnit): string {
  const sign = value < 0 ? "-" : "";
  const size = Math.abs(value);
  switch (unit) {
    case "ns":
      return sign + formatDuration(size);
    case "share":
      return sign + shareText(size);
    case "ratio":
      return sign + ratioText(size);
    case "bytes":
      return sign + formatBytes(Math.round(size));
    case "count":
      return sign + formatCount(size >= WHOLE_FROM ? Math.round(size) : Number(size.toPrecision(3)));
  }
}

/** `-942 ms … -930 ms`; with a sign, as differences are. One text when both ends read the same. */
export function rangeText(low: number, high: number, unit: FigureUnit): string {
  const [from, to] = [low, high].map((value) => (value > 0 ? `+${figureText(value, unit)}` : figureText(value, unit)));
  return from === to ? from! : `${from} … ${to}`;
}

/** A mean over runs. Nothing seen is stated with what that allows: of a share by its trials, else by the number of runs. */
export function meanText(mean: number | null, unit: FigureUnit, runs: number, trials: number | null): string {
  if (mean === null) return "too few";
  if (mean !== 0) return figureText(mean, unit);
  if (unit === "share" && trials !== null) return `< ${shareText(ruleOfThree(trials))}`;
  return unit === "count" && runs > 0 ? "none" : figureText(0, unit);
}
