/**
 * Dumps as JSON (`-o json`; pkg/command/output.go): arrays of records, read one record at a time, since a whole one of a large
 * map is longer than a string can be. Objects on the outside (`cilium status -o json`, Prometheus' query API) are read whole.
 *
 * Conntrack and NAT records are raw: ports and RevNAT in network order read as little-endian (port 80 is 20480), addresses
 * as lists of bytes, and those of conntrack keys in the order of storage, which is not that of the text.
 */
import type { DumpKind } from "./dump-kind.js";
import { ConntrackRecords, MetricsRecords, NatRecords, RetriesRecords, StatusRecords, type Records } from "./json-records.js";
import { SkipLog } from "./skipped.js";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

export class DumpJson {
  readonly #records: Records;
  readonly #skips = new SkipLog();
  readonly #parts: string[] = [];
  #line = 0;
  #began = 0;
  #depth = 0;
  #inString = false;

  constructor(kind: DumpKind) {
    this.#records = recordsOf(kind);
  }

  /** The next line; records may span lines and share them. */
  add(line: string): void {
    this.#line++;
    let start = this.#depth > 0 ? 0 : -1;
    for (let at = 0; at < line.length; at++) {
      const code = line.charCodeAt(at);
      if (this.#inString) {
        if (code === BACKSLASH) at++;
        else if (code === QUOTE) this.#inString = false;
      } else if (code === QUOTE) {
        this.#inString = this.#depth > 0;
      } else if (code === OPEN_BRACE) {
        if (this.#depth++ > 0) continue;
        start = at;
        this.#began = this.#line;
      } else if (code === CLOSE_BRACE && this.#depth > 0 && --this.#depth === 0) {
        this.#parts.push(line.slice(start, at + 1));
        this.#take();
        start = -1;
      }
    }
    if (start >= 0) this.#parts.push(line.slice(start));
  }

  finish(): object {
    if (this.#parts.length > 0) this.#skips.note(this.#began, "is cut off");
    return this.#records.finish(this.#skips.result());
  }

  #take(): void {
    const text = this.#parts.splice(0).join("\n");
    let problem: string | undefined;
    try {
      problem = this.#records.add(JSON.parse(text));
    } catch (error) {
      problem = `is no JSON: ${(error as Error).message}`;
    }
    if (problem !== undefined) this.#skips.note(this.#began, problem);
  }
}

function recordsOf(kind: DumpKind): Records {
  switch (kind) {
    case "conntrack":
      return new ConntrackRecords();
    case "nat":
      return new NatRecords();
    case "nat-retries":
      return new RetriesRecords();
    case "status":
      return new StatusRecords();
    default:
      return new MetricsRecords();
  }
}
