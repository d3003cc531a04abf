/** What a datapath tells of its walks to whoever remembers them (`RepeatedWalks`), and asks of it. */

import type { BpfMap } from "../../bpf/map.js";
import type { CtMap } from "../maps/ct-map.js";

export interface Walks {
  /** A walk is under way whose end may be worth remembering. */
  recording: boolean;
  /** A walk of a flow is under way. */
  readonly noting: boolean;
  /** Repeats the walk of this packet at that hook and gives its verdict; `NOT_REPEATED` when the programs must run. */
  repeat(hook: number): number;
  /** The walk has looked up a key in a map that packets write: slot or negative. `ct` is the map's view if it is a conntrack map. */
  note(map: BpfMap, ct: CtMap | null, key: Int32Array, slot: number): void;
  /** The walk has made an element, of the key that it looked up last or its pair. */
  made(slot: number): void;
  /** Conntrack has set the lifetime of an entry that it found, for a packet of that side: that many seconds from now. */
  refreshed(ct: CtMap, slot: number, lifetime: number, received: boolean): void;
  /** A packet was counted in the metrics map. */
  counted(reason: number, direction: number, site: number): void;
  /** The programs have run: remembers the walk if it can be repeated. */
  end(verdict: number): void;
  /** Adds the operations of repeated walks that were not added yet to these counters. */
  countInto(counters: Int32Array): void;
}
