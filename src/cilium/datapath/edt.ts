/**
 * Bandwidth manager: earliest departure times, bpf/lib/edt.h. An endpoint's packets leave at its rate; a packet that
 * would have to wait longer than the horizon is dropped.
 */

import { CTX_ACT_OK } from "./context.js";
import type { DatapathContext } from "./context.js";
import { DROP_EDT_HORIZON } from "./drop-reasons.js";
import { OP_THROTTLE_LOOKUP } from "./ops.js";

/** Longest wait, nanoseconds: DEFAULT_DROP_HORIZON, 2 s (pkg/maps/bwmap). */
const DROP_HORIZON_NS = 2e9;

/** `edt_sched_departure`: sets `packet.departure`. CTX_ACT_OK or DROP_EDT_HORIZON. */
export function departure(dp: DatapathContext): number {
  const { packet, nowNs } = dp;
  const { throttle } = dp.maps;
  if (packet.aggregate === 0) return CTX_ACT_OK;
  throttle.setKey(packet.aggregate);
  const slot = dp.lookupHash(OP_THROTTLE_LOOKUP, throttle.map, throttle.key);
  if (slot < 0) return CTX_ACT_OK;
  dp.unrepeatable();
  const start = Math.max(packet.departure, nowNs);
  const next = throttle.last(slot) + throttle.delay(slot, packet.length);
  if (next <= start) {
    throttle.setLast(slot, start);
    return CTX_ACT_OK;
  }
  if (next - nowNs >= DROP_HORIZON_NS) return DROP_EDT_HORIZON;
  throttle.setLast(slot, next);
  packet.departure = next;
  return CTX_ACT_OK;
}
