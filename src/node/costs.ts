/**
 * What a packet costs on a CPU: the map operations and steps that its programs counted, each weighed in nanoseconds.
 *
 * Map operations are measured (see bpf/cost.ts); lookups count as recent, because the packets of a connection follow each
 * other within milliseconds and its entries are still in the cache. What programs do between them is assumed,
 * with the reason beside it. Costs change with the fill of the maps, so the weights are renewed now and then (`refresh`).
 */
import { operationCost, type MapCostKind } from "../bpf/cost.js";
import type { BpfMap } from "../bpf/map.js";
import * as op from "../cilium/datapath/ops.js";
import type { CiliumMaps } from "../cilium/maps.js";
import type { CiliumMapName } from "../cilium/maps/definitions.js";

/** Which operation of which map a counter stands for; costs of the others are fixed. */
const MAP_OPERATIONS: readonly (readonly [counter: number, map: CiliumMapName, kind: MapCostKind])[] = [
  [op.OP_CT_LOOKUP, "ct4_global", "recent"],
  [op.OP_CT_UPDATE, "ct4_global", "insert"],
  [op.OP_NAT_LOOKUP, "snat_v4_external", "recent"],
  [op.OP_NAT_UPDATE, "snat_v4_external", "insert"],
  [op.OP_NAT_DELETE, "snat_v4_external", "delete"],
  [op.OP_SERVICES_LOOKUP, "lb4_services_v2", "recent"],
  [op.OP_BACKENDS_LOOKUP, "lb4_backends_v3", "recent"],
  [op.OP_REVERSE_NAT_LOOKUP, "lb4_reverse_nat", "recent"],
  [op.OP_AFFINITY_LOOKUP, "lb4_affinity", "recent"],
  [op.OP_AFFINITY_UPDATE, "lb4_affinity", "insert"],
  [op.OP_REVERSE_SK_LOOKUP, "lb4_reverse_sk", "recent"],
  [op.OP_REVERSE_SK_UPDATE, "lb4_reverse_sk", "insert"],
  [op.OP_ENDPOINTS_LOOKUP, "lxc", "recent"],
  [op.OP_IPCACHE_LOOKUP, "ipcache", "recent"],
];

/**
 * Steps that are no operation of a large map, ns. Assumed, from the cost of an empty and a parsing XDP program under
 * BPF_PROG_TEST_RUN (21 and 24 ns, kernel 6.18) and what each adds: a TC program starts from an skb, a tail call is an
 * indirect jump, a FIB lookup walks the routing trie and the neighbour table, an event copies 128 bytes into a perf ring.
 */
const STEP_NS: readonly (readonly [counter: number, ns: number])[] = [
  [op.OP_RUN_LXC, 90],
  [op.OP_RUN_NETDEV_INGRESS, 90],
  [op.OP_RUN_NETDEV_EGRESS, 70],
  [op.OP_RUN_XDP, 30],
  [op.OP_RUN_HOST, 70],
  // The program, and the tunnel device's own part: headers put on or taken off, a second way through the UDP stack.
  [op.OP_RUN_OVERLAY, 70 + 330],
  // WireGuard and IPsec: state lookup, hand-over to a worker or to xfrm, allocation; the cipher's bytes are in wrapping.ts.
  [op.OP_CRYPTO, 800],
  [op.OP_TAIL_CALL, 12],
  [op.OP_FIB_LOOKUP, 60],
  // `__bpf_redirect_neigh_v4` without a next hop: `ip_route_output_flow`, then the neighbour, behind the program instead of in it.
  [op.OP_REDIRECT_NEIGH, 60],
  [op.OP_POLICY_LOOKUP, 35],
  [op.OP_SCRATCH_LOOKUP, 5],
  [op.OP_SCRATCH_UPDATE, 15],
  [op.OP_METRICS_LOOKUP, 15],
  [op.OP_METRICS_UPDATE, 15],
  [op.OP_EVENT_TRACE, 350],
  [op.OP_EVENT_DROP, 350],
  [op.OP_EVENT_VERDICT, 300],
  [op.OP_SIGNAL, 250],
  [op.OP_RANDOM, 8],
  [op.OP_HASH, 10],
];

/** Keeps the datapath's costs in step with the maps. */
export class PacketCosts {
  readonly #maps: CiliumMaps;
  readonly #costs: Int32Array;

  /** `costs`: `DatapathContext.opCosts`, ns by counter. */
  constructor(maps: CiliumMaps, costs: Int32Array) {
    this.#maps = maps;
    this.#costs = costs;
    for (const [counter, ns] of STEP_NS) costs[counter] = ns;
    this.refresh();
  }

  /** Takes the present fill of the maps into account; whole nanoseconds. */
  refresh(): void {
    for (const [counter, name, kind] of MAP_OPERATIONS) {
      const map: BpfMap | undefined = this.#maps.get(name);
      if (map !== undefined) this.#costs[counter] = Math.round(operationCost(map.spec, kind, map.count));
    }
  }
}
