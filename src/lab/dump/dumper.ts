/**
 * Takes the dumps of a run at a moment, as an operator would with `kubectl exec`: everything at once, changing nothing. An
 * agent that is down at that moment answers neither `cilium status` nor a scrape; the maps can be listed all the same.
 */
import { clockUnitNs } from "../../cilium/agent/gc-config.js";
import { IPV4_WORDS, IPV6_WORDS } from "../../cilium/maps/address.js";
import type { Simulation } from "../../core/simulation.js";
import { NS_PER_S } from "../../core/units.js";
import type { BuiltNode } from "../../node/build.js";
import { FileStream } from "../../report/file-stream.js";
import { metricsExposition } from "../../report/metrics-exposition.js";
import type { Scenario } from "../../scenario/types.js";
import { scrapeOnDemand } from "../metrics/scraper.js";
import { conntrackLayout, conntrackText } from "./conntrack.js";
import { natText, retriesText } from "./nat.js";
import { DUMP_FILES, type DumpFile, type DumpRequest } from "./request.js";
import { statusText } from "./status.js";

export class Dumper {
  readonly #request: DumpRequest;
  readonly #scenario: Scenario;
  readonly #simulation: Simulation;
  readonly #node: BuiltNode;
  readonly #metrics: () => string | null;
  #done = false;

  /** Schedules the dump when it is not for the end; the agent's metrics are watched from now on. */
  constructor(request: DumpRequest, scenario: Scenario, simulation: Simulation, node: BuiltNode) {
    this.#request = request;
    this.#scenario = scenario;
    this.#simulation = simulation;
    this.#node = node;
    const scrape = scrapeOnDemand(scenario, simulation, node);
    this.#metrics = () => {
      const store = scrape();
      return store === null ? null : metricsExposition(store);
    };
    const { atNs } = request;
    if (atNs === null || atNs >= scenario.durationNs) return;
    simulation.at(atNs, simulation.on(() => this.#take()), 0, 0);
  }

  /** The run is over. Throws `OutputError`. */
  end(): void {
    const { atNs } = this.#request;
    if (!this.#done && (atNs === null || this.#simulation.now >= atNs)) this.#take();
  }

  #take(): void {
    this.#done = true;
    const { maps, profile, settings, kernel, datapath, clock, collector } = this.#node;
    const now = clock(this.#simulation.now);
    this.#write("conntrack", conntrackText(maps, conntrackLayout(profile.minor, profile.conntrack)));
    this.#write("nat", natText(maps, { now, unitSeconds: clockUnitNs(settings, kernel) / NS_PER_S }));
    if (profile.nat.retriesHistogramMap4 !== null) {
      const families = ([IPV4_WORDS, IPV6_WORDS] as const).filter((words) => maps.hasFamily(words)).length;
      this.#write("retries", [retriesText(datapath.natTries, datapath.config.nat.tries, families)]);
    }
    if (collector.isDown) return;
    this.#write("status", [statusText({ version: profile.version, cpus: this.#scenario.cluster.cpus, hertz: kernel.hz, settings, maps })]);
    const metrics = this.#metrics();
    if (metrics !== null) this.#write("metrics", [metrics]);
  }

  #write(file: DumpFile, texts: Iterable<string>): void {
    const stream = new FileStream(this.#request.places[file], DUMP_FILES[file]);
    try {
      for (const text of texts) stream.write(text);
    } finally {
      stream.close();
    }
  }
}
