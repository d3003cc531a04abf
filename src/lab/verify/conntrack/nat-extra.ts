/** Kinds `nat-icmp-error` and `nat-statistics`: errors about translated packets, and port allocation under load. */

import { DROP_CSUM_L4 } from "../../../cilium/datapath/drop-reasons.js";
import { snatEgress, snatNewMapping, snatReverse } from "../../../cilium/datapath/nat.js";
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, ICMP_ECHO, TCP_HEADER_BYTES } from "../../../cilium/datapath/packet.js";
import { formatIpv4, ipv4 } from "../../../cilium/maps/address.js";
import { RandomStreams } from "../../../core/random.js";
import type { Difference } from "../case.js";
import { firstDifference } from "../compare.js";
import { PROTOCOLS } from "../map-entries.js";
import type { Bench } from "./bench.js";
import { natBench } from "./nat.js";
import type { IcmpErrorVector, StatisticsVector } from "./shapes.js";

/** Addresses for the names in the vectors. */
const ADDRESSES: Readonly<Record<string, string>> = {
  ENDPOINT: "10.0.1.10",
  HOST: "192.0.2.1",
  WORLD: "198.51.100.9",
  ROUTER: "203.0.113.1",
};
/** What a named identifier stands for. */
const NAMED_PORT = 12345;
const PORT_MIN = 32768;

function addressOf(name: string): number {
  return ipv4(ADDRESSES[name] ?? name);
}

/** `NAME:port`, `NAME:ID` or `NAME`. */
function placeOf(text: string): { address: number; port: number } {
  const [name, port] = text.split(":") as [string, string?];
  return { address: addressOf(name), port: port === undefined ? 0 : Number.isNaN(Number(port)) ? NAMED_PORT : Number(port) };
}

function pairOf(text: string): { from: { address: number; port: number }; to: { address: number; port: number } } {
  const [from, to] = text.split(" -> ") as [string, string];
  return { from: placeOf(from), to: placeOf(to) };
}

/** Makes the mapping of one outgoing packet, forced onto the wanted port. */
function establish(bench: Bench, proto: string, src: string, dst: string, snat: string): number {
  const { datapath: dp } = bench;
  const { packet, natTarget } = dp;
  const source = placeOf(src);
  const target = placeOf(snat);
  packet.reset();
  packet.protocol = PROTOCOLS[proto]!;
  packet.saddr = source.address;
  packet.daddr = placeOf(dst).address;
  packet.dport = placeOf(dst).port;
  if (packet.protocol === IPPROTO_ICMP) {
    packet.icmpType = ICMP_ECHO;
    packet.icmpId = source.port;
  } else {
    packet.sport = source.port;
  }
  natTarget.address[0] = target.address;
  natTarget.portMin = target.port;
  natTarget.portMax = target.port;
  natTarget.fromLocalEndpoint = true;
  natTarget.needsCt = false;
  return snatEgress(dp, natTarget);
}

export function compareIcmpError(vector: IcmpErrorVector): Difference | undefined {
  if ("dropReasonWhenPortChanges" in vector.expect) return compareSctp(vector.expect.dropReasonWhenPortChanges);
  const { setup, packet: error, expect } = vector;
  if (setup === undefined || error === undefined) return { where: "setup", expected: "a mapping and a packet", actual: "nothing" };
  const bench = natBench();
  const { datapath: dp } = bench;
  const { proto, src, dst, snat } = setup.mapping;
  const made = establish(bench, proto, src, dst, snat);
  if (made !== 0) return { where: "mapping", expected: "a mapping", actual: `drop ${-made}` };

  const outer = pairOf(error.outer);
  const inner = pairOf(error.inner);
  const { packet } = dp;
  packet.reset();
  packet.protocol = IPPROTO_ICMP;
  packet.saddr = outer.from.address;
  packet.daddr = outer.to.address;
  packet.icmpType = error.type;
  packet.icmpCode = error.code;
  packet.innerProtocol = PROTOCOLS[proto]!;
  packet.row[packet.innerSaddrAt] = inner.from.address;
  packet.row[packet.innerDaddrAt] = inner.to.address;
  const fromNetwork = outer.to.address === placeOf(snat).address;
  if (packet.innerProtocol === IPPROTO_ICMP) {
    packet.innerIcmpType = fromNetwork ? ICMP_ECHO : 0;
    packet.innerIcmpId = fromNetwork ? inner.from.port : inner.to.port;
  } else {
    packet.innerSport = inner.from.port;
    packet.innerDport = inner.to.port;
  }
  packet.innerL4Bytes = TCP_HEADER_BYTES;
  const ret = fromNetwork ? snatReverse(dp) : snatEgress(dp, dp.natTarget);
  return (
    firstDifference("translation", 0, ret) ??
    firstDifference("outer", textOf(pairOf(expect.outer)), `${formatIpv4(packet.saddr)}:0 -> ${formatIpv4(packet.daddr)}:0`) ??
    firstDifference("inner", innerText(pairOf(expect.inner), packet.innerProtocol), innerOf(dp))
  );
}

