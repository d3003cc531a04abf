/**
 * Round-trip estimator and the time-outs that follow from it (net/ipv4/tcp_input.c: tcp_rtt_estimator, tcp_set_rto;
 * tcp_output.c: tcp_schedule_loss_probe). All in microseconds, scaled as in the kernel: the smoothed time by 8, the
 * mean deviation by 4.
 */
import type { TcpHost } from "./tcp-host.js";
import { Word, type TcpTable } from "./tcp-table.js";

const RTT_SHIFT = 3;
const DEVIATION_SHIFT = 2;
/** Resolution of TCP time stamps, from which the round trip of a repeated segment is taken, µs. TCP_TS_HZ. */
const TIMESTAMP_US = 1000;

/** Takes one measured round trip, ns, into the estimate of a side and sets its time-out anew. */
export function sampleRtt(table: TcpTable, row: number, host: TcpHost, roundTripNs: number, repeated: boolean): void {
  const exact = Math.max(Math.floor(roundTripNs / 1000), 1);
  const sample = repeated ? Math.ceil(exact / TIMESTAMP_US) * TIMESTAMP_US : exact;
  const smoothed = table.get(row, Word.smoothedRtt);
  if (smoothed === 0) {
    const variance = Math.max(sample << 1, host.rtoMinUs);
    table.set(row, Word.smoothedRtt, sample << RTT_SHIFT);
    table.set(row, Word.deviation, sample << 1);
    table.set(row, Word.deviationMax, variance);
    table.set(row, Word.rttVariance, variance);
    table.set(row, Word.rttMark, table.get(row, Word.sendNext));
  } else {
    adjust(table, row, host, sample, smoothed);
  }
  const timeoutUs = (table.get(row, Word.smoothedRtt) >> RTT_SHIFT) + table.get(row, Word.rttVariance);
  table.set(row, Word.rto, Math.min(Math.ceil(timeoutUs / host.jiffyUs), host.rtoMax));
}

function adjust(table: TcpTable, row: number, host: TcpHost, sample: number, smoothed: number): void {
  const error = sample - (smoothed >> RTT_SHIFT);
  table.set(row, Word.smoothedRtt, Math.max(smoothed + error, 1));
  const mean = table.get(row, Word.deviation);
  let excess = Math.abs(error) - (mean >> DEVIATION_SHIFT);
  // A shorter round trip than expected must not raise the deviation as fast as a longer one.
  if (error < 0 && excess > 0) excess >>= RTT_SHIFT;
  const deviation = mean + excess;
  table.set(row, Word.deviation, deviation);
  if (deviation > table.get(row, Word.deviationMax)) {
    table.set(row, Word.deviationMax, deviation);
    if (deviation > table.get(row, Word.rttVariance)) table.set(row, Word.rttVariance, deviation);
  }
  if (table.get(row, Word.sendUna) <= table.get(row, Word.rttMark)) return;
  const variance = table.get(row, Word.rttVariance);
  const highest = table.get(row, Word.deviationMax);
  if (highest < variance) table.set(row, Word.rttVariance, variance - ((variance - highest) >> DEVIATION_SHIFT));
  table.set(row, Word.rttMark, table.get(row, Word.sendNext));
  table.set(row, Word.deviationMax, host.rtoMinUs);
}

/** Jiffies until the tail loss probe of the segments now outstanding, never later than the time-out. */
export function lossProbeDelay(table: TcpTable, row: number, host: TcpHost): number {
  const rto = table.get(row, Word.rto);
  const smoothed = table.get(row, Word.smoothedRtt) >> RTT_SHIFT;
  if (smoothed === 0) return Math.min(host.initialRto, rto);
  const alone = table.get(row, Word.sendNext) - table.get(row, Word.sendUna) === 1;
  const delayUs = 2 * smoothed + (alone ? host.rtoMinUs : host.timeoutMinUs);
  return Math.min(Math.ceil(delayUs / host.jiffyUs), rto);
}
