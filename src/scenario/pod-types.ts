/** What a resolved scenario says about pods beside their traffic: policies, rate limits, egress gateways. */

import type { Entry } from "./types.js";

/** ICMP stands for echo requests. */
export const RULE_PROTOCOLS = ["TCP", "UDP", "SCTP", "ICMP"] as const;
export type RuleProtocol = (typeof RULE_PROTOCOLS)[number];

export const VERDICTS = ["allow", "deny"] as const;
export type DefaultVerdict = (typeof VERDICTS)[number];

/** What a rule above layer 4 reads: the proxy that its connections go through. */
export const L7_PROTOCOLS = ["http", "dns"] as const;
export type L7Protocol = (typeof L7_PROTOCOLS)[number];

/** What a set of endpoints may do; endpoints that no policy selects may do everything. */
export interface Policy {
  /** `namespace/workload`, or `host`. */
  readonly endpoints: string;
  readonly ingress: DefaultVerdict;
  readonly egress: DefaultVerdict;
  readonly allow: readonly RuledPeer[];
  /** Wins over everything that allows. */
  readonly deny: readonly RuledPeer[];
}

export interface RuledPeer {
  readonly direction: "ingress" | "egress";
  /** Service or workload, `namespace/name`; `world`, `remote-node` or `host`. */
  readonly peer: string;
  /** 0 = every port. */
  readonly port: number;
  readonly protocol: RuleProtocol;
  /** Null = nothing above layer 4; always so where it denies. */
  readonly l7: L7Protocol | null;
  /** What of it is allowed; empty = everything. */
  readonly rules: readonly L7Rule[];
}

/** One of the rules above layer 4, any of which allows: regular expressions of a request, or a name or pattern of a question. */
export interface L7Rule {
  readonly method?: string | undefined;
  readonly path?: string | undefined;
  readonly matchName?: string | undefined;
  readonly matchPattern?: string | undefined;
}

/** Pods with `kubernetes.io/egress-bandwidth`. */
export interface RateLimit {
  /** `namespace/workload`. */
  readonly pods: string;
  readonly bitsPerSecond: number;
}

/** Pods whose traffic to a prefix outside leaves by one node. */
export interface EgressGateway {
  /** `namespace/workload`. */
  readonly pods: string;
  readonly prefix: string;
  /** The simulated node is the gateway, or another one. */
  readonly gateway: Entry;
  /** Null = the gateway node's own address. */
  readonly egressIp: string | null;
}
