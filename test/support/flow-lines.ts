/** Flows as text, for tests that look into their lines. */
import type { FlowRow } from "../../src/observe/flow-row.js";
import type { FlowEncoder } from "../../src/observe/hubble-flow.js";
import { LineBytes } from "../../src/observe/line-bytes.js";

const UTF8 = new TextDecoder();

/** What a sink of flows is given. */
export function linesText(lines: Uint8Array): string {
  return UTF8.decode(lines);
}

/** The line of one flow, with its newline. */
export function flowLine(encoder: FlowEncoder, row: FlowRow, number: number): string {
  const line = new LineBytes(64);
  encoder.put(row, number, line);
  return linesText(line.bytes());
}
