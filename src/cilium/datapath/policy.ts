/**
 * Policy: bpf/lib/policy.h. Two lookups, one for the peer's identity and one for any identity; the release decides which
 * match wins. Source port, connection state and TCP flags play no part.
 */

import { IPV4_WORDS } from "../maps/address.js";
import { POLICY_EGRESS, POLICY_INGRESS } from "../maps/policy-map.js";
import type { PolicyMap } from "../maps/policy-map.js";
import { CTX_ACT_OK } from "./context.js";
import type { DatapathContext, EndpointProgram } from "./context.js";
import { DROP_FRAG_NOSUPPORT, DROP_POLICY, DROP_POLICY_AUTH_REQUIRED, DROP_POLICY_DENY } from "./drop-reasons.js";
import {
  POLICY_MATCH_ALL,
  POLICY_MATCH_L3_L4,
  POLICY_MATCH_L3_ONLY,
  POLICY_MATCH_L3_PROTO,
  POLICY_MATCH_L4_ONLY,
  POLICY_MATCH_NONE,
  POLICY_MATCH_PROTO_ONLY,
} from "./events.js";
import { OP_POLICY_LOOKUP } from "./ops.js";
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMPV6_PKT_TOOBIG, IPPROTO_ICMP, IPPROTO_ICMPV6 } from "./packet.js";
import type { Packet } from "./packet.js";

/** Prefix bits of the protocol in an entry's protocol and port prefix. */
const PROTOCOL_BITS = 8;

/** "Fragmentation needed" passes before any lookup, so that path MTU discovery works. */
function isFragNeeded(packet: Packet): boolean {
  if (packet.addressWords === IPV4_WORDS) {
    return packet.protocol === IPPROTO_ICMP && packet.icmpType === ICMP_DEST_UNREACH && packet.icmpCode === ICMP_FRAG_NEEDED;
  }
  return packet.protocol === IPPROTO_ICMPV6 && packet.icmpType === ICMPV6_PKT_TOOBIG;
}

function isIcmp(packet: Packet): boolean {
  return packet.protocol === IPPROTO_ICMP || packet.protocol === IPPROTO_ICMPV6;
}

function matchByIdentity(bits: number): number {
  if (bits > PROTOCOL_BITS) return POLICY_MATCH_L3_L4;
  return bits > 0 ? POLICY_MATCH_L3_PROTO : POLICY_MATCH_L3_ONLY;
}

function matchByPort(bits: number): number {
  if (bits === 0) return POLICY_MATCH_ALL;
  return bits <= PROTOCOL_BITS ? POLICY_MATCH_PROTO_ONLY : POLICY_MATCH_L4_ONLY;
}

/** v1.17 on (and, without priorities, v1.16.4): whether the entry for any identity wins over the identity's own. */
function anyIdentityWins(dp: DatapathContext, policy: PolicyMap, own: number, any: number): boolean {
  if (own < 0 || policy.deny(any)) return true;
  const longer = policy.prefixLength(any) > policy.prefixLength(own);
  if (dp.config.policyPrecedence === "deny-prefix") return longer;
  const ownPriority = policy.proxyPriority(own);
  const anyPriority = policy.proxyPriority(any);
  return anyPriority > ownPriority || (anyPriority === ownPriority && longer);
}

/** The entry that decides, or negative; `dp.policyMatch` says which kind of match it is. */
function findEntry(dp: DatapathContext, policy: PolicyMap, identity: number, direction: number, protocol: number, port: number): number {
  if (dp.config.policyPrecedence === "wildcard-flags") return findEntryByWildcards(dp, policy, identity, direction, protocol, port);
  policy.setKey(identity, direction, protocol, port);
  const own = dp.lookupLpm(OP_POLICY_LOOKUP, policy.map, policy.key);
  if (own >= 0 && policy.deny(own)) {
    dp.policyMatch = matchByIdentity(policy.prefixLength(own));
    return own;
  }
  policy.setKey(0, direction, protocol, port);
  const any = dp.lookupLpm(OP_POLICY_LOOKUP, policy.map, policy.key);
  if (any >= 0 && anyIdentityWins(dp, policy, own, any)) {
    dp.policyMatch = matchByPort(policy.prefixLength(any));
    return any;
  }
  dp.policyMatch = own >= 0 ? matchByIdentity(policy.prefixLength(own)) : POLICY_MATCH_NONE;
  return own;
}

/** v1.14 to v1.16.0: the more specific protocol and port wins, the identity's own entry first; denials have no precedence. */
function findEntryByWildcards(
  dp: DatapathContext,
  policy: PolicyMap,
  identity: number,
  direction: number,
  protocol: number,
  port: number,
): number {
  policy.setKey(identity, direction, protocol, port);
  const own = dp.lookupLpm(OP_POLICY_LOOKUP, policy.map, policy.key);
  const ownBits = own < 0 ? -1 : policy.prefixLength(own);
  if (ownBits > PROTOCOL_BITS) {
    dp.policyMatch = POLICY_MATCH_L3_L4;
    return own;
  }
  policy.setKey(0, direction, protocol, port);
  const any = dp.lookupLpm(OP_POLICY_LOOKUP, policy.map, policy.key);
  const anyBits = any < 0 ? -1 : policy.prefixLength(any);
  if (anyBits > PROTOCOL_BITS || (anyBits >= 0 && (own < 0 || (anyBits > 0 && ownBits === 0)))) {
    dp.policyMatch = matchByPort(anyBits);
    return any;
  }
  dp.policyMatch = own < 0 ? POLICY_MATCH_NONE : matchByIdentity(ownBits);
  return own;
}

/** `__policy_can_access`: CTX_ACT_OK (with `dp.proxyPort` set or 0), or a drop reason. */
function canAccess(dp: DatapathContext, policy: PolicyMap, identity: number, direction: number, dport: number): number {
  const { packet } = dp;
  dp.proxyPort = 0;
  let port = dport;
  if (isIcmp(packet)) {
    if (dp.config.allowIcmpFragNeeded && isFragNeeded(packet)) {
      dp.policyMatch = POLICY_MATCH_NONE;
      return CTX_ACT_OK;
    }
    if (dp.config.icmpRules) port = packet.icmpType;
  }
  const slot = findEntry(dp, policy, identity, direction, packet.protocol, port);
  if (slot < 0) return packet.isFragment && !dp.config.fragmentTracking ? DROP_FRAG_NOSUPPORT : DROP_POLICY;
  if (policy.deny(slot)) return DROP_POLICY_DENY;
  dp.proxyPort = policy.proxyPort(slot);
  const authType = policy.authType(slot);
  if (authType !== 0) {
    dp.setExtError(authType);
    return DROP_POLICY_AUTH_REQUIRED;
  }
  return CTX_ACT_OK;
}

/** `policy_can_egress` and `policy_can_access_ingress`, audit mode included. */
export function policyVerdict(dp: DatapathContext, program: EndpointProgram, remoteIdentity: number, egress: boolean, dport: number): number {
  dp.policyAudited = false;
  const verdict = canAccess(dp, program.policy, remoteIdentity, egress ? POLICY_EGRESS : POLICY_INGRESS, dport);
  if (dp.observer !== null) dp.observer.policy(egress, remoteIdentity, verdict, dp.policyMatch);
  if (verdict < 0 && dp.config.policyAudit) {
    dp.policyAudited = true;
    dp.audited++;
    dp.unrepeatable();
    dp.extError = 0;
    return CTX_ACT_OK;
  }
  return verdict;
}
