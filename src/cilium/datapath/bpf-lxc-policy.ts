/**
 * The policy half of bpf_lxc: what runs for packets that go to a pod, entered by tail call from whichever program
 * delivers (`handle_policy`) or from `cil_to_container` with per-endpoint routes. bpf/bpf_lxc.c, `ipv4_policy`.
 */

import { htons, IPV4_WORDS } from "../maps/address.js";
import { CT_LB_LOOPBACK } from "../maps/ct-flags.js";
import { TUPLE_F_OUT } from "../maps/tuple.js";
import { CT_INGRESS, ctCreate, ctLookup, SCOPE_BIDIR } from "./conntrack.js";
import { CT_ESTABLISHED, CT_NEW, CT_RELATED, CT_REPLY, CTX_ACT_OK, PROGRAM_LXC, TC_ACT_SHOT } from "./context.js";
import type { DatapathContext, EndpointProgram } from "./context.js";
import { METRIC_INGRESS, TRACE_TO_LXC, TRACE_TO_PROXY } from "./events.js";
import { redirectToEndpoint } from "./l3.js";
import { hasPorts, tupleFromPacket } from "./l4.js";
import { lookupReverseNat, reverseNatSource } from "./lb.js";
import { sendDropNotify, sendPolicyVerdictNotify, sendTraceNotify, UNKNOWN } from "./notify.js";
import { OP_SCRATCH_LOOKUP, OP_SCRATCH_UPDATE, OP_TAIL_CALL } from "./ops.js";
import { IPPROTO_TCP, MARK_PROXY_EGRESS, MARK_PROXY_INGRESS, MARK_TO_PROXY } from "./packet.js";
import { policyVerdict } from "./policy.js";

/** A packet that a policy program hands to the proxy instead of the pod. */
const POLICY_ACT_PROXY_REDIRECT = 1 << 16;

/**
 * `handle_policy`: conntrack, policy and delivery for `program`'s endpoint. `srcLabel` is the sender's identity as the
 * delivering program knows it. A program's return value; drops are announced here.
 */
export function handlePolicy(dp: DatapathContext, program: EndpointProgram, srcLabel: number, fromTunnel: boolean, redirect: boolean): number {
  if (dp.observer !== null) dp.observer.hook("handle_policy");
  const { tuple } = dp;
  dp.program = PROGRAM_LXC;
  tupleFromPacket(dp, tuple);
  const ct = dp.ctMap(tuple.protocol === IPPROTO_TCP);
  dp.monitor = 0;
  dp.ctState.reset();
  const status = ctLookup(dp, ct, tuple, CT_INGRESS, SCOPE_BIDIR, dp.ctState);
  if (status < 0) return drop(dp, program, srcLabel, status);
  dp.count(OP_SCRATCH_UPDATE);
  dp.count(OP_TAIL_CALL, 2);
  dp.count(OP_SCRATCH_LOOKUP);

  const ret = ipv4Policy(dp, program, srcLabel, status, fromTunnel);
  if (ret < 0) return drop(dp, program, srcLabel, ret);
  if (ret === POLICY_ACT_PROXY_REDIRECT) {
    dp.packet.mark = MARK_TO_PROXY;
    dp.proxyIngress = true;
    dp.proxySource = srcLabel;
    return CTX_ACT_OK;
  }
  if (!redirect) {
    dp.deliveredTo = program.lxcId;
    return CTX_ACT_OK;
  }
  return redirectToEndpoint(dp, program);
}

function drop(dp: DatapathContext, program: EndpointProgram, srcLabel: number, error: number): number {
  sendDropNotify(dp, program.lxcId, srcLabel, program.identity, program.lxcId, error, METRIC_INGRESS);
  return TC_ACT_SHOT;
}

