/** A flow in plain numbers, as the recorder describes an event and as it travels through Hubble; with what its numbers mean. */
import { IPV4_WORDS, type AddressWords } from "../cilium/maps/address.js";
import { NOBODY } from "./flow-tables.js";
import type { Layer7 } from "./layer7.js";

/** `flow.Verdict`. */
export const FLOW_VERDICT = {
  unknown: 0,
  forwarded: 1,
  dropped: 2,
  error: 3,
  audit: 4,
  redirected: 5,
  traced: 6,
  translated: 7,
} as const;
export const VERDICT_NAMES = ["VERDICT_UNKNOWN", "FORWARDED", "DROPPED", "ERROR", "AUDIT", "REDIRECTED", "TRACED", "TRANSLATED"] as const;

/** `flow.TrafficDirection`. */
export const FLOW_DIRECTION = { unknown: 0, ingress: 1, egress: 2 } as const;
export const DIRECTION_NAMES = ["", "INGRESS", "EGRESS"] as const;

/** Monitor message types in `event_type.type`: pkg/monitor/api. */
export const FLOW_EVENT = { drop: 1, trace: 4, policyVerdict: 5, traceSock: 7, accessLog: 129 } as const;

/** `is_reply`, a wrapper that can be absent. */
export const FLOW_REPLY = { absent: -1, no: 0, yes: 1 } as const;

/** A flow in plain numbers, filled again for each event. */
export class FlowRow {
  /** Simulated time, ns. */
  timeNs = 0;
  /** Source at 0, destination at 4, source before translation at 8; IPv4 uses the first word of each. */
  readonly addresses = new Int32Array(12);
  family: AddressWords = IPV4_WORDS;
  /** 1 when the third address is set. */
  translated = 0;
  encrypted = 0;
  protocol = 0;
  /** 0 for fragments after the first. */
  hasPorts = 1;
  sport = 0;
  dport = 0;
  tcpFlags = 0;
  icmpType = 0;
  icmpCode = 0;
  /** Indices into the tables, or `NOBODY`; identities as the event has them, 0 = not known. */
  sourceEndpoint: number = NOBODY;
  destinationEndpoint: number = NOBODY;
  sourceIdentity = 0;
  destinationIdentity = 0;
  sourceService: number = NOBODY;
  destinationService: number = NOBODY;
  /** FLOW_EVENT, with the drop code or observation point as sub type. */
  eventType = 0;
  subType = 0;
  /** FLOW_VERDICT, FLOW_DIRECTION, FLOW_REPLY. */
  verdict = 0;
  direction = 0;
  reply: number = FLOW_REPLY.absent;
  /** Positive drop code of drops and denied verdicts, else 0. */
  dropCode = 0;
  policyMatch = 0;
  /** The datapath's number; read for trace events only. */
  traceReason = 0;
  ifindex = 0;
  proxyPort = 0;
  /** Bytes of the packet that the event carries. */
  captured = 0;
  /** Cookie of the socket; of translations only. */
  cookie = 0;
  /** FRAME: whose addresses the captured frame bears; of a pod's frame the endpoint number. */
  frame = 0;
  frameEndpoint = 0;
  /** What a proxy told; null for what programs report. */
  layer7: Layer7 | null = null;
}

/** Where the three addresses of a row lie. */
export const ROW_SOURCE = 0;
export const ROW_DESTINATION = 4;
export const ROW_ORIGINAL = 8;
