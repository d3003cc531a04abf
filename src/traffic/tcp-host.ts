/** A host as TCP sees it: a profile with its times turned into the units in which the kernel computes. */
import { NS_PER_MS } from "../core/units.js";
import type { TcpProfile } from "./tcp-profile.js";

const MS_PER_S = 1000;
const US_PER_S = 1_000_000;
/** Shortest delay of an acknowledgement, HZ/25. TCP_ATO_MIN, TCP_DELACK_MIN. */
const DELAYED_ACK_PER_S = 25;
/** Pause before another try after the own device refused a packet, HZ/2. TCP_RESOURCE_PROBE_INTERVAL. */
const RESOURCE_PROBE_PER_S = 2;
/** Smallest extra time of a loss probe with several segments outstanding, jiffies. TCP_TIMEOUT_MIN. */
const TIMEOUT_MIN_JIFFIES = 2;

/** First step of the model time-out of data, whatever `rtoMinMs` says. TCP_RTO_MIN, ms. */
const BASE_RTO_MS = 200;

export interface TcpHost {
  readonly profile: TcpProfile;
  readonly jiffyUs: number;
  /** Jiffies. */
  readonly initialRto: number;
  readonly rtoMax: number;
  readonly delayedAck: number;
  readonly resourceProbe: number;
  readonly finTimeout: number;
  readonly timeWait: number;
  /** Shortest first delay of a window probe. TCP_RTO_MIN. */
  readonly probeFloor: number;
  /** Floor of the RTT variance, µs, and of a loss probe's extra time with more than one segment outstanding. */
  readonly rtoMinUs: number;
  readonly timeoutMinUs: number;
  /** How long to retry, ns: SYNs, data of an open connection, data after the application has closed. */
  readonly synPatience: number;
  readonly dataPatience: number;
  readonly orphanPatience: number;
}

export function tcpHost(profile: TcpProfile): TcpHost {
  const { hz } = profile;
  const jiffyUs = US_PER_S / hz;
  const jiffies = (ms: number): number => Math.ceil((ms * hz) / MS_PER_S);
  const initialRto = jiffies(profile.initialRtoMs);
  return {
    profile,
    jiffyUs,
    initialRto,
    rtoMax: jiffies(profile.rtoMaxMs),
    delayedAck: Math.floor(hz / DELAYED_ACK_PER_S),
    resourceProbe: Math.floor(hz / RESOURCE_PROBE_PER_S),
    finTimeout: profile.finTimeoutS * hz,
    timeWait: profile.timeWaitS * hz,
    probeFloor: jiffies(BASE_RTO_MS),
    rtoMinUs: jiffies(profile.rtoMinMs) * jiffyUs,
    timeoutMinUs: TIMEOUT_MIN_JIFFIES * jiffyUs,
    synPatience: modelTimeout(profile.synRetries, (initialRto * MS_PER_S) / hz, profile.rtoMaxMs) * NS_PER_MS,
    dataPatience: modelTimeout(profile.retries2, BASE_RTO_MS, profile.rtoMaxMs) * NS_PER_MS,
    orphanPatience: modelTimeout(profile.orphanRetries, BASE_RTO_MS, profile.rtoMaxMs) * NS_PER_MS,
  };
}

/** Length of a purely exponential schedule of `retries` steps, ms. net/ipv4/tcp_timer.c, tcp_model_timeout. */
export function modelTimeout(retries: number, baseMs: number, maxMs: number): number {
  const doublings = Math.floor(Math.log2(Math.max(maxMs / baseMs, 1)));
  if (retries <= doublings) return (2 ** (retries + 1) - 1) * baseMs;
  return (2 ** (doublings + 1) - 1) * baseMs + (retries - doublings) * maxMs;
}
