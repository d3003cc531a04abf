/**
 * WireGuard and IPsec between nodes, as far as they concern the datapath: which packets are encrypted, what that adds to
 * them, and that somebody pays for it. bpf/lib/wireguard.h, encrypt.h. The cipher itself is a cost of the node.
 */

import { IPV4_WORDS } from "../maps/address.js";
import type { DatapathContext } from "./context.js";
import { isReservedIdentity, lookupRemoteEndpoint } from "./eps.js";
import { OP_CRYPTO } from "./ops.js";
import { IPPROTO_ESP, MARK_DECRYPT, MARK_ENCRYPT } from "./packet.js";

/** Bytes that WireGuard adds: outer IPv4 20, UDP 8, header 16, tag 16. */
export const WIREGUARD_BYTES = 60;
/** Bytes that IPsec (ESP in tunnel mode, AES-GCM) adds: outer IPv4 20, ESP 8, IV 8, trailer and tag 18 on average. */
export const IPSEC_BYTES = 54;

/**
 * At to-netdev: a packet from one pod to a pod of another node leaves encrypted. Marks it and counts the work; the
 * packet is longer from here on.
 */
export function encryptForWire(dp: DatapathContext): void {
  const { encryption } = dp.config;
  const { packet } = dp;
  if (encryption === "none" || packet.mark === MARK_ENCRYPT || packet.addressWords !== IPV4_WORDS) return;
  const { ipcache } = dp.maps;
  const destination = lookupRemoteEndpoint(dp, packet.row, packet.daddrAt);
  if (destination < 0 || ipcache.encryptKey(destination) === 0) return;
  const source = lookupRemoteEndpoint(dp, packet.row, packet.saddrAt);
  if (source < 0 || isReservedIdentity(ipcache.identity(source))) return;
  packet.mark = MARK_ENCRYPT;
  packet.length += encryption === "wireguard" ? WIREGUARD_BYTES : IPSEC_BYTES;
  dp.count(OP_CRYPTO);
}

/** `do_decrypt`: IPsec's packets go to the stack, which decrypts them and hands them to from-netdev once more. */
export function isEncrypted({ config, packet }: DatapathContext): boolean {
  return config.encryption === "ipsec" && packet.protocol === IPPROTO_ESP;
}

/** At from-netdev: whether the packet has just been decrypted; counts the work. */
export function isDecrypted(dp: DatapathContext): boolean {
  if (dp.config.encryption === "none" || dp.packet.mark !== MARK_DECRYPT) return false;
  dp.count(OP_CRYPTO);
  return true;
}