function textOf({ from, to }: ReturnType<typeof pairOf>): string {
  return `${formatIpv4(from.address)}:${from.port} -> ${formatIpv4(to.address)}:${to.port}`;
}

/** An echo has one identifier; whatever port its far end is written with means nothing. */
function innerText(pair: ReturnType<typeof pairOf>, protocol: number): string {
  if (protocol !== IPPROTO_ICMP) return textOf(pair);
  const near = pair.from.address === addressOf("WORLD") ? pair.to : pair.from;
  return `${formatIpv4(pair.from.address)} -> ${formatIpv4(pair.to.address)} id ${near.port}`;
}

function innerOf({ packet }: Bench["datapath"]): string {
  const from = formatIpv4(packet.row[packet.innerSaddrAt]!);
  const to = formatIpv4(packet.row[packet.innerDaddrAt]!);
  if (packet.innerProtocol === IPPROTO_ICMP) return `${from} -> ${to} id ${packet.innerIcmpId}`;
  return `${from}:${packet.innerSport} -> ${to}:${packet.innerDport}`;
}

/** SCTP: a changed port drops, a kept one passes. */
function compareSctp(reason: number): Difference | undefined {
  const changed = sctpBench();
  const kept = sctpBench();
  return (
    firstDifference("SCTP, port changes", -reason, establish(changed, "sctp", "ENDPOINT:3030", "WORLD:80", `HOST:${PORT_MIN}`)) ??
    firstDifference("SCTP, the code of an unsupported checksum", DROP_CSUM_L4, -reason) ??
    firstDifference("SCTP, port kept", 0, establish(kept, "sctp", `ENDPOINT:${PORT_MIN}`, "WORLD:80", `HOST:${PORT_MIN}`))
  );
}

function sctpBench(): Bench {
  return natBench(undefined, true);
}

/** Seed of the statistical runs: any would do, a fixed one repeats. */
const SEED = "nat-statistics";
/** Ports that a client uses: the kernel's default local range. */
const EPHEMERAL_FIRST = 32768;
const EPHEMERAL_COUNT = 28232;
const NAT_ENTRIES = 1 << 20;
/** First retry index that few allocations may need, by protocol. */
const RARE_RETRY = { [IPPROTO_TCP]: 10, [IPPROTO_UDP]: 11 } as const;

/** What a run left. */
interface AllocationRun {
  readonly iterations: number;
  readonly failuresAtHalf: number;
  readonly failuresAtThreeQuarters: number;
  readonly failures: number;
  /** First iteration at which 5 % of all allocations so far had failed. */
  readonly fivePercentAt: number;
  /** Successes by number of further tries. */
  readonly successes: Uint32Array;
}

/** The order in which a client's connections get their ports: Linux connects from even ports first; UDP binds at random. */
function portOrder(protocol: number, below: (n: number) => number): number[] {
  if (protocol === IPPROTO_TCP) {
    const half = EPHEMERAL_COUNT / 2;
    const offset = below(half);
    const turn = (first: number): number[] => Array.from({ length: half }, (_, k) => first + 2 * ((offset + k) % half));
    return [...turn(EPHEMERAL_FIRST), ...turn(EPHEMERAL_FIRST + 1)];
  }
  const ports = Array.from({ length: EPHEMERAL_COUNT }, (_, k) => EPHEMERAL_FIRST + k);
  for (let i = ports.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [ports[i], ports[j]] = [ports[j]!, ports[i]!];
  }
  return ports;
}

