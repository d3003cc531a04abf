/**
 * Texts inside a Hubble flow: time stamps, UUIDs, JSON strings as Go writes them, TCP flags, ICMP names.
 * Facts: api/v1/flow/flow.proto and pkg/hubble/parser/threefour of Cilium; protobuf's JSON mapping.
 */
import { NS_PER_S } from "../core/units.js";
import { type LineBytes, piece } from "./line-bytes.js";

/** Wall time of the simulated second 0 in flows: 2025-01-01T00:00:00Z, an arbitrary fixed moment. */
export const FLOW_EPOCH_SECONDS = 1_735_689_600;

const SECONDS_PER_DAY = 86_400;
/** 1970-01-01 counted from 0000-03-01 in the proleptic Gregorian calendar, days. */
const UNIX_DAY = 719_468;
const DAYS_PER_ERA = 146_097;

/** Bytes of the longest stamp: the second, a point, nine digits, `Z`. */
const STAMP_BYTES_MAX = 30;
const POINT = 0x2e;
const ZERO = 0x30;
const ZULU = 0x5a;

/** RFC 3339 in UTC with 0, 3, 6 or 9 fraction digits, as protobuf's JSON writes a Timestamp. Remembers the last second. */
export class TimestampText {
  readonly #epochSeconds: number;
  /** The last stamp: events of one moment, and both stamps of a line, share it. */
  readonly #bytes = new Uint8Array(STAMP_BYTES_MAX);
  #length = 0;
  #atNs = -1;
  /** The second that the bytes begin with, and how many they take. */
  #second = -1;
  #secondLength = 0;

  constructor(epochSeconds: number) {
    this.#epochSeconds = epochSeconds;
  }

