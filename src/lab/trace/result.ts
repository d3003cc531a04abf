/** What following one connection gives: plain data, in the order of simulated time. */
import type { WalkStep } from "../../cilium/datapath/trace/walk-trace.js";

export interface ConnectionTrace {
  /** As it was asked for. */
  readonly request: string;
  /** Name of the variant; null when the scenario has none. */
  readonly variant: string | null;
  /** Null when no such connection was opened. */
  readonly connection: TracedConnection | null;
  /** When there is none: what the run had instead. */
  readonly missing: string | null;
  readonly records: readonly TraceRecord[];
  /** Records left out of the middle of a long life. */
  readonly omitted: number;
}

export interface TracedConnection {
  readonly workload: string;
  /** Which connection of its workload, from 1. */
  readonly nth: number;
  readonly protocol: string;
  /** `10.244.0.10:41234->10.96.0.10:80`, as the client's socket names the ends. */
  readonly tuple: string;
  /** Names of both ends, where the cluster knows them. */
  readonly client: string;
  readonly server: string;
  readonly openedAtNs: number;
}

/** Something that happened to the connection. */
export interface TraceRecord {
  readonly timeNs: number;
  /**
   * `socket`: what an application or TCP did or was told; `packet`: a packet through the node's programs; `entry`: a map
   * entry of the connection went without it.
   */
  readonly kind: "socket" | "packet" | "entry";
  readonly text: string;
  /** CPU whose programs ran; for packets. */
  readonly cpu?: number;
  /** What they cost, ns; for packets and connect(). */
  readonly costNs?: number;
  /** Hook by hook; for packets and connect(). */
  readonly steps: readonly WalkStep[];
  /** The same as data; for packets. */
  readonly packet?: PacketFacts;
  /** For entries. */
  readonly entry?: EntryFacts;
}

/** How full a map was. */
export interface MapFill {
  readonly map: string;
  readonly entries: number;
  readonly maxEntries: number;
}

export interface PacketFacts {
  /** `stranger`: a host that does not know the connection. */
  readonly from: "client" | "server" | "stranger";
  /** `SYN,ACK`; empty for datagrams. */
  readonly flags: string;
  /** How often the sender has sent again so far. */
  readonly again: number;
  /** What the programs did with it; `lost`: no route. */
  readonly outcome: "dropped" | "delivered" | "sent" | "host" | "answered" | "proxy" | "lost";
  /** Cilium's number and text, and the errno that came with it. */
  readonly drop: { readonly code: number; readonly reason: string; readonly errno: string | null } | null;
  /** Conntrack and NAT as the packet found them. */
  readonly fills: readonly MapFill[];
  /** The agent walks a map: to collect, to count its entries, or for a pod that came or went. */
  readonly agentWalks: boolean;
}

export interface EntryFacts {
  readonly gone: "evicted" | "deleted" | "recreated";
  /** What the map held then, this entry included where it was evicted. */
  readonly fill: MapFill;
  /** How much longer a conntrack entry would have lived, s, negative when it was past its time; null for other maps. */
  readonly leftS: number | null;
}
