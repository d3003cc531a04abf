/** Every distribution that a run has counted, by name: what `latency.hlog` holds, and what the summary prints. */
import { LogLinearCounter } from "../core/log-linear.js";
import type { BuiltNode } from "../node/build.js";
import { RESULT_HOOKS } from "../node/hooks.js";
import { spanCounter } from "../observe/latency.js";
import { powerOfTwoBuckets } from "../observe/power-of-two.js";
import type { RunRecorder } from "../observe/recorder.js";
import type { NamedHistogram } from "../observe/result.js";

export interface Distribution {
  /** Tag in the log: no blanks. */
  readonly name: string;
  readonly about: string;
  readonly unit: NamedHistogram["unit"];
  readonly counter: LogLinearCounter;
  /** It has no table or chart of its own in the reports. */
  readonly printed: boolean;
}

/** Tries of one search for a source port; more are not made. */
const TRIES_HIGHEST = 255;

/** Empty ones are left out, but for the latencies of connections and requests. */
export function distributions(node: BuiltNode, recorder: RunRecorder): readonly Distribution[] {
  const spans = { unit: "ns", printed: true } as const;
  const all: readonly Distribution[] = [
    { name: "syn_latency", about: "connect() to established", counter: recorder.synLatency.all(), unit: "ns", printed: false },
    { name: "request_latency", about: "request to its whole answer", counter: recorder.requestLatency.all(), unit: "ns", printed: false },
    { name: "handshake", about: "last SYN to established", counter: recorder.handshake.all(), ...spans },
    ...RESULT_HOOKS.map((hook) => {
      return { name: `hook_${hook}`, about: `time at ${hook}`, counter: recorder.hookTimes(hook), unit: "ns", printed: false } as const;
    }),
    { name: "gc_duration", about: "a pass of the conntrack garbage collector", counter: gcDurations(node), ...spans },
    { name: "nat_tries", about: "further tries until SNAT had a source port", counter: natTries(node), unit: "tries", printed: true },
    ...node.watch.evictionAges().map(({ name, age, counter }) => ({
      name: `eviction_${age}_${name}`,
      about: age === "idle" ? `last packet of an entry to its eviction from ${name}` : `a mapping to its eviction from ${name}`,
      counter,
      unit: "s" as const,
      printed: true,
    })),
  ];
  return all.filter(({ name, counter }) => counter.count > 0 || name === "syn_latency" || name === "request_latency");
}

export function printedHistogram({ name, about, unit, counter }: Distribution): NamedHistogram {
  return { name, about, unit, count: counter.count, buckets: powerOfTwoBuckets(counter) };
}

function gcDurations({ collector }: BuiltNode): LogLinearCounter {
  const counter = spanCounter();
  for (const { startNs, endNs } of collector.runs) counter.record(endNs - startNs);
  return counter;
}

function natTries({ datapath }: BuiltNode): LogLinearCounter {
  const counter = new LogLinearCounter(2, TRIES_HIGHEST);
  datapath.natTries.forEach((count, tries) => {
    if (count > 0) counter.record(tries, count);
  });
  return counter;
}
