/** Shapes of the vectors in conntrack-vectors.json, one for each kind. Closed: an unknown field fails its vector. */

import { z } from "zod";

const int = z.int();
const endpoint = z.string().regex(/^[\d.]+:\d+$/);
const tcpFlag = z.enum(["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"]);
const proto = z.enum(["tcp", "udp", "icmp", "sctp"]);

/** Fields of every vector; those without influence on the comparison are listed as such in conntrack.ts. */
const head = {
  id: z.string(),
  title: z.string(),
  basis: z.enum(["upstream-test", "oracle", "formula"]),
  source: z.array(z.string()),
  notes: z.string().optional(),
  upstreamNote: z.string().optional(),
  versionSensitive: z.string().optional(),
};
const config = z.strictObject({
  tcpLifetime: int.optional(),
  anyLifetime: int.optional(),
  svcTcpLifetime: int.optional(),
  svcAnyLifetime: int.optional(),
  synTimeout: int.optional(),
  closeTimeout: int.optional(),
  serviceCloseRebalance: int.optional(),
  reportInterval: int.optional(),
  reportFlags: int.optional(),
  tracePayloadLen: int.optional(),
});
const key = z.strictObject({
  daddr: z.string(),
  saddr: z.string(),
  dport: int,
  sport: int,
  proto,
  type: z.string(),
  rawHex: z.string().optional(),
});
const ctValue = z.record(z.string(), z.union([int, z.array(tcpFlag)]));
const natValue = z.strictObject({ to_addr: z.string(), to_port: int, needs_ct: int, created: int });
const elements = z.array(z.strictObject({ map: z.string(), key, entry: ctValue.optional(), nat: natValue.optional() }));
const step = { t: z.number(), note: z.string().optional() };

const state = z.strictObject({
  rev_nat_index: int.optional(),
  backend_id: int.optional(),
  src_sec_id: int.optional(),
  node_port: int.optional(),
  lb_loopback: int.optional(),
  dsr_internal: int.optional(),
  proxy_redirect: int.optional(),
  from_l7lb: int.optional(),
  from_tunnel: int.optional(),
  closing: int.optional(),
  related: z.boolean().optional(),
});
const failedCreate = z.strictObject({ dropReason: int, extErr: int, signals: z.array(z.string()) });

const evictStep = z.strictObject({ ...step, op: z.literal("evict"), map: z.string(), key });
const ctPacketStep = z.strictObject({
  ...step,
  op: z.literal("packet"),
  dir: z.enum(["egress", "ingress", "service"]),
  scope: z.enum(["forward", "reverse", "bidir"]),
  entryTypes: z.enum(["any", "svc", "nodeport", "dsr", "nodeport|dsr"]),
  proto,
  src: endpoint,
  dst: endpoint,
  tcpFlags: z.array(tcpFlag).optional(),
  icmpError: z.boolean().optional(),
  lookupRevNatIndex: int.optional(),
  onNewCreate: state.optional(),
  expect: z.strictObject({
    status: z.enum(["NEW", "ESTABLISHED", "REPLY", "RELATED"]),
    monitor: z.union([int, z.literal("unchanged")]),
    mapLookups: int,
    mapUpdateAttempts: int.optional(),
    create: z.union([z.literal("ok"), failedCreate]).optional(),
    stateOut: state.optional(),
    map: elements.optional(),
  }),
});
const ctStep = z.discriminatedUnion("op", [
  ctPacketStep,
  z.strictObject({ ...step, op: z.literal("insertZeroEntry"), map: z.string().optional(), key }),
  evictStep,
  z.strictObject({ ...step, op: z.literal("failInserts"), map: z.string(), errno: int }),
]);

export const ctVector = z.strictObject({ ...head, kind: z.literal("ct"), config, steps: z.array(ctStep) });

export const reportVector = z.strictObject({
  ...head,
  kind: z.literal("ct-report"),
  config,
  steps: z.array(
    z.strictObject({
      ...step,
      op: z.literal("updateTimeout"),
      flags: z.array(tcpFlag),
      reportMask: int,
      expect: z.strictObject({
        report: z.boolean(),
        last_rx_report: int.optional(),
        last_tx_report: int.optional(),
        rx_flags_seen: z.array(tcpFlag).optional(),
        tx_flags_seen: z.array(tcpFlag).optional(),
        lifetime: int.optional(),
      }),
    }),
  ),
});

const natStep = z.discriminatedUnion("op", [
  z.strictObject({
    ...step,
    op: z.literal("snatEgress"),
    proto,
    src: endpoint,
    dst: endpoint,
    snatAddr: z.string(),
    minPort: int,
    maxPort: int,
    prandom16: int,
    needsCt: z.boolean(),
    expect: z.strictObject({
      verdict: z.enum(["snat", "drop"]),
      mapLookups: int,
      mapUpdateAttempts: int,
      prandomCalls: int,
      toAddr: z.string().optional(),
      toPort: int.optional(),
      dropReason: int.optional(),
      extErr: int.optional(),
      signals: z.array(z.string()).optional(),
      map: elements.optional(),
    }),
  }),
  z.strictObject({
    ...step,
    op: z.literal("snatReverse"),
    proto,
    src: endpoint,
    dst: endpoint,
    expect: z.strictObject({
      verdict: z.string(),
      mapLookups: int,
      mapUpdateAttempts: int.optional(),
      toAddr: z.string().optional(),
      toPort: int.optional(),
      internalCode: int.optional(),
      callerAction: z.string().optional(),
      map: elements.optional(),
    }),
  }),
  z.strictObject({ ...step, op: z.literal("occupyReverse"), proto, remote: endpoint, snatAddr: z.string(), ports: z.array(int) }),
  evictStep,
  z.strictObject({ ...step, op: z.literal("failInserts"), map: z.string(), errno: int }),
]);

