/** Hubble's pipeline of the simulated node: sizes from the agent's settings, times and Relay from the scenario. */
import type { CiliumSettings } from "../cilium/agent/settings.js";
import type { SettledProfile } from "../cilium/profile/assumptions.js";
import type { RandomStream, RandomStreams } from "../core/random.js";
import { NS_PER_S } from "../core/units.js";
import type { FlowWriter } from "../observe/flow-writer.js";
import { FOLLOW_CHANNEL } from "../observe/pipeline/flow-request.js";
import type { PauseSource } from "../observe/pipeline/pauses.js";
import { PERF_RING_BYTES } from "../observe/pipeline/perf-rings.js";
import { HubblePipeline, type HubbleCounter } from "../observe/pipeline/pipeline.js";
import type { HubbleShape, PauseShape } from "../scenario/hubble-types.js";
import type { Scenario } from "../scenario/types.js";
import { draw } from "./workloads/distributions.js";

/** An HTTP/2 stream's window in gRPC for Go, bytes (internal/transport/defaults.go), over the bytes of a flow (measured: 600 to 800). */
const WINDOW_FLOWS = Math.floor(65_535 / 700);
/** Channel of a request at Relay, its sort buffer and the channel behind it (relay/defaults `SortBufferMaxLen`); all nodes share them. */
const RELAY_FLOWS = 3 * 100;

/** Relay's client's own chance, and that of its pods: see `relay-restart.ts`. */
export function buildPipeline(
  scenario: Scenario,
  shape: HubbleShape,
  settings: CiliumSettings,
  profile: SettledProfile,
  writer: FlowWriter,
  counter: HubbleCounter | null,
  streams: RandomStreams,
): HubblePipeline {
  const { cpus, nodes } = scenario.cluster;
  const { hubbleQueuePerCpu, hubbleQueueMax, hubbleLostIntervalS } = profile.observation;
  return new HubblePipeline(
    {
      cpus,
      perfRingBytes: PERF_RING_BYTES,
      channel: FOLLOW_CHANNEL,
      queueSize: settings.hubbleEventQueueSize ?? Math.min(cpus * hubbleQueuePerCpu, hubbleQueueMax),
      ringCapacity: settings.hubbleEventBufferCapacity,
      lostIntervalNs: hubbleLostIntervalS * NS_PER_S,
      readNs: shape.agent.readNs,
      decodeNs: shape.agent.decodeNs,
      filterNs: FILTER_NS,
      sendNs: shape.agent.sendNs,
      relayNs: shape.relay.flowNs * nodes,
      inFlight: WINDOW_FLOWS + Math.ceil(RELAY_FLOWS / nodes),
      counter,
      droppedOnly: scenario.observe.flows === "dropped",
      agentPauses: pauseSource(shape.agent.pauses, streams.stream("hubble/agent-pauses")),
      relayPauses: pauseSource(shape.relay.pauses, streams.stream("hubble/relay-pauses")),
    },
    {
      flow: (row, number) => writer.write(row, number),
      lost: (source, count, cpu, atNs) => writer.lost(source, count, cpu, atNs),
    },
  );
}

/** CPU for looking at an event that a filter stops, ns: assumed, a tenth of decoding it. */
const FILTER_NS = 1000;

function pauseSource(shape: PauseShape | null, random: RandomStream): PauseSource | null {
  if (shape === null) return null;
  return { gapNs: () => Math.ceil(draw(shape.every, random)), lengthNs: () => Math.ceil(draw(shape.length, random)) };
}
