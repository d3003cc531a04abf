/**
 * What a packet costs, counted where it happens: map operations, FIB lookups, tail calls, program runs, events.
 *
 * `DatapathContext.ops` is one Int32Array with these indexes; a node puts the cost of each beside it (`opCosts`).
 * Map columns are those of section 11 of Cilium's per-packet tables (`map-operations` vectors).
 */

export const OP_CT_LOOKUP = 0;
export const OP_CT_UPDATE = 1;
export const OP_NAT_LOOKUP = 2;
export const OP_NAT_UPDATE = 3;
export const OP_NAT_DELETE = 4;
export const OP_SERVICES_LOOKUP = 5;
export const OP_BACKENDS_LOOKUP = 6;
export const OP_REVERSE_NAT_LOOKUP = 7;
export const OP_AFFINITY_LOOKUP = 8;
export const OP_AFFINITY_UPDATE = 9;
export const OP_AFFINITY_DELETE = 10;
export const OP_AFFINITY_MATCH_LOOKUP = 11;
export const OP_SOURCE_RANGE_LOOKUP = 12;
export const OP_MAGLEV_OUTER_LOOKUP = 13;
export const OP_MAGLEV_INNER_LOOKUP = 14;
export const OP_REVERSE_SK_LOOKUP = 15;
export const OP_REVERSE_SK_UPDATE = 16;
export const OP_REVERSE_SK_DELETE = 17;
export const OP_IPCACHE_LOOKUP = 18;
export const OP_POLICY_LOOKUP = 19;
export const OP_ENDPOINTS_LOOKUP = 20;
export const OP_NEIGH_LOOKUP = 21;
export const OP_NEIGH_UPDATE = 22;
export const OP_FRAGMENTS_LOOKUP = 23;
export const OP_FRAGMENTS_UPDATE = 24;
export const OP_IPMASQ_LOOKUP = 25;
export const OP_EGRESS_GATEWAY_LOOKUP = 26;
export const OP_THROTTLE_LOOKUP = 27;
/** One-element per-CPU arrays that carry state over a tail call. */
export const OP_SCRATCH_LOOKUP = 28;
export const OP_SCRATCH_UPDATE = 29;
export const OP_METRICS_LOOKUP = 30;
export const OP_METRICS_UPDATE = 31;
/** Not map operations from here on. */
export const OP_FIB_LOOKUP = 32;
export const OP_TAIL_CALL = 33;
/** Programs started by the kernel, by hook. */
export const OP_RUN_LXC = 34;
export const OP_RUN_NETDEV_INGRESS = 35;
export const OP_RUN_NETDEV_EGRESS = 36;
export const OP_RUN_HOST = 37;
export const OP_RUN_OVERLAY = 38;
export const OP_RUN_XDP = 39;
export const OP_RUN_SOCK = 40;
/** Events written to the perf ring. */
export const OP_EVENT_TRACE = 41;
export const OP_EVENT_DROP = 42;
export const OP_EVENT_VERDICT = 43;
export const OP_SIGNAL = 44;
export const OP_RANDOM = 45;
/** Hashes for Maglev. */
export const OP_HASH = 46;
/** Packets encrypted or decrypted by WireGuard or IPsec. */
export const OP_CRYPTO = 47;
/** Redirects without a FIB lookup: the kernel looks the route and the neighbour up when it carries them out. */
export const OP_REDIRECT_NEIGH = 48;

/** Number of counters. */
export const OP_COUNT = 49;

/** Name of each counter, in order: `map.operation` for maps. */
export const OP_NAMES: readonly string[] = [
  "ct.lookup",
  "ct.update",
  "snat.lookup",
  "snat.update",
  "snat.delete",
  "services.lookup",
  "backends.lookup",
  "reverse_nat.lookup",
  "affinity.lookup",
  "affinity.update",
  "affinity.delete",
  "affinity_match.lookup",
  "source_range.lookup",
  "maglev_outer.lookup",
  "maglev_inner.lookup",
  "reverse_sk.lookup",
  "reverse_sk.update",
  "reverse_sk.delete",
  "ipcache.lookup",
  "policy.lookup",
  "endpoints.lookup",
  "neigh.lookup",
  "neigh.update",
  "fragments.lookup",
  "fragments.update",
  "ipmasq.lookup",
  "egress_gateway.lookup",
  "throttle.lookup",
  "scratch.lookup",
  "scratch.update",
  "metrics.lookup",
  "metrics.update",
  "fib",
  "tail_call",
  "run.lxc",
  "run.netdev_ingress",
  "run.netdev_egress",
  "run.host",
  "run.overlay",
  "run.xdp",
  "run.sock",
  "event.trace",
  "event.drop",
  "event.verdict",
  "signal",
  "random",
  "hash",
  "crypto",
  "redirect_neigh",
];
