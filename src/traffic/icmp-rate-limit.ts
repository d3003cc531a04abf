/**
 * How many ICMP errors a host sends to one peer: net/ipv4/inetpeer.c, inet_peer_xrlim_allow, with `net.ipv4.icmp_ratelimit` at
 * its default of 1000 ms: one a second, up to six at once. The limit for all peers together (1000 a second) is left out.
 */

const NS_PER_S = 1e9;
const INTERVAL_NS = NS_PER_S;
const BURST = 6;

export class IcmpRateLimit {
  readonly #peers = new Map<string, { tokensNs: number; lastNs: number }>();

  /** Whether `host` may send an error to `peer` now. */
  allows(host: number, peer: number, nowNs: number): boolean {
    const key = `${host} ${peer}`;
    let state = this.#peers.get(key);
    if (state === undefined) {
      state = { tokensNs: BURST * INTERVAL_NS, lastNs: nowNs };
      this.#peers.set(key, state);
    }
    state.tokensNs = Math.min(state.tokensNs + nowNs - state.lastNs, BURST * INTERVAL_NS);
    state.lastNs = nowNs;
    if (state.tokensNs < INTERVAL_NS) return false;
    state.tokensNs -= INTERVAL_NS;
    return true;
  }
}
