/**
 * How much of a service's load goes to backends that were added while the run went on. Counts whom first packets reach,
 * from the moment at which the agent knows of the first of them.
 */
import type { RunRecorder } from "../observe/recorder.js";
import type { Workload } from "../scenario/types.js";

export class AddedBackends {
  readonly #recorder: RunRecorder;
  /** Service of each workload; -1 for those that call something else. */
  readonly #services: readonly number[];
  /** Addresses of added backends, by service. */
  readonly #addresses = new Map<number, Set<number>>();

  constructor(workloads: readonly Workload[], recorder: RunRecorder) {
    this.#recorder = recorder;
    this.#services = workloads.map(({ to }) => (to.kind === "service" ? to.service : -1));
  }

  /** The agent has told the datapath of a new backend. */
  known(service: number, address: number): void {
    const addresses = this.#addresses.get(service) ?? new Set();
    this.#addresses.set(service, addresses.add(address));
  }

  /** The first packet of a connection or an exchange of the workload has come to `address`. */
  reached(workload: number, address: number): void {
    const added = this.#addresses.get(this.#services[workload]!);
    if (added !== undefined) this.#recorder.serverReached(added.has(address));
  }
}
