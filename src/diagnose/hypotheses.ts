/**
 * What may be behind "my new connections are slow, or my connections die": the eleven mechanisms, a map that refuses, and
 * what is not the map at all. Numbers and threads are those of the incident library (`scenarios/README.md`).
 */

export const HYPOTHESES = [
  "M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8", "M9", "M10", "M11", "full", "policy", "backend", "peer", "hubble", "nothing",
] as const;
export type HypothesisId = (typeof HYPOTHESES)[number];

export interface Hypothesis {
  readonly title: string;
  /** Not a matter of maps. */
  readonly notTheMap: boolean;
  /** How often it is the answer before anything was looked at; all together 1. */
  readonly prior: number;
  /** What helps, and what people turn that has no effect. */
  readonly helps: string;
  readonly noEffect: string;
}

/**
 * Priors, in per cent: who asks such a question has no full map in most threads (user reports of cilium/cilium, 2017 to
 * 2026). They are rough, and decide nothing that two good observations don't outweigh.
 */
export const HYPOTHESIS: Readonly<Record<HypothesisId, Hypothesis>> = {
  M1: {
    title: "live conntrack entries are evicted: the map is too small for the churn",
    notTheMap: false,
    prior: 0.1,
    helps: "bpf.ctTcpMax or bpf.ctAnyMax (`ctlab size` says how much), or less churn: keep-alive, ndots 1, a prefilter against a flood",
    noEffect: "conntrackGCInterval while few entries are past their time; bpf.natMax",
  },
  M2: {
    title: "live entries are evicted although the map has room: free elements are parked in lists of the CPUs",
    notTheMap: false,
    prior: 0.03,
    helps: "a kernel that scales its batches to the map (6.16, 6.12.39, 6.6.99 and later), or a map above 256 entries a CPU",
    noEffect: "conntrackGCInterval; what the pressure metric shows",
  },
  M3: {
    title: "inserts fail with EBUSY while garbage collection walks the map",
    notTheMap: false,
    prior: 0.07,
    helps: "a kernel from 6.15 on (its bucket lock waits), or fewer walks: a longer conntrackGCInterval, a smaller map",
    noEffect: "a larger map: its walks only last longer",
  },
  M4: {
    title: "inserts fail with ENOMEM: the LRU finds no element to give",
    notTheMap: false,
    prior: 0.01,
    helps: "a larger map, fewer possible CPUs",
    noEffect: "conntrackGCInterval: a run does not help",
  },
  M5: {
    title: "garbage collection deletes entries that have just been refreshed",
    notTheMap: false,
    prior: 0.05,
    helps: "clients that do not reuse a port within seconds, a smaller map (shorter batches), fewer runs: a longer conntrackGCInterval",
    noEffect: "a larger map: its batches last longer",
  },
  M6: {
    title: "SNAT finds no source port towards one remote, though the NAT map has room",
    notTheMap: false,
    prior: 0.09,
    helps: "more addresses of the remote or of the egress, connections that are kept, a release whose search tries more ports",
    noEffect: "bpf.natMax, bpf.ctTcpMax",
  },
  M7: {
    title: "the NAT map evicts one half of a pair",
    notTheMap: false,
    prior: 0.06,
    helps: "bpf.natMax; a release that restores the lost half (1.17 on the way out, 1.19 also for replies)",
    noEffect: "bpf.ctTcpMax, conntrackGCInterval",
  },
  M8: {
    title: "orphaned NAT entries: conntrack has forgotten the connections that they belong to",
    notTheMap: false,
    prior: 0.03,
    helps: "a conntrack map that does not evict (bpf.ctAnyMax, bpf.ctTcpMax)",
    noEffect: "conntrackGCInterval: only a signal makes the agent look for orphans; bpf.natMax only delays it",
  },
  M9: {
    title: "garbage collection does not come: a map fills with entries that are past their time",
    notTheMap: false,
    prior: 0.05,
    helps: "a release from 1.19 on, and an end to what sends the signals (ports to spare towards the busiest remote)",
    noEffect: "conntrackGCInterval: signals start its timer anew; a larger map only fills later",
  },
  M10: {
    title: "service entries keep clients on old backends",
    notTheMap: false,
    prior: 0.04,
    helps: "a fresh source port for each connection, a restart of the clients, a shorter lifetime of service entries",
    noEffect: "more backends; bpf.ctTcpMax, bpf.lbMapMax",
  },
  M11: {
    title: "the map was created anew at an agent's start, because its size or flags changed",
    notTheMap: false,
    prior: 0.05,
    helps: "sizes changed on drained nodes only; it is over when connections have found back",
    noEffect: "a still larger map: that is one more change",
  },
  full: {
    title: "a full map refuses entries: a plain hash map, which Cilium's own are not",
    notTheMap: false,
    prior: 0.01,
    helps: "bpf.ctTcpMax or bpf.ctAnyMax, and a look at why the map is no LRU (bpftool map show)",
    noEffect: "conntrackGCInterval while few entries are past their time",
  },
  policy: {
    title: "a network policy denies new connections, as it is told to",
    notTheMap: true,
    prior: 0.11,
    helps: "the policy of the denied pair (hubble observe --verdict DROPPED names it), or the client that knocks",
    noEffect: "the size of any map, conntrackGCInterval",
  },
  backend: {
    title: "packets go to a destination that does not answer: gone, and still in the endpoints",
    notTheMap: true,
    prior: 0.11,
    helps: "readiness and draining of the destination: who ends should say so before it stops answering",
    noEffect: "the size of any map, conntrackGCInterval",
  },
  peer: {
    title: "the peer itself reset its connections: a restart, or a process that ended",
    notTheMap: true,
    prior: 0.09,
    helps: "a look at the peer's restarts at that moment; clients that connect again, or speak UDP",
    noEffect: "the size of any map, conntrackGCInterval",
  },
  hubble: {
    title: "Hubble loses flows: traffic is well, the record of it has holes",
    notTheMap: true,
    prior: 0.05,
    helps: "hubble.eventBufferCapacity, hubble.eventQueueSize, more Relays or fewer readers",
    noEffect: "the size of any conntrack or NAT map",
  },
  nothing: {
    title: "nothing that was read shows trouble",
    notTheMap: true,
    prior: 0.05,
    helps: "the same files from the node and the minute of the trouble; the client's own view",
    noEffect: "the size of any map, as far as this data goes",
  },
};
