/** What a timeline says about services, workloads and maps, and about the length of the run. */

import { formatDuration } from "../core/units.js";
import { Check, type CheckedInput } from "./check.js";
import { parsePrefix } from "./cidr.js";
import type { Diagnostics } from "./diagnostics.js";
import { mapLabel, RESIZABLE } from "./map-names.js";
import type { ScenarioInput } from "./schema.js";
import { placeOf, type Path, type Tree } from "./tree.js";

type EventInput = ScenarioInput["timeline"][number];

/** Reports events that don't fit the rest of the scenario. */
export function checkTimeline(input: CheckedInput, tree: Tree, found: Diagnostics): void {
  for (const [index, event] of input.timeline.entries()) if (event !== undefined) new EventCheck(input, tree, found, ["timeline", index]).check(event);
  for (const [index, prefix] of input.prefilter.entries()) {
    if (prefix === undefined || parsePrefix(prefix) !== undefined) continue;
    found.error(placeOf(tree, ["prefilter", index]), `${prefix} is no network prefix`, { expected: "octets up to 255 and no bits behind the prefix" });
  }
}

class EventCheck extends Check {
  readonly #path: Path;

  constructor(input: CheckedInput, tree: Tree, found: Diagnostics, path: Path) {
    super(input, tree, found);
    this.#path = path;
  }

  check(event: EventInput): void {
    this.#time(event);
    if ("backends" in event) this.#backends(event.backends);
    if ("pods" in event) this.#named(event.pods.workload, this.clientNames(), ["pods", "workload"], "workload of the simulated node");
    if ("policy" in event) this.#policy(event.policy.endpoints);
    if ("relay" in event) this.#relay(event.relay);
    if ("gc" in event && (event.gc.ahead === undefined) === (event.gc.behind === undefined)) {
      this.#error(["gc"], "which way does the clock go wrong?", "either `ahead` or `behind`");
    }
    if ("agent" in event) {
      for (const name of Object.keys(event.agent.resize)) {
        if (!RESIZABLE.some((each) => each === mapLabel(name))) this.#named(name, RESIZABLE, ["agent", "resize", name], "map that can be created anew");
      }
    }
  }

  #error(path: Path, message: string, expected: string): void {
    this.found.error(this.at([...this.#path, ...path]), message, { expected });
  }

  #time({ at, every, times }: EventInput): void {
    const { duration } = this.input;
    if (duration !== undefined && at >= duration) {
      this.#error(["at"], `this would happen at ${formatDuration(at)}, and the run ends at ${formatDuration(duration)}`, "a time within the run");
    }
    if (times > 1 && every === undefined) this.#error(["times"], "how far apart?", "`every`");
  }

  #backends({ service, add, remove }: Extract<EventInput, { backends: unknown }>["backends"]): void {
    this.#named(service, this.serviceNames(), ["backends", "service"], "service");
    if (add === 0 && remove === 0) this.#error(["backends"], "no backend comes or goes", "`add`, `remove`, or both");
  }

  #relay({ down, restart }: Extract<EventInput, { relay: unknown }>["relay"]): void {
    if ((down === undefined) === (restart === undefined)) this.#error(["relay"], "what happens to Relay?", "either `down` or `restart`");
    if (restart !== undefined && this.input.observe?.hubble === undefined) {
      this.#error(["relay", "restart"], "what a restart of Relay does depends on how flows are read", "`observe.hubble`");
    }
  }

  #policy(endpoints: string): void {
    this.#named(endpoints, this.localNames(), ["policy", "endpoints"], "workload of the simulated node");
  }

  #named(name: string, valid: readonly string[], path: Path, what: string): void {
    this.known(name, valid, [...this.#path, ...path], what);
  }
}
