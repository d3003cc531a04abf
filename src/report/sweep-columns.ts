/** The columns of a sweep's table for programs, the same in CSV and Parquet: point, settings, runs, then each figure with its interval. */
import type { SweepRow, SweepTable, SweptFigure } from "../observe/sweep-result.js";

export interface SweepColumn {
  readonly name: string;
  readonly kind: "whole" | "number" | "text";
  /** One for each row; null: not known. */
  readonly values: readonly (number | string | null)[];
}

const NUMBER = /^-?\d+(?:\.\d+)?$/;

export function sweepColumns({ plan, rows }: SweepTable): readonly SweepColumn[] {
  const names = [...new Set(rows.flatMap(({ figures }) => figures.map(({ name }) => name)))];
  return [
    { name: "point", kind: "whole", values: rows.map(({ point }) => point) },
    ...(plan.variants.every((variant) => variant === null) ? [] : [{ name: "variant", kind: "text" as const, values: rows.map(({ variant }) => variant) }]),
    ...plan.axes.flatMap(({ paths }) => paths.map((path) => settingColumn(path, rows))),
    { name: "runs", kind: "whole", values: rows.map(({ runs }) => runs) },
    { name: "holds", kind: "whole", values: rows.map(({ holds }) => holds) },
    ...names.flatMap((name) => figureColumns(name, rows)),
  ];
}

function settingColumn(path: string, rows: readonly SweepRow[]): SweepColumn {
  const texts = rows.map(({ settings }) => settings[path] ?? null);
  return texts.every((text) => text !== null && NUMBER.test(text))
    ? { name: path, kind: "number", values: texts.map(Number) }
    : { name: path, kind: "text", values: texts };
}

function figureColumns(name: string, rows: readonly SweepRow[]): readonly SweepColumn[] {
  const figures = rows.map((row) => row.figures.find((figure) => figure.name === name));
  const column = (suffix: string, value: (figure: SweptFigure) => number | null): SweepColumn => ({
    name: name + suffix,
    kind: "number",
    values: figures.map((figure) => (figure === undefined ? null : value(figure))),
  });
  return [column("", ({ mean }) => mean), column("_low", ({ low }) => low), column("_high", ({ high }) => high)];
}
