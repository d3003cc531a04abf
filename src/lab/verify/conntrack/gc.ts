/** Kinds `gc`, `gc-orphan`, `gc-interval`, `gc-interval-config`: what the agent's collection leaves, and how long it waits. */

import { chooseInterval, nextInterval } from "../../../cilium/agent/gc-interval.js";
import { walkKeys } from "../../../cilium/agent/gc-plain.js";
import { conntrackPairs, expiryRule } from "../../../cilium/agent/gc-targets.js";
import type { ConntrackPair } from "../../../cilium/agent/gc-targets.js";
import { purgeOrphans } from "../../../cilium/agent/nat-purge.js";
import { CT_DSR_INTERNAL } from "../../../cilium/maps/ct-flags.js";
import type { CtMap } from "../../../cilium/maps/ct-map.js";
import { Tuple, TUPLE_F_IN, TUPLE_F_OUT, TUPLE_F_SERVICE } from "../../../cilium/maps/tuple.js";
import { NS_PER_S } from "../../../core/units.js";
import type { Difference } from "../case.js";
import { firstDifference } from "../compare.js";
import { PROTOCOLS } from "../map-entries.js";
import { Bench, parseEndpoint } from "./bench.js";
import type { GcVector, IntervalConfigVector, IntervalVector, OrphanVector } from "./shapes.js";

const FLOW_TYPES: Readonly<Record<string, number>> = { OUT: TUPLE_F_OUT, IN: TUPLE_F_IN, SERVICE: TUPLE_F_SERVICE };

/** `TCP OUT a:p -> b:q`, in packet order. */
export interface Flow {
  readonly proto: number;
  readonly flags: number;
  readonly source: { address: number; port: number };
  readonly destination: { address: number; port: number };
}

export function parseFlow(text: string): Flow {
  const match = /^(\w+) (\w+) (\S+) -> (\S+)$/.exec(text);
  const proto = PROTOCOLS[match?.[1]?.toLowerCase() ?? ""];
  const flags = FLOW_TYPES[match?.[2] ?? ""];
  if (match === null || proto === undefined || flags === undefined) throw new RangeError(`not a flow: ${text}`);
  return { proto, flags, source: parseEndpoint(match[3]!), destination: parseEndpoint(match[4]!) };
}

/** Key of a conntrack entry for a connection: OUT and IN store addresses swapped, SERVICE ports swapped. */
export function ctTuple({ proto, flags, source, destination }: Flow): Tuple {
  const tuple = natTuple({ proto, flags, source, destination });
  if (flags === TUPLE_F_SERVICE) tuple.swapPorts();
  else tuple.swapAddresses();
  return tuple;
}

/** Key of a NAT entry: as in the packet. */
export function natTuple({ proto, flags, source, destination }: Flow): Tuple {
  const tuple = new Tuple();
  tuple.words[0] = destination.address;
  tuple.words[1] = source.address;
  tuple.setPorts(destination.port, source.port);
  tuple.setProtocolAndFlags(proto, flags);
  return tuple;
}

function ctOf(bench: Bench, proto: number): CtMap {
  return proto === PROTOCOLS["tcp"] ? bench.maps.ct4Global : bench.maps.ctAny4Global;
}

function addCt(bench: Bench, text: string, lifetime: number, flags: number): void {
  const flow = parseFlow(text);
  const ct = ctOf(bench, flow.proto);
  const slot = ct.map.update(ctTuple(flow).words, 0, 0, 0);
  ct.setLifetime(slot, lifetime);
  ct.setFlags(slot, flags);
}

/** `SRC a:p` or `DST a:p`: what the entry translates to. */
function addNat(bench: Bench, key: string, translation: string): void {
  const nat = bench.maps.snatV4External;
  const to = parseEndpoint(translation.replace(/^(SRC|DST) /, ""))!;
  const slot = nat.map.update(natTuple(parseFlow(key)).words, 0, 0, 0);
  nat.setToAddr(slot, Int32Array.of(to.address), 0);
  nat.setToPort(slot, to.port);
}

