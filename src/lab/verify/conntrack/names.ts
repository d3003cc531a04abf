/**
 * What the upper-case names of a `program` vector stand for: fixed addresses for those who are known beforehand, and
 * values that the first observation binds (NATPORT).
 */

import { formatIpv4, ipv4 } from "../../../cilium/maps/address.js";

/** Names with a value of their own; what the setup says goes before. */
const DEFAULTS: Readonly<Record<string, string>> = {
  CLIENT: "198.51.100.7",
  VIP: "172.16.10.2",
  LB: "10.0.10.1",
  BACKEND: "192.168.0.2",
  POD: "192.168.0.1",
  LOOPBACK: "169.254.42.1",
  P: "12345",
  FRONTEND_PORT: "53",
};

export class Names {
  readonly #bound = new Map<string, string>();

  /** Lets a name stand for this from now on. */
  bind(name: string, value: string | number): void {
    this.#bound.set(name, String(value));
  }

  /** The value of a name, or the text itself when it is none; undefined for a name that nothing has bound. */
  valueOf(text: string): string | undefined {
    if (!/^[A-Z][A-Z_]*$/.test(text)) return text;
    return this.#bound.get(text) ?? DEFAULTS[text];
  }

  address(text: string): number {
    const value = this.valueOf(text);
    if (value === undefined) throw new RangeError(`${text} stands for nothing`);
    return ipv4(value);
  }

  /** `ADDRESS:PORT`; a port of -1 means that its name is not bound yet. */
  place(text: string): { address: number; port: number; portName: string } {
    const [address, port] = text.split(":") as [string, string?];
    const value = port === undefined ? "0" : this.valueOf(port);
    return { address: this.address(address), port: value === undefined ? -1 : Number(value), portName: port ?? "" };
  }

  /** Whether an observed address and port are the named ones; binds a port name that is not bound yet. */
  matches(text: string, address: number, port: number): boolean {
    const place = this.place(text);
    if (place.address !== address) return false;
    if (place.port === -1) {
      this.bind(place.portName, port);
      return true;
    }
    return !text.includes(":") || place.port === port;
  }

  /** Text with every name replaced: `TCP OUT CLIENT:P -> VIP:80`. */
  expand(text: string): string {
    return text.replace(/\b[A-Z][A-Z_]*\b/g, (name) => (RESERVED.has(name) ? name : (this.valueOf(name) ?? name)));
  }
}

/** Words in capitals that are no names. */
const RESERVED = new Set(["TCP", "UDP", "ICMP", "OUT", "IN", "SERVICE"]);

/** An address and a port as text. */
export function placeText(address: number, port: number): string {
  return `${formatIpv4(address)}:${port}`;
}
