/**
 * `latency.hlog`: the distributions of one variant as a HdrHistogram log, one tag each. Spans are ns; ages of evicted
 * entries are whole seconds, and `nat_tries` is a number.
 */
import type { BuiltNode } from "../node/build.js";
import type { RunRecorder } from "../observe/recorder.js";
import { hdrLog } from "../report/hlog.js";
import { distributions } from "./distributions.js";

export function latencyLog(node: BuiltNode, recorder: RunRecorder, reachedNs: number): string {
  return hdrLog(distributions(node, recorder).map(({ name, counter }) => ({ tag: name, startNs: 0, endNs: reachedNs, counter })));
}
