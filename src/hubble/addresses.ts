/** IP addresses and CIDR ranges of `--ip`, as Go's net.ParseIP and net.ParseCIDR read them. */
import { isIPv4, isIPv6 } from "node:net";

/** An address as its bytes: 4 or 16. IPv4 in IPv6 (`::ffff:1.2.3.4`) is IPv4. Undefined when it is none. */
export function parseAddress(text: string): readonly number[] | undefined {
  if (isIPv4(text)) return text.split(".").map(Number);
  // A zone, which Node takes, is none to Go.
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const bytes = ipv6Bytes(text);
  return isMapped(bytes) ? bytes.slice(12) : bytes;
}

function ipv6Bytes(text: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const pair = (high: string, low: string): string => ((Number(high) << 8) | Number(low)).toString(16);
  const groups = dotted === null ? text : `${dotted[1]!}${pair(dotted[2]!, dotted[3]!)}:${pair(dotted[4]!, dotted[5]!)}`;
  const [head = "", tail] = groups.split("::");
  const words = (part: string): number[] => (part === "" ? [] : part.split(":").map((word) => Number.parseInt(word, 16)));
  const [left, right] = [words(head), words(tail ?? "")];
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...new Array<number>(zeros).fill(0), ...right].flatMap((word) => [word >> 8, word & 0xff]);
}

function isMapped(bytes: readonly number[]): boolean {
  return bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
}

/** Addresses of a range; undefined when the text is none. A range of one family has no address of the other. */
export function parseCidr(text: string): ((address: readonly number[]) => boolean) | undefined {
  const slash = text.indexOf("/");
  const [host, length] = [text.slice(0, slash), text.slice(slash + 1)];
  if (slash < 0 || !/^\d{1,3}$/.test(length)) return undefined;
  const isV4 = isIPv4(host);
  const bits = Number(length);
  if (parseAddress(host) === undefined || bits > (isV4 ? 32 : 128)) return undefined;
  const bytes = isV4 ? parseAddress(host)! : ipv6Bytes(host);
  // Go's net.IPNet shortens a mapped network to IPv4 when the mask covers the prefix.
  const shortened = !isV4 && isMapped(bytes) && bits >= 96;
  const network = shortened ? bytes.slice(12) : bytes;
  const mask = shortened ? bits - 96 : bits;
  return (address) => address.length === network.length && network.every((byte, index) => ((byte ^ address[index]!) & maskByte(mask, index)) === 0);
}

function maskByte(bits: number, index: number): number {
  const ones = Math.min(8, Math.max(0, bits - index * 8));
  return (0xff << (8 - ones)) & 0xff;
}
