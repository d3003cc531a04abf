/** What benchmarks share: tables, medians, and a line about the machine. */
import { cpus, release, type } from "node:os";

/** Where a result was measured; ratios travel, nanoseconds do not. */
export function machine() {
  const [cpu] = cpus();
  return `Node ${process.version}, V8 ${process.versions.v8}, ${cpus().length} × ${cpu?.model.trim() ?? "unknown CPU"}, ${type()} ${release()}`;
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Title, aligned columns (the first left, the others right), notes. */
export function textTable({ title, columns, rows, notes = [] }) {
  const cells = [columns, ...rows].map((row) => row.map(String));
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => row[i].length)));
  const lines = cells.map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "));
  lines.splice(1, 0, widths.map((width) => "-".repeat(width)).join("  "));
  return [title, ...lines, ...notes].join("\n");
}

export function markdownTable({ title, columns, rows, notes = [] }) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const rule = columns.map((_, i) => (i === 0 ? "---" : "---:"));
  return [`## ${title}\n`, line(columns), line(rule), ...rows.map(line), ...notes.map((note) => `\n${note}`)].join("\n");
}
