/** What was counted, as the result model has it. */
import { errnoName } from "../bpf/errno.js";
import { dropText } from "../cilium/datapath/drop-reasons.js";
import type { KernelProfile } from "../cilium/profile/kernel.js";
import { NS_PER_MS } from "../core/units.js";
import type { BuiltNode } from "../node/build.js";
import { RESULT_HOOKS } from "../node/hooks.js";
import { powerOfTwoBuckets } from "../observe/power-of-two.js";
import type { RunRecorder } from "../observe/recorder.js";
import type { DropCount, HookHistogram, Series } from "../observe/result.js";
import type { Scenario } from "../scenario/types.js";
import { callsOf } from "./calls.js";
import { distributions, printedHistogram } from "./distributions.js";
import type { Figures } from "./findings.js";

/** Everything but the judgement. `reachedNs`: simulated time at the end. */
export function figuresOf(scenario: Scenario, node: BuiltNode, recorder: RunRecorder, series: Series, reachedNs: number): Figures {
  const { counts } = recorder;
  return {
    name: scenario.variant,
    about: scenario.variantAbout === "" ? scenario.about : scenario.variantAbout,
    profile: { cilium: node.profile.version, kernel: node.kernel.version },
    durationNs: scenario.durationNs,
    reachedNs,
    fingerprint: recorder.fingerprint.hex(),
    counts: {
      ...counts,
      events: node.simulation.events,
      connectionsPending: counts.connectionsOpened - counts.connectionsEstablished - counts.connectionsFailed,
      preloadedEntries: node.preloaded,
    },
    windows: recorder.windows.list.filter(({ startNs }) => startNs < reachedNs),
    synLatency: recorder.synLatency.summaries(),
    synRetransmitNs: synRetransmissions(scenario, node.kernel),
    requestLatency: recorder.requestLatency.summaries(),
    drops: dropCounts(recorder),
    maps: node.watch.results(),
    gcRuns: node.collector.runs,
    calls: callsOf(scenario, recorder, reachedNs),
    series,
    hooks: hookHistograms(scenario, recorder),
    histograms: distributions(node, recorder).filter(({ printed }) => printed).map(printedHistogram),
    flows: { seen: node.flows.seen(), written: node.flows.written(), filter: scenario.observe.flows },
    ...(node.flows.hubble === null ? {} : { hubble: node.flows.hubble.result() }),
  };
}

/** How many marks a chart of SYN latencies gets: more lie beyond half a minute. */
const RETRANSMISSIONS_SHOWN = 5;

/** When a SYN that is lost again and again is sent anew, after the first one, without the timer wheel's rounding. */
export function synRetransmissions({ client }: Scenario, kernel: KernelProfile): readonly number[] {
  const rto = client.synRtoNs ?? kernel.tcpInitialRtoMs * NS_PER_MS;
  const linear = client.linearTimeouts ?? kernel.tcpSynLinearTimeouts;
  let at = 0;
  return Array.from({ length: RETRANSMISSIONS_SHOWN }, (_, nth) => (at += rto * 2 ** Math.max(0, nth - linear)));
}

function dropCounts(recorder: RunRecorder): readonly DropCount[] {
  return recorder.drops.kinds().map((kind) => ({
    code: kind.code,
    reason: dropText(kind.code),
    errno: kind.extError === 0 ? null : errnoName(kind.extError),
    direction: kind.egress ? "egress" : "ingress",
    count: kind.inside + kind.outside,
    inside: kind.inside,
    outside: kind.outside,
    established: kind.established,
    firstNs: kind.firstNs,
    lastNs: kind.lastNs,
  }));
}

function hookHistograms(scenario: Scenario, recorder: RunRecorder): readonly HookHistogram[] {
  return RESULT_HOOKS.map((hook) => {
    const observed = scenario.observe.hooks.find((each) => each.hook === hook)?.observed ?? null;
    const buckets = powerOfTwoBuckets(recorder.hookTimes(hook));
    return {
      hook,
      unit: "ns",
      buckets,
      ...(observed === null ? {} : { observed: observed.buckets, observedSource: observed.source }),
    };
  });
}
