/** Which connection `--trace` asks for. */
import { IPPROTO_TCP, IPPROTO_UDP } from "../../cilium/datapath/packet.js";
import { formatAddress, formatIpv4, IPV4_WORDS, IPV6_WORDS, parseAddress } from "../../cilium/maps/address.js";
import { addressOf } from "../../node/ipv6.js";
import { refusal as refusalOf, type InputError } from "../../scenario/diagnostics.js";

export type TraceRequest =
  /** The `nth` connection that a workload opens, from 1. */
  | { readonly kind: "nth"; readonly text: string; readonly workload: string; readonly nth: number }
  /** The first connection between these ends, as the client's socket names them. Addresses are words in network byte order, of IPv6 ends the last one. */
  | {
      readonly kind: "tuple";
      readonly text: string;
      /** Null: TCP or UDP. */
      readonly protocol: number | null;
      readonly ipv6: boolean;
      readonly source: number;
      readonly sourcePort: number;
      readonly target: number;
      readonly targetPort: number;
    };

const FORMS = 'WORKLOAD:N (the n-th connection that a workload opens, from 1) or "[tcp|udp ]ADDRESS:PORT->ADDRESS:PORT", IPv6 addresses in brackets';
const TUPLE = /^(?:(tcp|udp)\s+)?(\S+):(\d{1,5})\s*->\s*(\S+):(\d{1,5})$/i;
const NTH = /^(.*):(\d{1,15})$/;
const PORT_MAX = 65_535;

/** Reads an option against the names of the scenario's workloads. Throws `InputError`. */
export function parseTraceRequest(text: string, workloads: readonly string[], option = "--trace"): TraceRequest {
  const refusal: Refusal = (message, expected, names) => refusalOf(option, message, { expected, names });
  if (text.includes("->")) return parseTuple(text, refusal);
  const match = NTH.exec(text);
  if (match === null) {
    if (workloads.includes(text)) throw refusal(`"${text}" does not say which connection of the workload`, `${text}:1, ${text}:2 …`);
    throw refusal(`"${text}" names no connection`, FORMS);
  }
  const workload = match[1]!;
  const nth = Number(match[2]);
  if (!workloads.includes(workload)) {
    throw refusal(`there is no workload "${workload}"`, `one of ${workloads.join(", ")}`, { written: workload, valid: workloads });
  }
  if (nth < 1) throw refusal("connections of a workload count from 1", `${workload}:1 or more`);
  return { kind: "nth", text, workload, nth };
}

function parseTuple(text: string, refusal: Refusal): TraceRequest {
  const match = TUPLE.exec(text);
  if (match === null) throw refusal(`"${text}" is no connection`, FORMS);
  const [, protocol, source, sourcePort, target, targetPort] = match;
  const ipv6 = source!.startsWith("[");
  return {
    kind: "tuple",
    text,
    protocol: protocol === undefined ? null : protocol.toLowerCase() === "tcp" ? IPPROTO_TCP : IPPROTO_UDP,
    ipv6,
    source: parseEnd(source!, ipv6, refusal),
    sourcePort: parsePort(sourcePort!, refusal),
    target: parseEnd(target!, ipv6, refusal),
    targetPort: parsePort(targetPort!, refusal),
  };
}

/** Ends of simulated nodes have an IPv6 address that says their IPv4 one (node/ipv6.ts): one word names either. */
function parseEnd(text: string, ipv6: boolean, refusal: Refusal): number {
  const words = parseAddress(ipv6 ? text.replace(/^\[(.*)\]$/, "$1") : text);
  const last = words?.at(-1);
  if (last !== undefined && words!.length === (ipv6 ? IPV6_WORDS : IPV4_WORDS)) {
    if (!ipv6 || addressOf(last, IPV6_WORDS).every((word, i) => word === words![i])) return last;
  }
  const expected = ipv6 ? "an address of a simulated node's ends such as [fd00::af4:a]" : "an address such as 10.244.0.10, or [fd00::af4:a]";
  throw refusal(`"${text}" is no IPv${ipv6 ? 6 : 4} address${ipv6 ? " of this network" : ""}`, expected);
}

function parsePort(text: string, refusal: Refusal): number {
  const port = Number(text);
  if (port > PORT_MAX) throw refusal(`${text} is no port`, `0 to ${PORT_MAX}`);
  return port;
}

/** Ends of a connection as text, the way a request names them. */
export function tupleText(source: number, sourcePort: number, target: number, targetPort: number, ipv6 = false): string {
  const text = (word: number): string => (ipv6 ? `[${formatAddress(addressOf(word, IPV6_WORDS), 0, IPV6_WORDS)}]` : formatIpv4(word));
  return `${text(source)}:${sourcePort}->${text(target)}:${targetPort}`;
}

/** Names of which one was perhaps meant. */
interface Names {
  readonly written: string;
  readonly valid: readonly string[];
}
type Refusal = (message: string, expected: string, names?: Names) => InputError;
