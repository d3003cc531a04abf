/** What the network of a node joins, and whom it serves. */
import type { Simulation } from "../core/simulation.js";
import type { RunRecorder } from "../observe/recorder.js";
import type { AddedBackends } from "./added-backends.js";
import type { Collector } from "./collector.js";
import type { CpuQueues } from "./cpu.js";
import type { Directory } from "./directory.js";
import type { NodeHooks } from "./hooks.js";
import type { Link } from "./link.js";
import type { MapWatch } from "./map-watch.js";
import type { Topology } from "./topology.js";
import type { Underlay } from "./underlay.js";

/** The two ends' users: sockets of one protocol. */
export interface Ends {
  /** A packet has arrived at a socket. */
  deliver(flow: number, side: number, tcpFlags: number, payloadBytes: number, tag: number): void;
  /** An ICMP error says that nobody takes the side's packets. */
  unreachable(flow: number, side: number, tag: number): void;
  /** A first packet comes to a server other than the one that had the flow. False: it is none that opens a flow. */
  reopen(flow: number): boolean;
  /** Nobody listens where the first packet went. */
  refuse(flow: number): void;
}

export interface NetworkParts {
  readonly simulation: Simulation;
  readonly topology: Topology;
  readonly directory: Directory;
  readonly hooks: NodeHooks;
  readonly cpus: CpuQueues;
  readonly link: Link;
  readonly underlay: Underlay;
  readonly collector: Collector;
  readonly recorder: RunRecorder;
  readonly watch: MapWatch;
  readonly added: AddedBackends;
  /** Uptime at simulated time 0, and the unit of the datapath's clock, ns. */
  readonly clock: { readonly bootNs: number; readonly unitNs: number };
  /** Bytes of the largest packet between nodes, from the IP header on. */
  readonly mtu: number;
  /** Prefixes whose packets XDP throws away first. */
  readonly prefilter: readonly string[];
}
