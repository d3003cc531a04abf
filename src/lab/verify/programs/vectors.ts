/**
 * The recorded-programs format, "ctlab-cilium-programs/1": shapes of files, vectors, steps and expectations. Every
 * object is closed: a field that is not named here makes its vector fail, since nobody would compare it.
 */

import { z } from "zod";

const proto = z.enum(["tcp", "udp", "icmp", "sctp", "other", "gre"]);
const tcpFlag = z.enum(["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"]);
const int = z.int();
const pods = ["A", "B", "C"] as const;

const backend = z.strictObject({ id: int, addr: z.string(), port: int, proto, state: int.optional() });
const service = z.strictObject({
  vip: z.string(),
  port: int,
  proto,
  revNat: int,
  backends: z.array(int),
  flags: int.optional(),
  flags2: int.optional(),
  affinitySeconds: int.optional(),
  /** Maglev table as backend ids. */
  lut: z.array(int).optional(),
});
const policyEntry = z.strictObject({
  identity: int.optional(),
  proto: proto.optional(),
  port: int.optional(),
  portPrefix: int.optional(),
  deny: z.boolean().optional(),
  proxyPort: int.optional(),
  priority: int.optional(),
  auth: z.union([z.boolean(), int]).optional(),
});
const podPolicy = z.strictObject({ ingress: z.array(policyEntry).optional(), egress: z.array(policyEntry).optional() });

const setup = z.strictObject({
  backends: z.array(backend).optional(),
  services: z.array(service).optional(),
  policy: z.partialRecord(z.enum(pods), podPolicy).optional(),
  ipcache: z.array(z.strictObject({ cidr: z.string(), identity: int, tunnel: z.string().optional() })).optional(),
  sourceRanges: z.array(z.strictObject({ revNat: int, cidrs: z.array(z.string()) })).optional(),
  /** Length of the Maglev tables. */
  maglev: int.optional(),
  /** Entries of both conntrack maps. */
  ctEntries: int.optional(),
});

const dsrOption = z.strictObject({ addr: z.string(), port: int });
const inner = z.strictObject({
  proto,
  src: z.string(),
  dst: z.string(),
  sport: int.optional(),
  dport: int.optional(),
  flags: z.array(tcpFlag).optional(),
  type: int.optional(),
  code: int.optional(),
  id: int.optional(),
  seq: int.optional(),
});
const headers = {
  proto,
  src: z.string(),
  dst: z.string(),
  sport: int.optional(),
  dport: int.optional(),
  flags: z.array(tcpFlag).optional(),
  type: int.optional(),
  code: int.optional(),
  id: int.optional(),
  seq: int.optional(),
  inner: inner.optional(),
  dsrOption: dsrOption.optional(),
  /** Flags and offset word of the IP header. */
  frag: int.optional(),
  ipid: int.optional(),
  protonum: int.optional(),
};
const packet = z.strictObject({
  ...headers,
  innerL4Bytes: int.optional(),
  payload: int.optional(),
  ttl: int.optional(),
  /** Of a decapsulated packet: identity in the tunnel header, and the sending node. */
  tunnelId: int.optional(),
  tunnelRemote: z.string().optional(),
});
const out = z.strictObject({ ...headers, ttl: int, badChecksum: z.array(z.string()).optional() });

export const ctKey = z.strictObject({
  daddr: z.string(),
  saddr: z.string(),
  dport: int,
  sport: int,
  proto,
  type: z.enum(["OUT", "IN", "SERVICE", "RELATED_OUT", "RELATED_IN"]),
});
const affinityKey = z.strictObject({ client: z.string(), rev_nat_index: int, netns_cookie: int });
export const natValue = z.strictObject({ to_addr: z.string(), to_port: int, needs_ct: int, created: int });
const mapName = z.enum(["ct4_global", "ct_any4_global", "snat_v4_external", "lb4_affinity"]);
const mapKey = z.union([ctKey, affinityKey]);
/** A conntrack or affinity value; its fields are compared as a whole with what the model writes for its entry. */
const mapValue = z.record(z.string(), z.union([int, z.array(tcpFlag)]));
const mapEntry = z.strictObject({ map: mapName, key: mapKey, entry: mapValue.optional(), nat: natValue.optional() });

