/**
 * `cilium bpf ct list global` as text (cilium-dbg/cmd/bpf_ct_list.go, pkg/maps/ctmap/types.go, `CtEntry.StringWithTimeDiff`).
 * After the tuple stand `key=value` pairs, which differ by version: two pairs of counters (to 1.15) or one, `IfIndex`,
 * `Slave`, `BackendID`, `NatPort`; flags also by name in brackets. Pairs are taken by their names, unknown ones passed over.
 */
import { ConntrackBuilder } from "./conntrack-builder.js";
import type { ConntrackDump, DumpClock } from "./conntrack-table.js";
import { SkipLog } from "./skipped.js";
import { TupleReader } from "./tuple-text.js";

const BLANK = 0x20;
const EQUALS = 0x3d;
const ZERO = 0x30;
const LOWER_X = 0x78;
/** What the flags' names and `(remaining: N sec(s))` begin with. */
const BRACKET = 0x5b;
const PARENTHESIS = 0x28;
const REMAINING = "(remaining: ";

export class ConntrackText {
  readonly #builder = new ConntrackBuilder();
  readonly #tuple = new TupleReader(this.#builder.addresses);
  readonly #skips = new SkipLog();
  #line = 0;
  #clock: DumpClock | undefined;
  #seenExpires = false;
  #seenFlags = false;
  #seenLast = false;

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
    this.#seenExpires = this.#seenFlags = this.#seenLast = false;
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
        at = this.#pair(line, at);
        if (at < 0) return "has a value that is no number";
      }
    }
    if (!this.#seenExpires) return "has no expires=";
    return this.#seenFlags && this.#seenLast ? undefined : "is cut off";
  }

  /** One `key=value`; returns the place behind it, or -1 when the value is no number. */
  #pair(line: string, from: number): number {
    const blank = line.indexOf(" ", from);
    const end = blank < 0 ? line.length : blank;
    let equals = from;
    while (equals < end && line.charCodeAt(equals) !== EQUALS) equals++;
    if (equals === end) return end;
    const value = numberAt(line, equals + 1, end);
    if (value < 0) return isKnown(line.slice(from, equals)) ? -1 : end;
    this.#set(line, from, equals, value);
    return end;
  }

  #set(line: string, from: number, equals: number, value: number): void {
    const { row } = this.#builder;
    switch (line.slice(from, equals)) {
      case "expires":
        row.expires = value;
        this.#seenExpires = true;
        break;
      case "RxPackets":
      case "TxPackets":
      case "Packets":
        row.packets += value;
        break;
      case "RxFlagsSeen":
        row.rxFlags = value;
        break;
      case "TxFlagsSeen":
        row.txFlags = value;
        break;
      case "LastRxReport":
        row.lastRx = value;
        break;
      case "LastTxReport":
        row.lastTx = value;
        break;
      case "Flags":
        row.entryFlags = value;
        this.#seenFlags = true;
        break;
      case "RevNAT":
        row.revNat = value;
        break;
      case "SourceSecurityID":
        row.identity = value;
        this.#seenLast = true;
        break;
      case "BackendID":
        row.backend = value;
        break;
      default:
    }
  }

  /** With `-d` each entry says how long it has left: the clock. */
  #remaining(line: string, at: number): void {
    if (this.#clock !== undefined || !line.startsWith(REMAINING, at)) return;
    const left = Number.parseInt(line.slice(at + REMAINING.length), 10);
    if (Number.isFinite(left)) this.#clock = { now: this.#builder.row.expires - left, source: "remaining" };
  }
}

const KNOWN = new Set([
  "expires", "RxPackets", "TxPackets", "Packets", "RxBytes", "TxBytes", "Bytes", "RxFlagsSeen", "TxFlagsSeen", "LastRxReport", "LastTxReport",
  "Flags", "RevNAT", "SourceSecurityID", "BackendID", "IfIndex", "Slave", "NatPort",
]);

function isKnown(key: string): boolean {
  return KNOWN.has(key);
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
