/**
 * Host firewall: bpf/lib/host_firewall.h. Policy for the node itself, enforced with conntrack at the native device.
 *
 * Written from the source's structure; no recorded run covers it, so entries and operation counts are assumed.
 */

import { CT_EGRESS, CT_INGRESS, ctCreate, ctLookup, SCOPE_BIDIR } from "./conntrack.js";
import { CT_ESTABLISHED, CT_NEW, CT_RELATED, CT_REPLY, CTX_ACT_OK } from "./context.js";
import type { DatapathContext, EndpointProgram } from "./context.js";
import { HOST_ID, lookupRemoteEndpoint, worldIdentity } from "./eps.js";
import { tupleFromPacket } from "./l4.js";
import { sendPolicyVerdictNotify } from "./notify.js";
import { IPPROTO_TCP, MARK_ENCRYPT, MARK_OVERLAY } from "./packet.js";
import { policyVerdict } from "./policy.js";

/** The host endpoint's policy, or undefined while it is not loaded: then nothing is enforced. */
function hostProgram(dp: DatapathContext): EndpointProgram | undefined {
  return dp.config.hostFirewall ? dp.programs[dp.config.node.hostEndpointId] : undefined;
}

function identityOf(dp: DatapathContext, at: number): number {
  const slot = lookupRemoteEndpoint(dp, dp.packet.row, at);
  return slot < 0 ? worldIdentity(dp) : dp.maps.ipcache.identity(slot);
}

/** `ipv4_host_policy_ingress`: packets for the node, from identity `srcIdentity`. CTX_ACT_OK or a drop reason. */
export function hostPolicyIngress(dp: DatapathContext, srcIdentity: number): number {
  const program = hostProgram(dp);
  if (program === undefined || identityOf(dp, dp.packet.daddrAt) !== HOST_ID) return CTX_ACT_OK;
  return enforce(dp, program, srcIdentity, false);
}

/** `ipv4_host_policy_egress`: packets of the node itself. CTX_ACT_OK or a drop reason. */
export function hostPolicyEgress(dp: DatapathContext): number {
  const program = hostProgram(dp);
  const { mark } = dp.packet;
  // The outside of a tunnelled or encrypted packet is nothing that the node has to say.
  if (program === undefined || mark === MARK_OVERLAY || mark === MARK_ENCRYPT) return CTX_ACT_OK;
  if (identityOf(dp, dp.packet.saddrAt) !== HOST_ID) return CTX_ACT_OK;
  return enforce(dp, program, identityOf(dp, dp.packet.daddrAt), true);
}

function enforce(dp: DatapathContext, program: EndpointProgram, remoteIdentity: number, egress: boolean): number {
  const { tuple, ctState, ctStateNew } = dp;
  tupleFromPacket(dp, tuple);
  const ct = dp.ctMap(tuple.protocol === IPPROTO_TCP);
  const direction = egress ? CT_EGRESS : CT_INGRESS;
  ctState.reset();
  const status = ctLookup(dp, ct, tuple, direction, SCOPE_BIDIR, ctState);
  if (status < 0) return status;
  if (status === CT_REPLY || status === CT_RELATED) return CTX_ACT_OK;
  const verdict = policyVerdict(dp, program, remoteIdentity, egress, tuple.dport);
  if (verdict !== CTX_ACT_OK || status !== CT_ESTABLISHED) {
    sendPolicyVerdictNotify(dp, program, remoteIdentity, verdict, tuple.dport, egress);
  }
  if (verdict < 0 || status !== CT_NEW) return verdict;
  ctStateNew.reset();
  ctStateNew.srcSecId = egress ? HOST_ID : remoteIdentity;
  return ctCreate(dp, ct, dp.family.ctAnyGlobal, tuple, direction, ctStateNew);
}
