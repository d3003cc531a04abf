/**
 * `cilium bpf nat retries list` (cilium-dbg/cmd/bpf_nat_retries_list.go, 1.17 and later): a line `retries:\tcount` for each
 * possible number of retries, IPv4's histogram before IPv6's. Both are added up.
 */
import type { NatRetries } from "./nat-table.js";
import { SkipLog } from "./skipped.js";

const LINE = /^\s*(\d{1,3}):\s+(\d+)\s*$/;

export class NatRetriesText {
  readonly #counts: number[] = [];
  readonly #skips = new SkipLog();
  #line = 0;

  add(line: string): void {
    this.#line++;
    if (line.trim() === "") return;
    const found = LINE.exec(line);
    if (found === null) {
      this.#skips.note(this.#line, "is no pair of retries and count");
      return;
    }
    const retries = Number(found[1]);
    while (this.#counts.length <= retries) this.#counts.push(0);
    this.#counts[retries]! += Number(found[2]);
  }

  finish(): NatRetries {
    return { counts: this.#counts, skipped: this.#skips.result() };
  }
}

/** Reads a whole dump. */
export function parseNatRetriesText(lines: Iterable<string>): NatRetries {
  const reader = new NatRetriesText();
  for (const line of lines) reader.add(line);
  return reader.finish();
}
