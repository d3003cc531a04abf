/**
 * bpf_xdp: NodePort before the stack allocates a buffer. bpf/bpf_xdp.c, `cil_xdp_entry` and `tail_lb_ipv4`.
 * No ipcache lookup and no event but drops; what it does not handle goes up to TC with a note what has been done.
 */

import { CTX_ACT_OK, PROGRAM_XDP, RECIRCULATE, TC_ACT_SHOT } from "./context.js";
import type { DatapathContext } from "./context.js";
import { METRIC_INGRESS } from "./events.js";
import { nodeportLb } from "./nodeport.js";
import { sendDropNotify, UNKNOWN } from "./notify.js";
import { OP_RUN_XDP, OP_TAIL_CALL } from "./ops.js";
import { XFER_PKT_NO_SVC } from "./packet.js";

/** `cil_xdp_entry`. CTX_ACT_OK passes the packet up with `packet.xfer` set; CTX_ACT_REDIRECT sends it out again. */
export function cilXdpEntry(dp: DatapathContext): number {
  const { packet } = dp;
  dp.count(OP_RUN_XDP);
  dp.enter(PROGRAM_XDP, "cil_xdp_entry", true);
  packet.xfer = 0;
  if (!dp.maps.hasFamily(packet.addressWords)) return CTX_ACT_OK;
  dp.useFamily(packet.addressWords);
  dp.count(OP_TAIL_CALL);
  const ret = nodeportLb(dp, UNKNOWN);
  if (ret < 0) {
    sendDropNotify(dp, dp.eventSource(), UNKNOWN, UNKNOWN, UNKNOWN, ret, METRIC_INGRESS);
    return TC_ACT_SHOT;
  }
  if (ret !== RECIRCULATE) return ret;
  packet.xfer |= XFER_PKT_NO_SVC;
  packet.skipNodeport = false;
  return CTX_ACT_OK;
}
