/**
 * Direct server return: the DSR parts of bpf/lib/nodeport.h. The load-balancer node forwards the request unchanged but
 * for its destination, with the service's address in an IP option (or Geneve option, or by IPIP); the backend's node
 * remembers it in conntrack and NAT and translates replies itself.
 *
 * Kept from the original: a TCP SYN without option is meant to end DSR for an existing connection, but looks at the
 * wrong key, so that nothing changes; and for UDP a lost NAT entry is not restored while the conntrack entry lives.
 */

import { UpdateFlag } from "../../bpf/spec.js";
import { IPV4_WORDS } from "../maps/address.js";
import { CT_DSR_INTERNAL } from "../maps/ct-flags.js";
import { TUPLE_F_IN, TUPLE_F_OUT } from "../maps/tuple.js";
import type { Tuple } from "../maps/tuple.js";
import { CT_EGRESS, CT_ENTRY_DSR, ctCreate, ctLazyLookup, SCOPE_FORWARD, TRACE_PAYLOAD_LEN } from "./conntrack.js";
import { CT_ESTABLISHED, CT_NEW, CTX_ACT_OK, RECIRCULATE } from "./context.js";
import type { DatapathContext } from "./context.js";
import { DROP_FRAG_NEEDED, DROP_INVALID, DROP_NAT_NO_MAPPING, DROP_NO_TUNNEL_ENDPOINT, DROP_UNKNOWN_CT } from "./drop-reasons.js";
import { lookupRemoteEndpoint, WORLD_ID } from "./eps.js";
import { TRACE_TO_OVERLAY } from "./events.js";
import { encapsulate, fibRedirectRouted } from "./l3.js";
import { NO_ORIG_ADDRESS, sendTraceNotify } from "./notify.js";
import { IPPROTO_TCP, TCP_SYN } from "./packet.js";

/** Bytes of the IPv4 option (type 0x9a, length 8), and of the IPv6 extension header. */
const DSR_OPTION_BYTES = 8;
const DSR_EXTENSION_BYTES = 24;
/** Geneve option header and service address and port. */
const GENEVE_OPTION_BYTES = 12;

/**
 * `tail_nodeport_ipv4_dsr`: the request to a remote backend, with the service in an IP option or, with Geneve, in a tunnel
 * option (`encap_geneve_dsr_opt4`). CTX_ACT_REDIRECT or a drop reason.
 */
export function dsrRequest(dp: DatapathContext, srcIdentity: number): number {
  const { packet } = dp;
  const geneve = dp.config.loadBalancer.dsrDispatch === "geneve";
  const remote = geneve ? lookupRemoteEndpoint(dp, packet.row, packet.daddrAt) : -1;
  const tunnelEndpoint = remote < 0 ? 0 : dp.maps.ipcache.tunnelEndpoint(remote);
  if (geneve && tunnelEndpoint === 0) return DROP_NO_TUNNEL_ENDPOINT;

  // TCP: only the first packet needs to say it; the backend's node remembers.
  if (packet.protocol !== IPPROTO_TCP || (packet.tcpFlags & TCP_SYN) !== 0) {
    const option = packet.addressWords === IPV4_WORDS ? DSR_OPTION_BYTES : DSR_EXTENSION_BYTES;
    const bytes = geneve ? GENEVE_OPTION_BYTES : option;
    if (dp.config.pmtuDiscovery && packet.length + bytes > dp.config.mtu) return DROP_FRAG_NEEDED;
    packet.length += bytes;
    packet.hasDsrOption = true;
    packet.setDsrAddr(dp.serviceAddress, 0);
    packet.dsrPort = dp.servicePort;
  }
  if (!geneve) return fibRedirectRouted(dp);
  const { tunnelIfindex } = dp.config.node;
  const dstIdentity = dp.maps.ipcache.identity(remote);
  const source = dp.eventSource();
  sendTraceNotify(dp, TRACE_TO_OVERLAY, source, srcIdentity, dstIdentity, 0, tunnelIfindex, CT_NEW, TRACE_PAYLOAD_LEN, NO_ORIG_ADDRESS);
  return encapsulate(dp, tunnelEndpoint, srcIdentity);
}