function allocate(setup: StatisticsVector["setup"], protocol: number): AllocationRun {
  const stream = new RandomStreams(SEED).stream(`protocol ${protocol}`);
  const bench = natBench(NAT_ENTRIES);
  const { datapath: dp } = bench;
  const { natTuple: forward, natTarget: target } = dp;
  const successes = new Uint32Array(dp.config.nat.tries + 1);
  const clients = Array.from({ length: setup.clients }, () => portOrder(protocol, (n) => stream.below(n)));
  const range = setup.maxPort - setup.minPort + 1;
  const iterations = Math.min(setup.clients * EPHEMERAL_COUNT, setup.remoteAddresses * range);
  target.address[0] = addressOf("HOST");
  target.portMin = setup.minPort;
  target.portMax = setup.maxPort;
  target.needsCt = true;

  let failures = 0;
  let failuresAtHalf = 0;
  let failuresAtThreeQuarters = 0;
  let fivePercentAt = iterations;
  for (let i = 0; i < iterations; i++) {
    const client = i % setup.clients;
    forward.words[0] = 0x01010101 * (1 + stream.below(setup.remoteAddresses));
    forward.words[1] = addressOf("ENDPOINT") + (client << 16);
    forward.setPorts(setup.remotePort, clients[client]![Math.floor(i / setup.clients)]!);
    forward.setProtocolAndFlags(protocol, 0);
    bench.begin(0);
    bench.random = stream.nextUint32();
    const port = snatNewMapping(dp, dp.family.snatExternal, forward, target);
    if (port >= 0) {
      successes[bench.updates - 2]!++;
    } else {
      failures++;
      if (fivePercentAt === iterations && failures >= (i + 1) / 20) fivePercentAt = i;
    }
    if (i === Math.floor(iterations / 2)) failuresAtHalf = failures;
    if (i === Math.floor((iterations * 3) / 4)) failuresAtThreeQuarters = failures;
  }
  return { iterations, failuresAtHalf, failuresAtThreeQuarters, failures, fivePercentAt, successes };
}

/** A bound in words: `< 10`, `< 7 %`, `70 % of iterations`. */
function boundOf(text: string): number | undefined {
  const match = /^(?:< )?(\d+)( %)?/.exec(text);
  if (match === null) return undefined;
  return match[2] === undefined ? Number(match[1]) : Number(match[1]) / 100;
}

export function compareStatistics({ setup, expect }: StatisticsVector): Difference | undefined {
  for (const protocol of [IPPROTO_TCP, IPPROTO_UDP] as const) {
    const run = allocate(setup, protocol);
    const name = protocol === IPPROTO_TCP ? "TCP" : "UDP";
    const rare = run.successes.subarray(RARE_RETRY[protocol]);
    const difference =
      below(`${name} failuresAtHalf`, expect.failuresAtHalf, run.failuresAtHalf) ??
      below(`${name} failureShareAt75Percent`, expect.failureShareAt75Percent, run.failuresAtThreeQuarters / (run.iterations * 0.75)) ??
      below(`${name} failureShareAtEnd`, expect.failureShareAtEnd, run.failures / run.iterations) ??
      below(`${name} successesPerRetryIndexFrom10On`, expect.successesPerRetryIndexFrom10On, Math.max(...rare)) ??
      notBefore(`${name} fivePercentFailuresNotBefore`, expect.fivePercentFailuresNotBefore, run.fivePercentAt / run.iterations) ??
      falling(`${name} monotonic`, expect.monotonic, run.successes);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function below(where: string, text: string, actual: number): Difference | undefined {
  const bound = text.startsWith("< ") ? boundOf(text) : undefined;
  return bound !== undefined && actual < bound ? undefined : { where, expected: text, actual: String(actual) };
}

function notBefore(where: string, text: string, actual: number): Difference | undefined {
  const bound = boundOf(text);
  return bound !== undefined && actual >= bound ? undefined : { where, expected: text, actual: String(actual) };
}

/** Further tries that the monotonic part of the distribution covers. */
const MONOTONIC_TRIES = 5;

function falling(where: string, text: string, successes: Uint32Array): Difference | undefined {
  for (let i = 1; i < successes.length; i++) {
    const limit = successes[Math.min(i - 1, MONOTONIC_TRIES)]!;
    if (successes[i]! > limit) return { where, expected: text, actual: `${successes[i]} successes at retry ${i}, ${limit} before` };
  }
  return undefined;
}
