/**
 * The NAT maps as `cilium bpf nat list` prints them (pkg/maps/nat/ipv4.go, `NatEntry4.Dump`; cilium-dbg/cmd/bpf_nat_list.go),
 * and the histogram of `cilium bpf nat retries list` (bpf_nat_retries_list.go), which 1.18 and later keep.
 */
import type { CiliumMaps } from "../../cilium/maps.js";
import { formatAddress, IPV4_WORDS, IPV6_WORDS, type AddressWords } from "../../cilium/maps/address.js";
import type { NatMap } from "../../cilium/maps/nat-map.js";
import { TUPLE_F_IN, Tuple } from "../../cilium/maps/tuple.js";
import { tupleText } from "./conntrack.js";
import { slotsOf } from "./walk.js";

/** `clock`: the datapath's, at the moment of the dump; `unitSeconds`: what one step of it takes. */
export interface NatClock {
  readonly now: number;
  readonly unitSeconds: number;
}

/** Lines with their ends; an empty one after each map. */
export function* natText(maps: CiliumMaps, clock: NatClock): Iterable<string> {
  for (const words of [IPV4_WORDS, IPV6_WORDS] as const) {
    if (maps.hasFamily(words)) yield* mapText(maps.family(words).snatExternal, words, clock);
  }
}

function* mapText(nat: NatMap, words: AddressWords, clock: NatClock): Iterable<string> {
  const tuple = new Tuple();
  tuple.addressWords = words;
  const to = new Int32Array(words);
  for (const slot of slotsOf(nat.map)) {
    nat.map.copyKey(slot, tuple.words, 0);
    nat.copyToAddr(slot, to, 0);
    const key = tupleText(tuple, formatAddress(tuple.words, words, words), formatAddress(tuple.words, 0, words));
    const which = (tuple.flags & TUPLE_F_IN) !== 0 ? "DST" : "SRC";
    const age = Math.floor((clock.now - (nat.created(slot) >>> 0)) * clock.unitSeconds);
    yield `${key}XLATE_${which} ${formatAddress(to, 0, words)}:${nat.toPort(slot)} Created=${age}sec ago NeedsCT=${nat.needsCt(slot) ? 1 : 0}\n`;
  }
  yield "\n";
}

/**
 * A line for each number of further tries from 0 to the most, `max`. A run counts both families together: all of them stand
 * in IPv4's part, unless there is none.
 */
export function retriesText(counts: ArrayLike<number>, max: number, families: number): string {
  const part = (count: (tries: number) => number): string => Array.from({ length: max + 1 }, (_, tries) => `${tries}:\t${count(tries)}\n`).join("");
  return part((tries) => counts[tries]!) + part(() => 0).repeat(families - 1);
}
