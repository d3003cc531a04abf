/** Plain text: tables, wrapping, sparklines. Widths are counted in code points; ctlab writes no wide characters. */

export type Align = "left" | "right";

export interface Column {
  readonly title: string;
  readonly align: Align;
}

/** Number of columns that a text takes on a terminal, colour codes left out. */
export function widthOf(text: string): number {
  return [...text.replace(/\u001b\[[0-9;]*m/g, "")].length;
}

export function pad(text: string, width: number, align: Align): string {
  const blanks = " ".repeat(Math.max(0, width - widthOf(text)));
  return align === "left" ? text + blanks : blanks + text;
}

/** Rows under a header, columns two blanks apart; trailing blanks are cut. */
export function plainTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const widths = columnWidths(columns, rows);
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, index) => pad(cells[index] ?? "", widths[index]!, align))
      .join("  ")
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map(line)];
}

/** A Markdown table whose source is aligned too. */
export function markdownTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const escaped = rows.map((row) => row.map(escapeCell));
  const widths = columnWidths(columns, escaped).map((width) => Math.max(3, width));
  const line = (cells: readonly string[]): string =>
    `| ${columns.map(({ align }, index) => pad(cells[index] ?? "", widths[index]!, align)).join(" | ")} |`;
  const rule = columns.map(({ align }, index) =>
    align === "left" ? "-".repeat(widths[index]!) : `${"-".repeat(widths[index]! - 1)}:`,
  );
  return [line(columns.map(({ title }) => title)), `| ${rule.join(" | ")} |`, ...escaped.map(line)];
}

function escapeCell(text: string): string {
  return text
    .replace(/\\/g, "\\\\")
    .replace(/\|/g, "\\|")
    .replace(/\s*\n\s*/g, " ");
}

function columnWidths(columns: readonly Column[], rows: readonly (readonly string[])[]): number[] {
  return columns.map(({ title }, index) => rows.reduce((most, row) => Math.max(most, widthOf(row[index] ?? "")), widthOf(title)));
}

/** Breaks text at blanks into lines of at most `width`, the first after `first`, the others after `rest` (indents). */
export function wrap(text: string, width: number, first = "", rest = first): string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(/\s+/).filter((part) => part !== "")) {
    if (!empty && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = rest;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  lines.push(line);
  return lines;
}

const BARS = "▁▂▃▄▅▆▇█";

/** One character per value between `low` and `high`; equal bounds give the lowest bar. */
export function sparkline(values: readonly number[], low: number, high: number): string {
  const span = high - low;
  return values
    .map((value) => {
      const share = span > 0 ? (value - low) / span : 0;
      return BARS[Math.min(BARS.length - 1, Math.max(0, Math.floor(share * BARS.length)))]!;
    })
    .join("");
}

/** Shrinks a list to `count` cells, each the highest of the values that fall into it. */
export function highestPerCell(values: readonly number[], count: number): number[] {
  if (values.length <= count) return [...values];
  return Array.from({ length: count }, (_, cell) => {
    const from = Math.floor((cell * values.length) / count);
    const to = Math.floor(((cell + 1) * values.length) / count);
    let most = values[from]!;
    for (let index = from + 1; index < to; index++) most = Math.max(most, values[index]!);
    return most;
  });
}
