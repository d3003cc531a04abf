/** What one part of a scenario says about another: references that lead nowhere, contradictions, names used twice. */

import { formatCount, formatDuration } from "../core/units.js";
import { Check, type CheckedInput } from "./check.js";
import { checkPods } from "./check-pods.js";
import { checkTimeline } from "./check-timeline.js";
import { checkWorkloads } from "./check-workloads.js";
import { contains, parseIpv4, parsePrefix } from "./cidr.js";
import type { Diagnostics } from "./diagnostics.js";
import { mapLabel, MAP_NAMES, PRELOADABLE } from "./map-names.js";
import type { Place } from "./source.js";
import { describe, treeAt, type Path, type Tree } from "./tree.js";

/** Each node takes a /24 of the pod network. */
const NODE_PREFIX_BITS = 24;
/** Samples of a series; more would fill the disk and say nothing. */
const SAMPLES_MAX = 1_000_000;

class WholeCheck extends Check {
  run(): void {
    this.#time();
    this.#cluster();
    this.#services();
    this.#maps();
    this.#preload();
    checkWorkloads(this.input, this.tree, this.found);
    checkTimeline(this.input, this.tree, this.found);
    checkPods(this.input, this.tree, this.found);
    this.#observe();
  }

  #time(): void {
    const { duration, warmup } = this.input;
    if (duration === undefined || warmup === undefined || warmup < duration) return;
    const message = `warmup lasts ${formatDuration(warmup)}, and the whole run ${formatDuration(duration)}`;
    this.found.error(this.at(["warmup"]), message, { expected: "a warmup shorter than the duration" });
  }

  #cluster(): void {
    const { cluster, services } = this.input;
    if (cluster === undefined) return;
    const prefix = parsePrefix(cluster.podCIDR);
    const at = this.at(["cluster", "podCIDR"]);
    if (prefix === undefined) {
      this.found.error(at, `${cluster.podCIDR} is no network prefix`, { expected: "octets up to 255 and no bits behind the prefix" });
    } else if (2 ** Math.max(0, NODE_PREFIX_BITS - prefix.bits) < cluster.nodes) {
      const room = 2 ** Math.max(0, NODE_PREFIX_BITS - prefix.bits);
      const message = `${cluster.podCIDR} holds a /24 for ${formatCount(room)} nodes, and the cluster has ${formatCount(cluster.nodes)}`;
      this.found.error(at, message, { expected: "a shorter prefix" });
    }
    if (cluster.nodes === 1 && services.some((service) => service !== undefined && service.backends > 0)) {
      this.found.error(this.at(["cluster", "nodes"]), "backends live on other nodes, and the cluster has only one", {
        expected: "at least 2",
      });
    }
  }

  #services(): void {
    const { services, cluster } = this.input;
    const seen = new Map<string, number>();
    const podPrefix = cluster === undefined ? undefined : parsePrefix(cluster.podCIDR);
    for (const [index, service] of services.entries()) {
      if (service === undefined) continue;
      const key = `${service.name}:${service.port}/${service.protocol}`;
      this.once(seen, key, ["services", index, "name"], `the service ${key}`);
      if (service.clusterIP === undefined) continue;
      const at = this.at(["services", index, "clusterIP"]);
      const address = parseIpv4(service.clusterIP);
      if (address === undefined) this.found.error(at, `${service.clusterIP} is no IPv4 address`, { expected: "octets up to 255" });
      else if (podPrefix !== undefined && contains(podPrefix, address))
        this.found.error(at, `${service.clusterIP} lies in the pod network`);
    }
  }

  #maps(): void {
    const maps = treeAt(this.tree, ["maps"]);
    if (maps?.kind !== "map") return;
    for (const [name, { keyAt, value }] of maps.entries) {
      if (mapLabel(name) === undefined) this.#noMap(keyAt, name, MAP_NAMES);
      else if (value.kind === "map" && value.entries.size === 0) {
        this.found.error(keyAt, `nothing is said about ${name}`, { expected: "type, maxEntries, or both" });
      }
    }
  }

  #noMap(at: Place, name: string, valid: readonly string[]): void {
    this.found.error(at, `there is no map "${name}" here`, { expected: `one of ${valid.join(", ")}`, names: { written: name, valid } });
  }

  #preload(): void {
    for (const [index, item] of this.input.preload.entries()) {
      if (item === undefined) continue;
      const path: Path = ["preload", index];
      const label = mapLabel(item.map);
      const kinds = label === undefined ? undefined : PRELOADABLE[label];
      if (kinds === undefined) {
        this.#noMap(this.at([...path, "map"]), item.map, Object.keys(PRELOADABLE));
        continue;
      }
      if (item.kind !== undefined && !kinds.includes(item.kind)) {
        const expected = kinds.length === 0 ? "no kind" : `one of ${kinds.join(", ")}`;
        this.found.error(this.at([...path, "kind"]), `entries of ${label} are not ${item.kind}`, { expected });
      }
      if (kinds.length === 0 && item.expires !== null) {
        this.found.error(this.at([...path, "expires"]), `entries of ${label} don't expire`, { expected: "no `expires`" });
      }
      const { expires } = item;
      if (expires !== null && expires.fromNs > expires.toNs) {
        this.found.error(this.at([...path, "expires"]), "this ends before it begins", { expected: "`from` before `to`" });
      }
      const size = Object.entries(this.input.maps ?? {}).find(([name]) => mapLabel(name) === label)?.[1].maxEntries;
      if (size !== undefined && item.entries > size) {
        this.found.error(
          this.at([...path, "entries"]),
          `${formatCount(item.entries)} entries don't fit in ${label} (${formatCount(size)})`,
        );
      }
    }
  }

  #observe(): void {
    const { observe, duration } = this.input;
    if (observe === undefined) return;
    if (duration !== undefined && duration / observe.series > SAMPLES_MAX) {
      const step = formatDuration(observe.series);
      const message = `a step of ${step} gives more than ${formatCount(SAMPLES_MAX)} samples in ${formatDuration(duration)}`;
      this.found.error(this.at(["observe", "series"]), message, { expected: "a longer step" });
    }
    if (observe.hubble !== undefined && observe.flows === "none") {
      this.found.error(this.at(["observe", "hubble"]), "nothing reads events in a run without flows", { expected: "`flows: dropped` or `flows: all`" });
    }
    for (const [index, hook] of observe.hooks.entries()) {
      const buckets = hook.observed?.buckets ?? [];
      const unordered = buckets.findIndex(([low], each) => each > 0 && low <= buckets[each - 1]![0]);
      if (unordered === -1) continue;
      const path: Path = ["observe", "hooks", index, "observed", "buckets", unordered];
      this.found.error(
        this.at(path),
        `this bucket does not lie above the one before it (${describe(treeAt(this.tree, [...path, 0]))})`,
        {
          expected: "lower bounds in rising order",
        },
      );
    }
  }
}

/** Reports what does not fit together. */
export function checkScenario(input: CheckedInput, tree: Tree, found: Diagnostics): void {
  new WholeCheck(input, tree, found).run();
}
