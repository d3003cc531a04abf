/**
 * An SCTP association with one request and its answer, as the packets that it makes: INIT and INIT ACK; COOKIE ECHO with
 * DATA, COOKIE ACK with SACK, DATA, SACK; SHUTDOWN, SHUTDOWN ACK, SHUTDOWN COMPLETE (RFC 9260, net/sctp).
 *
 * Simplified: one stream, one DATA chunk each way; timers of the RFC without the kernel's rounding; while the server works
 * the application repeats the request after its own time-out, and DATA of the server that get lost are not sent again by it.
 */
import type { ExchangeProfile, Leg } from "./udp-exchanges.js";

/** net/sctp/protocol.c: RTO.initial and RTO.max of 3 s and 60 s, RTO.min of 1 s; Max.Init.Retransmits 8, Association.Max.Retrans 10. */
const RTO_INITIAL_S = 3;
const RTO_MIN_S = 1;
const RTO_MAX_S = 60;
const INIT_TRIES = 9;
const SHUTDOWN_TRIES = 11;
const NS_PER_S = 1e9;

/** Bytes after the IP header and 8 more, which the node counts for every datagram: 4 of the common header, and the chunks. */
const COMMON = 4;
/** Chunks as Linux builds them: INIT with its parameters, INIT ACK with its cookie, which COOKIE ECHO sends back. */
const INIT = 56;
const INIT_ACK = 292;
const COOKIE_ECHO = 264;
const COOKIE_ACK = 4;
const SACK = 16;
const DATA_HEADER = 16;
const SHUTDOWN = 8;
const SHUTDOWN_ACK = 4;
const SHUTDOWN_COMPLETE = 4;

/** Doubling from `firstS`, ns. */
function backOff(firstS: number, tries: number): readonly number[] {
  return Array.from({ length: tries }, (_, i) => Math.min(firstS * 2 ** i, RTO_MAX_S) * NS_PER_S);
}

/** A chunk that the other end's kernel answers by itself. */
function betweenKernels(request: number, answer: number, timeoutsNs: readonly number[], thanks: number): Leg {
  return {
    requestBytes: COMMON + request,
    answerBytes: COMMON + answer,
    timeoutsNs,
    immediate: true,
    acknowledgeBytes: 0,
    thanksBytes: thanks === 0 ? 0 : COMMON + thanks,
  };
}

/** Profile of an association for `UdpExchanges`; time-out and tries are the application's. */
export function associationProfile(requestBytes: number, answerBytes: number, timeoutNs: number, tries: number): ExchangeProfile {
  const request: Leg = {
    requestBytes: COMMON + COOKIE_ECHO + DATA_HEADER + requestBytes,
    answerBytes: COMMON + DATA_HEADER + answerBytes,
    timeoutsNs: new Array<number>(tries).fill(timeoutNs),
    immediate: false,
    acknowledgeBytes: COMMON + COOKIE_ACK + SACK,
    thanksBytes: COMMON + SACK,
  };
  return [
    betweenKernels(INIT, INIT_ACK, backOff(RTO_INITIAL_S, INIT_TRIES), 0),
    request,
    betweenKernels(SHUTDOWN, SHUTDOWN_ACK, backOff(RTO_MIN_S, SHUTDOWN_TRIES), SHUTDOWN_COMPLETE),
  ];
}
