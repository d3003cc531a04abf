/**
 * Shape of kind `program`: packets at hooks in words, with upper-case names (CLIENT, VIP, NATPORT …) that stand for the
 * same thing throughout a vector. Only what is listed is asserted; everything listed is compared.
 */

import { z } from "zod";

const int = z.int();
export const HOOKS = ["from-netdev", "from-container", "to-container", "to-netdev", "xdp"] as const;
const hook = z.enum(HOOKS);
const backend = z.strictObject({ id: int, addr: z.string(), port: int, local: z.boolean().optional() });
const service = z.strictObject({
  vip: z.string(),
  port: z.union([int, z.string()]),
  proto: z.enum(["tcp", "udp"]),
  revNat: int,
  backends: z.array(backend),
});

const expectation = z.strictObject({
  verdict: z.enum(["redirect", "redirect-to-endpoint", "pass", "pass-to-stack", "drop"]).optional(),
  dropReason: int.optional(),
  out: z
    .strictObject({ src: z.string().optional(), dst: z.string().optional(), srcIp: z.string().optional(), dstIp: z.string().optional() })
    .optional(),
  /** The packet left with the headers it came with. */
  rewritten: z.boolean().optional(),
  srcPortChanged: z.boolean().optional(),
  natPortUnchanged: z.boolean().optional(),
  /** Conntrack entries that the step made, RELATED ones aside. */
  ctEntries: z.array(z.string()).optional(),
  ctEntriesCreated: int.optional(),
  ctPackets: int.optional(),
  natEntries: int.optional(),
  /** A NAT entry that is back. */
  restored: z.string().optional(),
  ipOption: z.strictObject({ type: z.literal("0x9a"), len: z.literal(8), addr: z.string(), port: int }).optional(),
  metric: z.strictObject({ reason: int, dir: z.enum(["egress", "ingress"]), count: int }).optional(),
});

const packetStep = z.strictObject({
  op: z.literal("packet"),
  hook: hook.optional(),
  proto: z.enum(["tcp", "udp"]).optional(),
  src: z.string().optional(),
  dst: z.string().optional(),
  tcpFlags: z.array(z.enum(["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"])).optional(),
  /** Egress address that the gateway policy names from this step on. */
  policyEgressIp: z.string().optional(),
  /** `reply to ADDRESS`: from the remote to what the last packet left with. */
  direction: z.string().regex(/^reply to [\d.]+$/).optional(),
  note: z.string().optional(),
  expect: expectation,
});
const step = z.discriminatedUnion("op", [
  packetStep,
  z.strictObject({ op: z.literal("evict"), map: z.string(), key: z.string(), note: z.string().optional() }),
  z.strictObject({ op: z.literal("control"), change: z.string() }),
]);

export const programVector = z.strictObject({
  id: z.string(),
  title: z.string(),
  basis: z.enum(["upstream-test", "oracle", "formula"]),
  source: z.array(z.string()),
  notes: z.string().optional(),
  upstreamNote: z.string().optional(),
  versionSensitive: z.string().optional(),
  kind: z.literal("program"),
  setup: z
    .strictObject({
      hook: hook.optional(),
      mode: z.enum(["snat", "dsr"]).optional(),
      dispatch: z.literal("opt").optional(),
      lbNodeIp: z.string().optional(),
      services: z.array(service).optional(),
      loopback: z.string().optional(),
      client: z.string().optional(),
      gateway: z.string().optional(),
      remote: z.string().optional(),
      /** Another vector whose steps come first. */
      after: z.string().optional(),
    })
    .optional(),
  steps: z.array(step).optional(),
  /** Single packets to the service without backends, at several hooks. */
  cases: z.array(z.strictObject({ hook, expect: expectation })).optional(),
});

export type ProgramVector = z.infer<typeof programVector>;
export type ProgramSetup = NonNullable<ProgramVector["setup"]>;
export type ProgramPacket = z.infer<typeof packetStep>;
export type ProgramStep = z.infer<typeof step>;
export type ProgramExpectation = z.infer<typeof expectation>;
export type ProgramHook = (typeof HOOKS)[number];
