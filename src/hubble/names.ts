/**
 * Names that the client prints for numbers: drop texts, observation points, identities, policy matches. They depend on its
 * release: 0.12.3, with which the recorded output was made, prints what it does not know as a number.
 */
import { dropReason } from "../cilium/datapath/drop-reasons.js";
import { TRACE_POINT_NAMES } from "../cilium/datapath/events.js";
import { parseUint } from "./go-text.js";

/** Whose output: the recorded client's, or that of one which knows every name here. */
export type ClientRelease = "0.12.3" | "latest";

/** Monitor message types: pkg/monitor/api. */
export const MESSAGE_TYPE = { drop: 1, debug: 2, capture: 3, trace: 4, policyVerdict: 5, recorder: 6, traceSock: 7, l7: 129, agent: 130 } as const;

/** What `--type` calls them. */
export const MESSAGE_TYPE_NAMES: ReadonlyMap<string, number> = new Map([
  ["drop", MESSAGE_TYPE.drop],
  ["debug", MESSAGE_TYPE.debug],
  ["capture", MESSAGE_TYPE.capture],
  ["trace", MESSAGE_TYPE.trace],
  ["l7", MESSAGE_TYPE.l7],
  ["agent", MESSAGE_TYPE.agent],
  ["policy-verdict", MESSAGE_TYPE.policyVerdict],
  ["recorder", MESSAGE_TYPE.recorder],
  ["trace-sock", MESSAGE_TYPE.traceSock],
]);

/** Sub types of agent events as `--type agent:NAME` takes them: AgentNotification of pkg/monitor/api, by number. */
export const AGENT_EVENT_NAMES = [
  "unspecified",
  "message",
  "agent-started",
  "endpoint-regenerate-success",
  "endpoint-regenerate-failure",
  "policy-updated",
  "policy-deleted",
  "endpoint-created",
  "endpoint-deleted",
  "ipcache-upserted",
  "ipcache-deleted",
  "service-upserted",
  "service-deleted",
] as const;

/** Drop codes with texts that 0.12.3 has not. */
const NEWER_DROPS: ReadonlySet<number> = new Set([195, 198, 199, 200, 201, 202, 203, 204, 205, 206]);
/** Forward reasons that came after 0.12.3. */
const NEWER_FORWARD_REASONS: ReadonlyMap<number, string> = new Map([
  [12, "Interface Decrypting"],
  [13, "Interface Encrypting"],
  [14, "LB: sock cgroup: Reverse entry delete succeeded"],
  [15, "MTU error message"],
  [205, "Punt to proxy"],
]);
const BYTE = 0xff;

/** The type of a drop: the text of its code. Codes are bytes. */
export function dropTypeText(release: ClientRelease, subType: number): string {
  const code = subType & BYTE;
  const newer = release === "latest" ? NEWER_FORWARD_REASONS.get(code) : undefined;
  const text = release === "latest" || !NEWER_DROPS.has(code) ? dropReason(code)?.text : undefined;
  return text ?? newer ?? `${code}, 0`;
}

const NEWER_TRACE_POINTS = ["from-crypto", "to-crypto"] as const;

/** Observation points that a release knows, by the datapath's number. */
export function tracePointNames(release: ClientRelease): readonly string[] {
  return release === "latest" ? [...TRACE_POINT_NAMES, ...NEWER_TRACE_POINTS] : TRACE_POINT_NAMES;
}

/** The type of a trace: its observation point. */
export function tracePointText(release: ClientRelease, subType: number): string {
  return tracePointNames(release)[subType & BYTE] ?? String(subType & BYTE);
}

const POLICY_MATCHES = ["none", "L3-Only", "L3-L4", "L4-Only", "all", "L3-Proto", "Proto-Only"] as const;

/** How a policy verdict came about, as the client writes it. */
export function policyMatchText(match: number): string {
  return POLICY_MATCHES[match] ?? "unknown";
}

/** Reserved identities by number: pkg/identity/numericidentity.go. */
const IDENTITIES = ["unknown", "host", "world", "unmanaged", "health", "init", "remote-node", "kube-apiserver", "ingress"] as const;
const NEWER_IDENTITIES = [...IDENTITIES, "world-ipv4", "world-ipv6"] as const;

/** An identity in brackets: reserved ones by name. */
export function identityText(release: ClientRelease, identity: number): string {
  const name = (release === "latest" ? NEWER_IDENTITIES : IDENTITIES)[identity];
  return name === undefined ? `(ID:${identity})` : `(${name})`;
}

/** Names that `--identity` takes, in the order of their numbers. */
export function reservedIdentityNames(release: ClientRelease): readonly string[] {
  return (release === "latest" ? NEWER_IDENTITIES : IDENTITIES).slice(1);
}

const NUMERIC_IDENTITY_MAX = 0xffff_ffffn;

/** `--identity`: a reserved name, or a number as Go reads them. Undefined when neither. */
export function parseIdentity(release: ClientRelease, text: string): number | undefined {
  const reserved = reservedIdentityNames(release).indexOf(text) + 1;
  if (reserved > 0) return reserved;
  const value = parseUint(text);
  return value !== undefined && value <= NUMERIC_IDENTITY_MAX ? Number(value) : undefined;
}
