/**
 * Columns as Go's text/tabwriter aligns them with the client's settings: at least two wide, three blanks between, counted in
 * characters. Cells end with a tab; what follows the last tab of a line belongs to no column. A column's width holds for the
 * run of consecutive lines that have it.
 */
const WIDTH_MIN = 2;
const PADDING = 3;

/** Aligned text of lines that end with newlines and hold tabs. */
export function alignTabs(text: string): string {
  const lines = text.split(/[\n\f]/).map((line) => line.split(/[\t\v]/));
  const widths = lines.map((cells) => new Array<number>(cells.length - 1).fill(0));
  alignColumn(lines, widths, 0, 0, lines.length);
  return lines.map((cells, row) => cells.map((cell, column) => pad(cell, widths[row]![column] ?? 0)).join("")).join("\n");
}

/** Sets the widths of `column` and those to its right for the lines of a run. */
function alignColumn(lines: readonly string[][], widths: number[][], column: number, from: number, to: number): void {
  for (let row = from; row < to; ) {
    if (!hasColumn(lines[row]!, column)) {
      row++;
      continue;
    }
    let end = row;
    let width = WIDTH_MIN;
    for (; end < to && hasColumn(lines[end]!, column); end++) width = Math.max(width, length(lines[end]![column]!) + PADDING);
    for (let each = row; each < end; each++) widths[each]![column] = width;
    alignColumn(lines, widths, column + 1, row, end);
    row = end;
  }
}

function hasColumn(cells: readonly string[], column: number): boolean {
  return column < cells.length - 1;
}

function pad(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - length(cell)));
}

/** Characters, not UTF-16 units. */
function length(text: string): number {
  let count = 0;
  for (const _char of text) count++;
  return count;
}
