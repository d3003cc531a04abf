/**
 * What is put around packets between two nodes: a tunnel's headers, or encryption. What it adds to a packet on the wire, to a
 * segment's payload, and to the time on a CPU.
 */
import type { DatapathConfig } from "../cilium/datapath/config.js";
import { IPSEC_BYTES, WIREGUARD_BYTES } from "../cilium/datapath/encrypt.js";

/** How a packet comes from another node. */
export const Wrapping = { none: 0, tunnel: 1, encrypted: 2 } as const;

/** Outer IPv4 20, UDP 8, VXLAN or Geneve 8, inner Ethernet 14. pkg/mtu, TunnelOverheadIPv4. */
export const TUNNEL_BYTES = 50;
/** cilium_wg0's port: pkg/wireguard/types, ListenPort. */
export const WIREGUARD_PORT = 51_871;

/** What the MTU of pods' routes leaves out for WireGuard and for IPsec: pkg/mtu, WireguardOverhead and EncryptionIPsecOverhead. */
const WIREGUARD_ROUTE_BYTES = 80;
const IPSEC_ROUTE_BYTES = 77;

/** Bytes by which a full segment is shorter than without wrapping. */
export function segmentLoss({ tunnel, encryption }: Pick<DatapathConfig, "tunnel" | "encryption">): number {
  const encrypted = { none: 0, wireguard: WIREGUARD_ROUTE_BYTES, ipsec: IPSEC_ROUTE_BYTES }[encryption];
  return encrypted + (tunnel ? TUNNEL_BYTES : 0);
}

/**
 * Time of the cipher for a byte, ns: `openssl speed -bytes 1420` of OpenSSL 3.0.19 on an AMD EPYC gave 2281 MB/s for
 * ChaCha20-Poly1305 (WireGuard) and 2097 MB/s for AES-128-GCM (IPsec). The fixed part of a packet is in `costs.ts`.
 */
const CIPHER_NS_PER_BYTE = { none: 0, wireguard: 0.44, ipsec: 0.48 } as const;

/** Bytes that a wrapping adds to a packet of another node. */
export function wrapBytes(wrapping: number, encryption: DatapathConfig["encryption"]): number {
  if (wrapping === Wrapping.none) return 0;
  if (wrapping === Wrapping.tunnel) return TUNNEL_BYTES;
  return encryption === "wireguard" ? WIREGUARD_BYTES : IPSEC_BYTES;
}

/** Time of the cipher for a packet, ns. */
export function cipherNs(encryption: DatapathConfig["encryption"], bytes: number): number {
  return Math.round(bytes * CIPHER_NS_PER_BYTE[encryption]);
}
