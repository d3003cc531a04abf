/** Addresses of a dump, each text held once and known by a number: two million entries name few different ones. */
import { isIP } from "node:net";

export interface Addresses {
  /** Numbers run from 0 to `size - 1`. */
  readonly size: number;
  text(id: number): string;
  isIPv6(id: number): boolean;
  /** Undefined when no entry has this address. */
  idOf(text: string): number | undefined;
}

/** Is no address. */
export const NO_ADDRESS = -1;

const IPV6 = 6;
const DOT = 0x2e;
const ZERO = 0x30;
const BYTES = 4;
const BYTE_MAX = 255;
/** Mixing constant of Fibonacci hashing. */
const GOLDEN = 0x9e3779b1;
const FIRST_PLACES = 1024;

export class AddressPool implements Addresses {
  readonly #ids = new Map<string, number>();
  readonly #texts: string[] = [];
  readonly #isIPv6: boolean[] = [];
  /** IPv4 addresses once more, as numbers: open addressing, a place holds an id or `NO_ADDRESS`. */
  #places = new Int32Array(FIRST_PLACES).fill(NO_ADDRESS);
  #numbers = new Int32Array(FIRST_PLACES);
  /** What `readIPv4` read last. */
  #read = 0;

  get size(): number {
    return this.#texts.length;
  }

  text(id: number): string {
    return this.#texts[id]!;
  }

  isIPv6(id: number): boolean {
    return this.#isIPv6[id]!;
  }

  idOf(text: string): number | undefined {
    return this.#ids.get(text);
  }

  /** The number of an address, a new one for a new address; `NO_ADDRESS` when the text is none. */
  intern(text: string): number {
    return this.internPart(text, 0, text.length);
  }

  /** The same for a part of a line. */
  internPart(line: string, from: number, to: number): number {
    if (!this.#readIPv4(line, from, to)) return this.#internText(line.slice(from, to));
    const mask = this.#places.length - 1;
    const number = this.#read;
    let at = (Math.imul(number, GOLDEN) >>> 7) & mask;
    for (; this.#places[at] !== NO_ADDRESS; at = (at + 1) & mask) if (this.#numbers[at] === number) return this.#places[at]!;
    const id = this.#internText(line.slice(from, to));
    this.#places[at] = id;
    this.#numbers[at] = number;
    if (this.#texts.length * 2 > this.#places.length) this.#grow();
    return id;
  }

  #internText(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const family = isIP(text);
    if (family === 0) return NO_ADDRESS;
    // A part of a long text would keep the whole of it in memory.
    const own = Buffer.from(text, "latin1").toString("latin1");
    const id = this.#texts.push(own) - 1;
    this.#isIPv6.push(family === IPV6);
    this.#ids.set(own, id);
    return id;
  }

  /** Four decimal bytes without leading zeros: into `#read`. */
  #readIPv4(line: string, from: number, to: number): boolean {
    let [number, byte, bytes, digits] = [0, 0, 1, 0];
    for (let at = from; at < to; at++) {
      const code = line.charCodeAt(at);
      if (code === DOT) {
        if (digits === 0) return false;
        number = (number << 8) | byte;
        [byte, digits] = [0, 0];
        bytes++;
        continue;
      }
      const digit = code - ZERO;
      if (digit < 0 || digit > 9 || (digits > 0 && byte === 0)) return false;
      byte = byte * 10 + digit;
      digits++;
      if (byte > BYTE_MAX) return false;
    }
    this.#read = (number << 8) | byte;
    return bytes === BYTES && digits > 0;
  }

  #grow(): void {
    const [places, numbers] = [this.#places, this.#numbers];
    this.#places = new Int32Array(places.length * 2).fill(NO_ADDRESS);
    this.#numbers = new Int32Array(places.length * 2);
    const mask = this.#places.length - 1;
    for (let from = 0; from < places.length; from++) {
      if (places[from] === NO_ADDRESS) continue;
      let at = (Math.imul(numbers[from]!, GOLDEN) >>> 7) & mask;
      while (this.#places[at] !== NO_ADDRESS) at = (at + 1) & mask;
      this.#places[at] = places[from]!;
      this.#numbers[at] = numbers[from]!;
    }
  }
}