export const natVector = z.strictObject({
  ...head,
  kind: z.literal("nat"),
  config,
  steps: z.array(natStep),
  distinctPortsTried: int.optional(),
});

export const icmpErrorVector = z.strictObject({
  ...head,
  kind: z.literal("nat-icmp-error"),
  setup: z.strictObject({ mapping: z.strictObject({ proto, src: z.string(), dst: z.string(), snat: z.string() }) }).optional(),
  packet: z.strictObject({ outer: z.string(), type: int, code: int, inner: z.string() }).optional(),
  expect: z.union([
    z.strictObject({ outer: z.string(), inner: z.string() }),
    z.strictObject({ dropReasonWhenPortChanges: int, note: z.string().optional() }),
  ]),
});

export const statisticsVector = z.strictObject({
  ...head,
  kind: z.literal("nat-statistics"),
  setup: z.strictObject({
    clients: int,
    remoteAddresses: int,
    remotePort: int,
    minPort: int,
    maxPort: int,
    iterations: z.string(),
    remoteChoice: z.literal("uniform random"),
  }),
  expect: z.strictObject({
    failuresAtHalf: z.string(),
    failureShareAt75Percent: z.string(),
    failureShareAtEnd: z.string(),
    fivePercentFailuresNotBefore: z.string(),
    successesPerRetryIndexFrom10On: z.string(),
    monotonic: z.string(),
  }),
});

export const hashVector = z.strictObject({
  ...head,
  kind: z.literal("hash"),
  cases: z.array(z.strictObject({ words: z.tuple([int, int, int]), seed: int, expect: int })),
});

export const gcVector = z.strictObject({
  ...head,
  kind: z.literal("gc"),
  ct: z.array(z.strictObject({ map: z.string(), flow: z.string(), lifetime: int, dsr_internal: int.optional() })),
  nat: z.array(z.strictObject({ key: z.string(), xlate: z.string() })),
  gc: z.strictObject({ now: int, trigger: z.enum(["interval", "signal"]) }),
  expect: z.strictObject({ ctAlive: int, ctDeleted: int, natLeft: int }),
});

export const orphanVector = z.strictObject({
  ...head,
  kind: z.literal("gc-orphan"),
  steps: z.array(
    z.discriminatedUnion("op", [
      z.strictObject({ op: z.literal("set"), ct: z.array(z.string()), nat: z.array(z.string()) }),
      z.strictObject({ op: z.literal("deleteCt"), ct: z.string() }),
      z.strictObject({
        op: z.literal("purge"),
        expect: z.strictObject({
          ingressAlive: int.optional(),
          ingressDeleted: int.optional(),
          egressAlive: int.optional(),
          egressDeleted: int.optional(),
          natLeft: int.optional(),
        }),
      }),
    ]),
  ),
});

export const intervalVector = z.strictObject({
  ...head,
  kind: z.literal("gc-interval"),
  cases: z.array(z.strictObject({ prevSeconds: z.number(), maxDeleteRatio: z.number(), expectSeconds: z.number() })),
});

/** The full function with its options: fixed interval, upper limit; absent or 0 = not set. */
export const intervalConfigVector = z.strictObject({
  ...head,
  kind: z.literal("gc-interval-config"),
  cases: z.array(
    z.strictObject({
      prevSeconds: z.number().optional(),
      actualPrevSeconds: z.number().optional(),
      conntrackGCIntervalSeconds: z.number().optional(),
      conntrackGCMaxIntervalSeconds: z.number().optional(),
      maxDeleteRatio: z.number(),
      expectSeconds: z.number(),
    }),
  ),
});

export type CtVector = z.infer<typeof ctVector>;
export type CtPacketStep = z.infer<typeof ctPacketStep>;
export type CtStateFields = z.infer<typeof state>;
export type ReportVector = z.infer<typeof reportVector>;
export type NatVector = z.infer<typeof natVector>;
export type NatStep = z.infer<typeof natStep>;
export type IcmpErrorVector = z.infer<typeof icmpErrorVector>;
export type StatisticsVector = z.infer<typeof statisticsVector>;
export type HashVector = z.infer<typeof hashVector>;
export type GcVector = z.infer<typeof gcVector>;
export type OrphanVector = z.infer<typeof orphanVector>;
export type IntervalVector = z.infer<typeof intervalVector>;
export type IntervalConfigVector = z.infer<typeof intervalConfigVector>;
