/** `latency.hlog`: SYN and request latencies of one variant as a HdrHistogram log. */
import type { RunRecorder } from "../observe/recorder.js";
import { hdrLog } from "../report/hlog.js";

export function latencyLog(recorder: RunRecorder, reachedNs: number): string {
  return hdrLog([
    { tag: "syn_latency", startNs: 0, endNs: reachedNs, counter: recorder.synLatency.all() },
    { tag: "request_latency", startNs: 0, endNs: reachedNs, counter: recorder.requestLatency.all() },
  ]);
}
