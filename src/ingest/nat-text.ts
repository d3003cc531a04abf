/**
 * `cilium bpf nat list` as text (cilium-dbg/cmd/bpf_nat_list.go, pkg/maps/nat/ipv4.go, `NatEntry4.Dump`): a tuple, then
 * `XLATE_SRC a:p` or `XLATE_DST a:p`, `Created=12sec ago` (`12sec` in older versions, `? (raw N)` without a clock), `NeedsCT=0|1`
 * (`HostLocal` in 1.13 and earlier).
 */
import { NO_ADDRESS } from "./address-pool.js";
import { NatBuilder } from "./nat-builder.js";
import type { NatDump } from "./nat-table.js";
import { SkipLog } from "./skipped.js";
import { TupleReader } from "./tuple-text.js";

const TRANSLATION = /^XLATE_(?:SRC|DST) (\S+)(?: Created=(?:(-?\d+)\s?sec\b)?)?/;
const NEEDS_CT = " NeedsCT=1";

export class NatText {
  readonly #builder = new NatBuilder();
  readonly #tuple = new TupleReader(this.#builder.addresses);
  readonly #skips = new SkipLog();
  #line = 0;

  add(line: string): void {
    this.#line++;
    if (line.trim() === "") return;
    const problem = this.#tuple.read(line) ?? this.#translation(line);
    if (problem !== undefined) this.#skips.note(this.#line, problem);
  }

  finish(): NatDump {
    return { table: this.#builder.finish(), skipped: this.#skips.result() };
  }

  #translation(line: string): string | undefined {
    const tuple = this.#tuple;
    const found = TRANSLATION.exec(line.slice(tuple.end));
    if (found === null) return "has no XLATE_SRC or XLATE_DST";
    const text = found[1]!;
    const { address, port } = tuple.endpoint(text, 0, text.length);
    if (address === NO_ADDRESS || port < 0) return `has no address and port to translate to: "${text.slice(0, 60)}"`;
    const age = found[2] === undefined ? Number.NaN : Number(found[2]);
    this.#builder.add({
      protocol: tuple.protocol,
      tupleFlags: tuple.flags,
      source: tuple.source,
      sourcePort: tuple.sourcePort,
      destination: tuple.destination,
      destinationPort: tuple.destinationPort,
      toAddress: address,
      toPort: port,
      age,
      needsCt: line.includes(NEEDS_CT, tuple.end) ? 1 : 0,
    });
    return undefined;
  }
}

/** Reads a whole dump. */
export function parseNatText(lines: Iterable<string>): NatDump {
  const reader = new NatText();
  for (const line of lines) reader.add(line);
  return reader.finish();
}
