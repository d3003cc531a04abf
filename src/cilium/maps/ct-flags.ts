/** The flags of a conntrack entry (`struct ct_entry`, the 16-bit field at byte 36; bpf/lib/common.h), and what they make of it. */

/** Bits, in order from bit 0. */
export const CT_RX_CLOSING = 1 << 0;
export const CT_TX_CLOSING = 1 << 1;
export const CT_LB_LOOPBACK = 1 << 3;
export const CT_SEEN_NON_SYN = 1 << 4;
export const CT_NODE_PORT = 1 << 5;
export const CT_PROXY_REDIRECT = 1 << 6;
export const CT_DSR_INTERNAL = 1 << 7;
export const CT_FROM_L7LB = 1 << 8;
export const CT_FROM_TUNNEL = 1 << 10;
/** Either closing bit. */
export const CT_CLOSING = CT_RX_CLOSING | CT_TX_CLOSING;

/** `ct_entry_alive`: a connection that one side has closed still keeps the lifetime of an open one. */
export function ctIsAlive(flags: number): boolean {
  return (flags & CT_CLOSING) !== CT_CLOSING;
}

/** What an entry is, as far as its flags tell. */
export const CT_SYN_ONLY = 0;
export const CT_OPEN = 1;
/** Closed by both sides, or reset. */
export const CT_CLOSED = 2;
/** No TCP: nothing shows a handshake or an end. */
export const CT_STATELESS = 3;

/** `CT_SYN_ONLY` to `CT_STATELESS`. */
export function ctStateOf(flags: number, isTcp: boolean): number {
  if (!isTcp) return CT_STATELESS;
  if (!ctIsAlive(flags)) return CT_CLOSED;
  return (flags & CT_SEEN_NON_SYN) === 0 ? CT_SYN_ONLY : CT_OPEN;
}