/**
 * On the backend's node: whether the packet belongs to a DSR connection (`nodeport_extract_dsr_v4`), and if so its
 * entries (`nodeport_dsr_ingress_ipv4`). CTX_ACT_OK to go on to the pod, RECIRCULATE when it is no DSR packet, or a drop
 * reason. `tuple` is in reverse layout.
 */
export function dsrIngress(dp: DatapathContext, tuple: Tuple): number {
  const { packet } = dp;
  const isTcp = packet.protocol === IPPROTO_TCP;
  if (isTcp && (packet.tcpFlags & TCP_SYN) === 0) {
    return hasDsrEntry(dp, tuple) ? trackDsr(dp, tuple, false) : RECIRCULATE;
  }
  if (packet.hasDsrOption) return trackDsr(dp, tuple, true);
  if (isTcp) clearDsr(dp, tuple);
  return RECIRCULATE;
}

/** `ct_has_dsr_egress_entry4` with the connection's OUT key. */
function hasDsrEntry(dp: DatapathContext, tuple: Tuple): boolean {
  const ct = dp.ctMap(tuple.protocol === IPPROTO_TCP);
  const key = dp.trackTuple;
  key.copyFrom(tuple);
  key.reverse();
  key.flags = TUPLE_F_OUT;
  const slot = dp.ctLookup(ct, key);
  return slot >= 0 && (ct.flags(slot) & CT_DSR_INTERNAL) !== 0;
}

/** `ct_update_dsr` as it is: the reversed key has the IN flag, so that the OUT entry is never found. */
function clearDsr(dp: DatapathContext, tuple: Tuple): void {
  const ct = dp.ctMap(true);
  const key = dp.trackTuple;
  key.copyFrom(tuple);
  key.reverse();
  key.flags = TUPLE_F_IN;
  const slot = dp.ctLookup(ct, key);
  if (slot >= 0) ct.setFlags(slot, ct.flags(slot) & ~CT_DSR_INTERNAL);
}

/** Entry OUT(dsr) and its NAT entry, made when new or when a SYN brings the option again. */
function trackDsr(dp: DatapathContext, tuple: Tuple, hasOption: boolean): number {
  const { ctState, ctStateNew } = dp;
  const ct = dp.ctMap(tuple.protocol === IPPROTO_TCP);
  tuple.reverse();
  ctState.reset();
  const status = ctLazyLookup(dp, ct, tuple, CT_EGRESS, SCOPE_FORWARD, CT_ENTRY_DSR, ctState);
  if (status !== CT_NEW && status !== CT_ESTABLISHED) return DROP_UNKNOWN_CT;
  if (status === CT_ESTABLISHED && !(tuple.protocol === IPPROTO_TCP && hasOption)) return CTX_ACT_OK;
  if (!hasOption) return DROP_INVALID;

  ctStateNew.reset();
  ctStateNew.srcSecId = WORLD_ID;
  ctStateNew.dsr = true;
  const ret = ctCreate(dp, ct, null, tuple, CT_EGRESS, ctStateNew);
  if (ret < 0) return ret;
  if (dp.config.nat.dsrInfoInConntrack === true) {
    const { packet } = dp;
    ct.setNat(dp.createdSlot, packet.row, packet.dsrAddrAt, packet.addressWords, packet.dsrPort);
  }
  return createDsrMapping(dp, tuple);
}

/** `snat_v4_create_dsr`: replies of the backend to this client get the service's address as source. */
function createDsrMapping(dp: DatapathContext, tuple: Tuple): number {
  const { packet } = dp;
  const nat = dp.family.snatExternal;
  const key = dp.natTuple;
  key.copyFrom(tuple);
  key.swapPorts();
  key.flags = TUPLE_F_OUT;
  const slot = dp.natUpdate(nat, key, UpdateFlag.any);
  if (slot < 0) {
    dp.setExtError(slot);
    return DROP_NAT_NO_MAPPING;
  }
  nat.setCreated(slot, dp.now);
  nat.setToAddr(slot, packet.row, packet.dsrAddrAt);
  nat.setToPort(slot, packet.dsrPort);
  return CTX_ACT_OK;
}