/** `ipv4_policy`: from the conntrack status to the to-endpoint event. CTX_ACT_OK, POLICY_ACT_PROXY_REDIRECT or a drop reason. */
function ipv4Policy(dp: DatapathContext, program: EndpointProgram, srcLabel: number, status: number, fromTunnel: boolean): number {
  const { packet, tuple, ctState, ctStateNew } = dp;
  const { monitor } = dp;
  packet.keepOrigSaddr();

  const isReply = status === CT_REPLY || status === CT_RELATED;
  if (isReply) {
    // Back to a proxy's connection, unless the proxy itself sends it on.
    if (ctState.fromL7lb || (ctState.proxyRedirect && packet.mark !== MARK_PROXY_EGRESS)) {
      traceTo(dp, TRACE_TO_PROXY, program, srcLabel, status, monitor, UNKNOWN);
      return POLICY_ACT_PROXY_REDIRECT;
    }
    if (ctState.revNatIndex !== 0 && lookupReverseNat(dp, ctState.revNatIndex)) {
      reverseNatSource(dp, ctState.loopback, hasPorts(dp, packet.protocol));
    }
  }
  ctStateNew.reset();
  let proxyPort = 0;
  if (status === CT_NEW && packet.mark !== MARK_PROXY_INGRESS && isHairpin(dp)) {
    ctStateNew.loopback = true;
  } else if (!isReply && !ctState.loopback && packet.mark !== MARK_PROXY_INGRESS) {
    const verdict = policyVerdict(dp, program, srcLabel, false, tuple.dport);
    proxyPort = verdict < 0 ? 0 : dp.proxyPort;
    if (verdict !== CTX_ACT_OK || status !== CT_ESTABLISHED) {
      sendPolicyVerdictNotify(dp, program, srcLabel, verdict < 0 ? verdict : htons(proxyPort), tuple.dport, false);
    }
    if (verdict < 0) return verdict;
  }

  if (status === CT_NEW) {
    ctStateNew.srcSecId = srcLabel;
    ctStateNew.fromTunnel = fromTunnel;
    ctStateNew.proxyRedirect = proxyPort > 0;
    const ret = ctCreate(dp, dp.ctMap(tuple.protocol === IPPROTO_TCP), dp.family.ctAnyGlobal, tuple, CT_INGRESS, ctStateNew);
    if (ret < 0) return ret;
  }

  if (proxyPort > 0) {
    traceTo(dp, TRACE_TO_PROXY, program, srcLabel, status, monitor, proxyPort);
    return POLICY_ACT_PROXY_REDIRECT;
  }
  traceTo(dp, TRACE_TO_LXC, program, srcLabel, status, monitor, program.lxcId);
  return CTX_ACT_OK;
}

function traceTo(
  dp: DatapathContext,
  point: number,
  program: EndpointProgram,
  srcLabel: number,
  reason: number,
  monitor: number,
  dstId: number,
): void {
  const { lxcId, identity, ifindex } = program;
  sendTraceNotify(dp, point, lxcId, srcLabel, identity, dstId, ifindex, reason, monitor, dp.packet.origSaddrAt);
}

/**
 * A pod's connection to itself by a service: its source is the loopback address, and the sending half has just left an
 * OUT entry with the loopback flag (`ct_has_loopback_egress_entry4`). Policy does not apply.
 */
function isHairpin(dp: DatapathContext): boolean {
  const { packet, tuple } = dp;
  const { loopback4, loopback6 } = dp.config.node;
  const loopback = packet.addressWords === IPV4_WORDS ? loopback4 : loopback6;
  for (let i = 0; i < packet.addressWords; i++) if (packet.row[packet.saddrAt + i] !== loopback[i]) return false;
  const { flags } = tuple;
  const ct = dp.ctMap(tuple.protocol === IPPROTO_TCP);
  tuple.flags = TUPLE_F_OUT;
  const slot = dp.ctLookup(ct, tuple);
  tuple.flags = flags;
  return slot >= 0 && (ct.flags(slot) & CT_LB_LOOPBACK) !== 0;
}
