/** Delivery to a pod of this node: bpf/lib/local_delivery.h. */

import { handlePolicy } from "./bpf-lxc-policy.js";
import type { DatapathContext } from "./context.js";
import { DROP_EP_NOT_READY } from "./drop-reasons.js";
import { decrementTtl, redirect } from "./l3.js";
import { REASON_FORWARDED, SITE_LOCAL_DELIVERY, updateMetrics } from "./notify.js";
import { OP_TAIL_CALL } from "./ops.js";
import { MARK_IDENTITY } from "./packet.js";

/**
 * `ipv4_local_delivery`: one hop, one count, then the tail call into the policy program of the endpoint at `slot` of the
 * endpoint map. With per-endpoint routes (and no BPF host routing) the pod's own device does that part, in
 * `cil_to_container`. A program's return value, or a drop reason when there is no such program.
 */
export function localDelivery(dp: DatapathContext, slot: number, srcLabel: number, direction: number, fromTunnel: boolean): number {
  const lxcId = dp.maps.endpoints.lxcId(slot);
  const ret = decrementTtl(dp);
  if (ret < 0) return ret;
  updateMetrics(dp, REASON_FORWARDED, direction, SITE_LOCAL_DELIVERY);
  if (dp.config.endpointRoutes && !dp.config.hostRouting) {
    dp.packet.mark = MARK_IDENTITY;
    dp.packet.identity = srcLabel;
    return redirect(dp, dp.maps.endpoints.ifindex(slot));
  }
  dp.count(OP_TAIL_CALL);
  const program = dp.programs[lxcId];
  if (program === undefined) return DROP_EP_NOT_READY;
  return handlePolicy(dp, program, srcLabel, fromTunnel, true);
}

