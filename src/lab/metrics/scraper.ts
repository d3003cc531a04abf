/**
 * A Prometheus server that scrapes the node at equal steps: the agent's metrics, Hubble's, and the truth. It reads and
 * changes nothing; what it costs, it costs between events.
 */
import type { Simulation } from "../../core/simulation.js";
import type { BuiltNode } from "../../node/build.js";
import type { AgentWatch } from "../../node/collector.js";
import { AgentMetrics } from "../../node/metrics/agent-metrics.js";
import { FLOW_EPOCH_SECONDS } from "../../observe/flow-text.js";
import { MetricStore } from "../../observe/metrics/metric-store.js";
import type { RunRecorder } from "../../observe/recorder.js";
import { FileStream } from "../../report/file-stream.js";
import { openMetrics } from "../../report/open-metrics.js";
import type { Scenario } from "../../scenario/types.js";
import { METRICS_FILE } from "../run-files.js";
import { collectTruth } from "./truth.js";

/** Payload of the event of a scrape; those from 0 on are the agent's jobs. */
const SCRAPE = -1;

/** Schedules the scrapes of a run; null when the scenario wants none. */
export function scrapeEvery(scenario: Scenario, simulation: Simulation, node: BuiltNode, recorder: RunRecorder): MetricStore | null {
  const { scrapeNs } = scenario.observe;
  if (scrapeNs === null) return null;
  const store = new MetricStore();
  const agent = agentOf(node);
  watchBy(node, agent, () => node.flows.hubbleMetrics?.forget());
  const jobs = agent.jobs();
  const kind: number = simulation.on((job) => {
    const next = simulation.now + (job === SCRAPE ? scrapeNs : jobs[job]!.everyNs);
    if (next <= scenario.durationNs) simulation.at(next, kind, job, 0);
    if (job === SCRAPE) scrape(store, simulation.now, agent, node, recorder);
    else if (agent.answers) jobs[job]!.run();
  });
  jobs.forEach(({ firstNs }, job) => simulation.at(firstNs, kind, job, 0));
  simulation.at(0, kind, SCRAPE, 0);
  return store;
}

/**
 * Watches the agent from now on, beside whoever else does. What comes back takes one scrape of what the agent shows at that
 * moment, without the truth; null while the agent is down. Hubble's metrics are in it when the scenario scrapes them.
 */
export function scrapeOnDemand(scenario: Scenario, simulation: Simulation, node: BuiltNode): () => MetricStore | null {
  const agent = agentOf(node);
  watchBy(node, agent);
  const jobs = agent.jobs();
  const kind: number = simulation.on((job) => {
    const next = simulation.now + jobs[job]!.everyNs;
    if (next <= scenario.durationNs) simulation.at(next, kind, job, 0);
    if (agent.answers) jobs[job]!.run();
  });
  jobs.forEach(({ firstNs }, job) => simulation.at(firstNs, kind, job, 0));
  return () => {
    if (!agent.answers) return null;
    const store = new MetricStore();
    store.begin(simulation.now);
    agent.collect(store, simulation.now);
    node.flows.hubbleMetrics?.collect(store);
    return store;
  };
}

function agentOf(node: BuiltNode): AgentMetrics {
  return new AgentMetrics({
    maps: node.maps,
    packets: node.datapath.metrics,
    settings: node.settings,
    profile: node.profile,
    natPorts: { first: node.datapath.config.nat.portMin, last: node.datapath.config.nat.portMax },
  });
}

/** Lets a watch hear of the collector after those who do already. */
function watchBy(node: BuiltNode, agent: AgentMetrics, stopped = (): void => {}): void {
  const before: AgentWatch | null = node.collector.watch;
  node.collector.watch = {
    onRun: (record) => {
      before?.onRun(record);
      agent.onRun(record);
    },
    onSignal: (...signal) => {
      before?.onSignal(...signal);
      agent.onSignal(...signal);
    },
    onPressureCount: (...count) => {
      before?.onPressureCount(...count);
      agent.onPressureCount(...count);
    },
    stop: () => {
      before?.stop();
      agent.stop();
      stopped();
    },
    restart: () => {
      before?.restart();
      agent.restart();
    },
  };
}

function scrape(store: MetricStore, atNs: number, agent: AgentMetrics, node: BuiltNode, recorder: RunRecorder): void {
  store.begin(atNs);
  if (agent.answers) {
    agent.collect(store, atNs);
    node.flows.hubbleMetrics?.collect(store);
  }
  collectTruth(store, node, recorder);
}

/** Writes `metrics.om`. Throws `OutputError`. */
export function writeMetrics(store: MetricStore, path: string): void {
  const file = new FileStream(path, METRICS_FILE);
  try {
    for (const text of openMetrics(store, FLOW_EPOCH_SECONDS)) file.write(text);
  } finally {
    file.close();
  }
}