const operations = z.strictObject({ lookup: int.optional(), update: int.optional(), delete: int.optional() });
const event = z.strictObject({
  type: z.enum(["trace", "drop", "verdict"]),
  source: int,
  point: z.string().optional(),
  srcLabel: int.optional(),
  dstLabel: int.optional(),
  dstId: int.optional(),
  reason: z.union([z.string(), int]).optional(),
  ifindex: z.union([z.string(), int]).optional(),
  origAddr: z.string().optional(),
  extError: int.optional(),
  remoteLabel: int.optional(),
  verdict: int.optional(),
  dstPort: int.optional(),
  proto: proto.optional(),
  dir: z.enum(["egress", "ingress"]).optional(),
  match: z.string().optional(),
  audited: int.optional(),
});

const expectation = z.strictObject({
  path: z.array(z.string()),
  verdict: z.string(),
  tunnel: z.strictObject({ id: int, remote: z.string() }).optional(),
  dropReason: int.optional(),
  extError: int.optional(),
  xferFlags: z.array(z.string()).optional(),
  out: out.optional(),
  events: z.array(event).optional(),
  signals: z.array(z.string()).optional(),
  changes: z.strictObject({
    set: z.array(mapEntry).optional(),
    del: z.array(z.strictObject({ map: mapName, key: mapKey })).optional(),
  }),
  mapOps: z.record(z.string(), operations).optional(),
  fibLookups: int.optional(),
});

const common = { t: z.number(), note: z.string().optional() };
const hook = z.enum(["pod:A", "pod:B", "pod:C", "network", "xdp", "overlay", "host-out", "host-to-pod"]);
const step = z.discriminatedUnion("op", [
  z.strictObject({
    ...common,
    op: z.literal("packet"),
    at: hook,
    packet,
    random: z.array(int).optional(),
    expect: expectation,
  }),
  z.strictObject({ ...common, op: z.literal("evict"), map: mapName, key: mapKey }),
  z.strictObject({ ...common, op: z.literal("insertNat"), key: ctKey, nat: natValue }),
  z.strictObject({ ...common, op: z.literal("setService"), service }),
  z.strictObject({ ...common, op: z.literal("setBackend"), backend }),
  z.strictObject({ ...common, op: z.literal("delBackend"), id: int }),
  z.strictObject({ ...common, op: z.literal("setPolicy"), pod: z.enum(pods), policy: podPolicy }),
]);

const config = z.enum(["random", "maglev", "maglev16381", "xdp-random", "xdp-maglev", "dsr", "nomasq", "tunnel", "small"]);
const head = { id: z.string(), family: z.string(), title: z.string(), config };

/** A history of packets and changes. */
export const programVector = z.strictObject({ ...head, setup, steps: z.array(step), final: z.array(mapEntry).optional() });
/** Clients and the places of a Maglev table that they get: [address, port, slot]. */
export const maglevVector = z.strictObject({
  ...head,
  proto,
  dst: z.string(),
  dport: int,
  tableSize: int,
  cases: z.array(z.tuple([z.string(), int, int])),
});

/** The file around the vectors; these are checked one by one. */
export const programFile = z.object({
  format: z.literal("ctlab-cilium-programs/1"),
  baseline: z.object({ tag: z.string(), commit: z.string() }),
  family: z.string(),
  count: int,
  vectors: z.array(z.unknown()),
});

export type ProgramVector = z.infer<typeof programVector>;
export type MaglevVector = z.infer<typeof maglevVector>;
export type Step = z.infer<typeof step>;
export type PacketStep = Extract<Step, { op: "packet" }>;
export type Expectation = z.infer<typeof expectation>;
export type Setup = z.infer<typeof setup>;
export type ServiceSetup = z.infer<typeof service>;
export type BackendSetup = z.infer<typeof backend>;
export type PodPolicy = z.infer<typeof podPolicy>;
export type PolicyEntrySetup = z.infer<typeof policyEntry>;
export type PacketHeaders = z.infer<typeof packet>;
export type OutHeaders = z.infer<typeof out>;
export type RecordedEvent = z.infer<typeof event>;
export type RecordedKey = z.infer<typeof mapKey>;
export type RecordedMap = z.infer<typeof mapName>;
export type ProgramConfig = z.infer<typeof config>;
