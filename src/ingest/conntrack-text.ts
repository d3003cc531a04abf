/**
 * `cilium bpf ct list global` as text (cilium-dbg/cmd/bpf_ct_list.go, pkg/maps/ctmap/types.go, `CtEntry.StringWithTimeDiff`).
 * After the tuple stand `key=value` pairs, which differ by version: two pairs of counters (to 1.15) or one, `IfIndex`,
 * `Slave`, `BackendID`, `NatPort`; flags also by name in brackets. Pairs are taken by their names, unknown ones passed over.
 */
import { TUPLE_F_SERVICE } from "../cilium/maps/tuple.js";
import { ConntrackBuilder } from "./conntrack-builder.js";
import type { ConntrackDump, DumpClock } from "./conntrack-table.js";
import { SkipLog } from "./skipped.js";
import { TupleReader } from "./tuple-text.js";

const BLANK = 0x20;
const ZERO = 0x30;
const LOWER_X = 0x78;
/** What the flags' names and `(remaining: N sec(s))` begin with. */
const BRACKET = 0x5b;
const PARENTHESIS = 0x28;
const REMAINING = "(remaining: ";

/** What every entry has, in this order: a line without the last was cut. */
const SEEN_EXPIRES = 1;
const SEEN_FLAGS = 2;
const SEEN_IDENTITY = 4;
const SEEN_ALL = SEEN_EXPIRES | SEEN_FLAGS | SEEN_IDENTITY;

type Field = "expires" | "packets" | "rxBytes" | "entryFlags" | "revNat" | "identity" | "backend" | "rxFlags" | "txFlags" | "lastRx" | "lastTx";

/** Keys that are taken. Up to 1.15 the number of a service's backend stands in place of its received bytes. */
const FIELDS: Readonly<Record<string, Field>> = {
  "expires=": "expires",
  "RxPackets=": "packets",
  "TxPackets=": "packets",
  "Packets=": "packets",
  "RxBytes=": "rxBytes",
  "RxFlagsSeen=": "rxFlags",
  "TxFlagsSeen=": "txFlags",
  "LastRxReport=": "lastRx",
  "LastTxReport=": "lastTx",
  "Flags=": "entryFlags",
  "RevNAT=": "revNat",
  "SourceSecurityID=": "identity",
  "BackendID=": "backend",
};

export class ConntrackText {
  readonly #builder = new ConntrackBuilder();
  readonly #tuple = new TupleReader(this.#builder.addresses);
  readonly #skips = new SkipLog();
  #line = 0;
  #clock: DumpClock | undefined;
  /** `SEEN_*` of the line at hand. */
  #seen = 0;
  /** Words of the line before: those of the next one are the same, as a rule. */
  readonly #words: { readonly start: string; readonly field: Field | undefined }[] = [];

  /** The next line of the dump. Empty ones stand between maps. */
  add(line: string): void {
    this.#line++;
    if (line.trim() === "") return;
    const problem = this.#tuple.read(line) ?? this.#fields(line, this.#tuple.end);
    if (problem === undefined) this.#take();
    else this.#skips.note(this.#line, problem);
  }

  finish(): ConntrackDump {
    return { table: this.#builder.finish(this.#clock), skipped: this.#skips.result() };
  }

  #take(): void {
    const { row } = this.#builder;
    const tuple = this.#tuple;
    row.protocol = tuple.protocol;
    row.tupleFlags = tuple.flags;
    row.source = tuple.source;
    row.sourcePort = tuple.sourcePort;
    row.destination = tuple.destination;
    row.destinationPort = tuple.destinationPort;
    this.#builder.add();
  }

  #fields(line: string, from: number): string | undefined {
    const { row } = this.#builder;
    row.expires = row.entryFlags = row.revNat = row.identity = row.backend = row.packets = 0;
    row.rxFlags = row.txFlags = row.lastRx = row.lastTx = 0;
    this.#seen = 0;
    let nth = 0;
    let at = from;
    while (at < line.length) {
      const code = line.charCodeAt(at);
      if (code === BLANK) {
        at++;
      } else if (code === BRACKET) {
        at = past(line, "]", at);
      } else if (code === PARENTHESIS) {
        this.#remaining(line, at);
        at = past(line, "))", at);
      } else {
        at = this.#pair(line, at, nth++);
        if (at < 0) return "has a value that is no number";
      }
    }
    if ((this.#seen & SEEN_EXPIRES) === 0) return "has no expires=";
    return this.#seen === SEEN_ALL ? undefined : "is cut off";
  }

  /** The `nth` word, as a rule `key=value`; returns the place behind it, or -1 when a known key has no number. */
  #pair(line: string, from: number, nth: number): number {
    const blank = line.indexOf(" ", from);
    const end = blank < 0 ? line.length : blank;
    let word = this.#words[nth];
    if (word === undefined || !line.startsWith(word.start, from)) {
      const equals = line.indexOf("=", from);
      if (equals < 0 || equals >= end) return end;
      const start = line.slice(from, equals + 1);
      word = { start, field: FIELDS[start] };
      this.#words[nth] = word;
    }
    if (word.field === undefined) return end;
    const value = numberAt(line, from + word.start.length, end);
    if (value < 0) return -1;
    this.#set(word.field, value);
    return end;
  }

  #set(field: Field, value: number): void {
    const { row } = this.#builder;
    switch (field) {
      case "expires":
        row.expires = value;
        this.#seen |= SEEN_EXPIRES;
        break;
      case "packets":
        row.packets += value;
        break;
      case "entryFlags":
        row.entryFlags = value;
        this.#seen |= SEEN_FLAGS;
        break;
      case "identity":
        row.identity = value;
        this.#seen |= SEEN_IDENTITY;
        break;
      case "backend":
      case "rxBytes":
        // From 1.19 on other entries can have an address in its place.
        if ((this.#tuple.flags & TUPLE_F_SERVICE) !== 0) row.backend = value;
        break;
      default:
        row[field] = value;
    }
  }

  /** With `-d` each entry says how long it has left: the clock. */
  #remaining(line: string, at: number): void {
    if (this.#clock !== undefined || !line.startsWith(REMAINING, at)) return;
    const left = Number.parseInt(line.slice(at + REMAINING.length), 10);
    if (Number.isFinite(left)) this.#clock = { now: this.#builder.row.expires - left, source: "remaining" };
  }
}

function past(line: string, mark: string, from: number): number {
  const at = line.indexOf(mark, from);
  return at < 0 ? line.length : at + mark.length;
}

/** A decimal number, or a hexadecimal one after `0x`; -1 when there is none. */
function numberAt(line: string, from: number, to: number): number {
  if (from >= to) return -1;
  if (line.charCodeAt(from) === ZERO && line.charCodeAt(from + 1) === LOWER_X) {
    const text = line.slice(from + 2, to);
    return /^[0-9a-f]+$/i.test(text) ? Number.parseInt(text, 16) : -1;
  }
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = line.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Reads a whole dump. */
export function parseConntrackText(lines: Iterable<string>): ConntrackDump {
  const reader = new ConntrackText();
  for (const line of lines) reader.add(line);
  return reader.finish();
}
