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

export class AddressPool implements Addresses {
  readonly #ids = new Map<string, number>();
  readonly #texts: string[] = [];
  readonly #isIPv6: boolean[] = [];

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
}