  /** `atNs`: simulated time, a whole number of nanoseconds ≥ 0. */
  at(atNs: number): string {
    if (atNs !== this.#atNs) this.#render(atNs);
    return String.fromCharCode(...this.#bytes.subarray(0, this.#length));
  }

  /** The same into a line. */
  put(atNs: number, line: LineBytes): void {
    if (atNs !== this.#atNs) this.#render(atNs);
    const length = this.#length;
    const at = line.take(length);
    const { block } = line;
    for (let i = 0; i < length; i++) block[at + i] = this.#bytes[i]!;
  }

  #render(atNs: number): void {
    const bytes = this.#bytes;
    const second = Math.floor(atNs / NS_PER_S);
    if (second !== this.#second) {
      const text = piece(secondText(this.#epochSeconds + second));
      bytes.set(text);
      this.#second = second;
      this.#secondLength = text.length;
    }
    this.#atNs = atNs;
    let at = this.#secondLength;
    const ns = atNs - second * NS_PER_S;
    if (ns !== 0) {
      const digits = ns % 1e6 === 0 ? 3 : ns % 1e3 === 0 ? 6 : 9;
      bytes[at++] = POINT;
      let rest = digits === 3 ? ns / 1e6 : digits === 6 ? ns / 1e3 : ns;
      for (let place = digits - 1; place >= 0; place--) {
        const tens = Math.floor(rest / 10);
        bytes[at + place] = ZERO + (rest - tens * 10);
        rest = tens;
      }
      at += digits;
    }
    bytes[at] = ZULU;
    this.#length = at + 1;
  }
}

function secondText(unixSeconds: number): string {
  const days = Math.floor(unixSeconds / SECONDS_PER_DAY);
  const rest = unixSeconds - days * SECONDS_PER_DAY;
  const time = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
  return `${dateText(days)}T${time}`;
}

/** Days since 1970-01-01 as `YYYY-MM-DD`; years begin in March, so that leap days come last. */
function dateText(days: number): string {
  const shifted = days + UNIX_DAY;
  const era = Math.floor(shifted / DAYS_PER_ERA);
  const dayOfEra = shifted - era * DAYS_PER_ERA;
  const leapDays = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / (DAYS_PER_ERA - 1));
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  // 153 days in every five months from March on.
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
}

const HEX = piece("0123456789abcdef");
const DASH = 0x2d;
/** Bytes of a UUID's text. */
const UUID_BYTES = 36;

/**
 * UUIDs in version 4's layout, drawn from a key and the number of the flow: the same flow has the same UUID whatever
 * is written beside it. No two of the first 2^32 flows share one, as the first word is a permutation of the number.
 */
export class FlowUuids {
  readonly #key: Int32Array;
  /** The last one drawn. */
  readonly #words = new Int32Array(4);

  /** `key`: four words from a named random stream. */
  constructor(key: ArrayLike<number>) {
    this.#key = Int32Array.from(key);
    if (this.#key.length !== 4) throw new RangeError(`a UUID key has 4 words, not ${this.#key.length}`);
  }

  /** `number`: 0, 1, 2 … in order of the events. */
  text(number: number): string {
    this.#draw(number);
    const words = this.#words;
    const hex = (word: number): string => (words[word]! >>> 0).toString(16).padStart(8, "0");
    const [a, b, c, d] = [hex(0), hex(1), hex(2), hex(3)];
    return `${a}-${b.slice(0, 4)}-${b.slice(4)}-${c.slice(0, 4)}-${c.slice(4)}${d}`;
  }

  /** The same into a line. */
  put(number: number, line: LineBytes): void {
    this.#draw(number);
    const words = this.#words;
    const at = line.take(UUID_BYTES);
    const { block } = line;
    putHex16(block, at, words[0]! >>> 16);
    putHex16(block, at + 4, words[0]!);
    block[at + 8] = DASH;
    putHex16(block, at + 9, words[1]! >>> 16);
    block[at + 13] = DASH;
    putHex16(block, at + 14, words[1]!);
    block[at + 18] = DASH;
    putHex16(block, at + 19, words[2]! >>> 16);
    block[at + 23] = DASH;
    putHex16(block, at + 24, words[2]!);
    putHex16(block, at + 28, words[3]! >>> 16);
    putHex16(block, at + 32, words[3]!);
  }

  #draw(number: number): void {
    const key = this.#key;
    const words = this.#words;
    const a = scramble((number | 0) ^ key[0]!);
    const b = scramble((a + key[1]!) | 0);
    const c = scramble((b ^ key[2]!) + Math.floor(number / 0x100000000));
    words[0] = a;
    words[1] = (b & 0xffff0fff) | 0x4000;
    words[2] = (c & 0x3fffffff) | 0x80000000;
    words[3] = scramble((c + key[3]!) | 0);
  }
}

/** A permutation of 32-bit words in which every bit of the input moves every bit of the output (MurmurHash3's finaliser). */
function scramble(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** The lower 16 bits as four digits. */
function putHex16(block: Uint8Array, at: number, word: number): void {
  block[at] = HEX[(word >>> 12) & 0xf]!;
  block[at + 1] = HEX[(word >>> 8) & 0xf]!;
  block[at + 2] = HEX[(word >>> 4) & 0xf]!;
  block[at + 3] = HEX[word & 0xf]!;
}

/** A JSON string as Go's encoder writes it: `<`, `>`, `&` and the two line separators are escaped. */
export function goString(text: string): string {
  return JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** TCP flags in the order of the message's fields, with their bit in the header's flag byte. */
const FLAG_FIELDS = [
  ["FIN", 0x01],
  ["SYN", 0x02],
  ["RST", 0x04],
  ["PSH", 0x08],
  ["ACK", 0x10],
  ["URG", 0x20],
  ["ECE", 0x40],
  ["CWR", 0x80],
] as const;
/** The order in which the summary names them. */
const FLAG_SUMMARY = ["SYN", "ACK", "RST", "FIN", "PSH", "URG", "ECE", "CWR"] as const;

/** `"flags":{…}` by flag byte. */
export const TCP_FLAGS_JSON: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const set = FLAG_FIELDS.filter(([, bit]) => (byte & bit) !== 0).map(([name]) => `"${name}":true`);
  return `"flags":{${set.join(",")}}`;
});

/** Text of `Summary` by flag byte. */
export const TCP_SUMMARIES: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const bits = new Map<string, number>(FLAG_FIELDS);
  return `TCP Flags: ${FLAG_SUMMARY.filter((name) => (byte & bits.get(name)!) !== 0).join(", ")}`;
});

/** gopacket's names of ICMPv4 types, with those of their codes; other types print as numbers. */
const ICMPV4_NAMES: Readonly<Record<number, readonly [name: string, codes?: readonly string[]]>> = {
  0: ["EchoReply"],
  3: [
    "DestinationUnreachable",
    [
      "Net",
      "Host",
      "Protocol",
      "Port",
      "FragmentationNeeded",
      "SourceRoutingFailed",
      "NetUnknown",
      "HostUnknown",
      "SourceIsolated",
      "NetAdminProhibited",
      "HostAdminProhibited",
      "NetTOS",
      "HostTOS",
      "CommAdminProhibited",
      "HostPrecedence",
      "PrecedenceCutoff",
    ],
  ],
  4: ["SourceQuench"],
  5: ["Redirect", ["Net", "Host", "TOS+Net", "TOS+Host"]],
  8: ["EchoRequest"],
  9: ["RouterAdvertisement"],
  10: ["RouterSolicitation"],
  11: ["TimeExceeded", ["TTLExceeded", "FragmentReassemblyTimeExceeded"]],
  12: ["ParameterProblem", ["PointerIndicatesError", "MissingOption", "BadLength"]],
  13: ["TimestampRequest"],
  14: ["TimestampReply"],
  15: ["InfoRequest"],
  16: ["InfoReply"],
  17: ["AddressMaskRequest"],
  18: ["AddressMaskReply"],
};

const ICMPV6_NAMES: typeof ICMPV4_NAMES = {
  1: [
    "DestinationUnreachable",
    [
      "NoRouteToDst",
      "AdminProhibited",
      "BeyondScopeOfSrc",
      "AddressUnreachable",
      "PortUnreachable",
      "SrcAddressFailedPolicy",
      "RejectRouteToDst",
    ],
  ],
  2: ["PacketTooBig"],
  3: ["TimeExceeded", ["HopLimitExceeded", "FragmentReassemblyTimeExceeded"]],
  4: ["ParameterProblem", ["ErroneousHeaderField", "UnrecognizedNextHeader", "UnrecognizedIPv6Option"]],
  128: ["EchoRequest"],
  129: ["EchoReply"],
  133: ["RouterSolicitation"],
  134: ["RouterAdvertisement"],
  135: ["NeighborSolicitation"],
  136: ["NeighborAdvertisement"],
  137: ["Redirect"],
};

/** Summary of an ICMP packet: `ICMPv4 EchoRequest`, `ICMPv4 DestinationUnreachable(Port)`. */
export function icmpSummary(version: 4 | 6, type: number, code: number): string {
  const known = (version === 4 ? ICMPV4_NAMES : ICMPV6_NAMES)[type];
  if (known === undefined) return `ICMPv${version} ${type}(${code})`;
  const [name, codes] = known;
  if (codes === undefined) return `ICMPv${version} ${name}`;
  return `ICMPv${version} ${name}(${codes[code] ?? `Code: ${code}`})`;
}