function pairOf(bench: Bench): ConntrackPair {
  return conntrackPairs(bench.maps, true)[0]!;
}

export function compareGc(vector: GcVector): Difference | undefined {
  const bench = new Bench({});
  for (const { map, flow, lifetime, dsr_internal: dsr } of vector.ct) {
    const { name } = ctOf(bench, parseFlow(flow).proto).map.spec;
    if (map !== name) return { where: `ct ${flow}`, expected: map, actual: name };
    addCt(bench, flow, lifetime, dsr === 1 ? CT_DSR_INTERNAL : 0);
  }
  for (const { key, xlate } of vector.nat) addNat(bench, key, xlate);
  const pair = pairOf(bench);
  const rule = expiryRule(vector.gc.now);
  const walks = [walkKeys(pair.tcp, rule, 0), walkKeys(pair.any, rule, 0)];
  if (vector.gc.trigger === "signal") purgeOrphans(pair, false, 0);
  const actual = {
    ctAlive: walks[0]!.alive + walks[1]!.alive,
    ctDeleted: walks[0]!.deleted + walks[1]!.deleted,
    natLeft: bench.maps.snatV4External.map.count,
  };
  return firstDifference("gc", vector.expect, actual);
}

/** Long enough that nothing expires in an orphan vector. */
const ALIVE = 1_000_000;

export function compareOrphans(vector: OrphanVector): Difference | undefined {
  let bench = new Bench({});
  for (const [i, step] of vector.steps.entries()) {
    switch (step.op) {
      case "set":
        bench = new Bench({});
        for (const flow of step.ct) addCt(bench, flow, ALIVE, 0);
        for (const entry of step.nat) {
          const match = /^(.*) ((?:SRC|DST) \S+)$/.exec(entry);
          if (match === null) throw new RangeError(`not a mapping: ${entry}`);
          addNat(bench, match[1]!, match[2]!);
        }
        break;
      case "deleteCt": {
        const flow = parseFlow(step.ct);
        const removed = ctOf(bench, flow.proto).map.remove(ctTuple(flow).words, 0, 0);
        if (removed !== 0) return { where: `step ${i}`, expected: "an entry to delete", actual: "no such entry" };
        break;
      }
      case "purge": {
        const all: Record<string, unknown> = { ...purgeOrphans(pairOf(bench), false, 0), natLeft: bench.maps.snatV4External.map.count };
        const named = Object.fromEntries(Object.keys(step.expect).map((name) => [name, all[name]]));
        const difference = firstDifference(`step ${i}`, step.expect, named);
        if (difference !== undefined) return difference;
        break;
      }
    }
  }
  return undefined;
}

export function compareIntervals(vector: IntervalVector): Difference | undefined {
  for (const [i, { prevSeconds, maxDeleteRatio, expectSeconds }] of vector.cases.entries()) {
    const next = nextInterval(prevSeconds * NS_PER_S, maxDeleteRatio) / NS_PER_S;
    const difference = firstDifference(`case ${i}`, expectSeconds, next);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

export function compareConfiguredIntervals(vector: IntervalConfigVector): Difference | undefined {
  for (const [i, each] of vector.cases.entries()) {
    const options = {
      form: "older",
      fixed: (each.conntrackGCIntervalSeconds ?? 0) * NS_PER_S,
      max: (each.conntrackGCMaxIntervalSeconds ?? 0) * NS_PER_S,
    } as const;
    const choice = chooseInterval(options, (each.prevSeconds ?? 0) * NS_PER_S, (each.actualPrevSeconds ?? 0) * NS_PER_S, each.maxDeleteRatio);
    const difference = firstDifference(`case ${i}`, each.expectSeconds, choice.interval / NS_PER_S);
    if (difference !== undefined) return difference;
  }
  return undefined;
}
