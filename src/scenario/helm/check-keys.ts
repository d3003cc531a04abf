/**
 * Which values of a file the chart reads at all. Helm ignores a key that the chart does not know without a word, so a
 * mistyped `bpf.ctTcpMaks` changes nothing on the node; here it is found.
 */

import type { Diagnostics } from "../diagnostics.js";
import { nearestName } from "../nearest.js";
import { countLeaves, describe, isNull, type Tree, type TreeEntry, type TreeMap } from "../tree.js";
import { chartRoot, lookUp, lookUpBelow, type ChartKey, type ChartRelease } from "./chart-keys.js";
import { isModelled } from "./chart-rules.js";

/** Names that were taken over by others; the chart says nothing about the old one. */
const SUCCESSORS: Readonly<Record<string, string>> = {
  nativeRoutingCIDR: "ipv4NativeRoutingCIDR",
  masquerade: "enableIPv4Masquerade",
  "bpf.clockProbe": "bpfClockProbe",
  "bpf.hostRouting": "bpf.hostLegacyRouting (with the opposite meaning)",
  "hubble.flowBufferSize": "hubble.eventBufferCapacity",
  "hubble.export.fileMaxSizeMb": "hubble.export.static.fileMaxSizeMb",
  "hostServices.enabled": "socketLB.enabled",
  "hostServices.hostNamespaceOnly": "socketLB.hostNamespaceOnly",
  hostServices: "socketLB",
  datapathMode: "bpf.datapathMode",
  tunnel: "routingMode (native or tunnel) and tunnelProtocol",
  bpfMasquerade: "bpf.masquerade",
  bpfMapDynamicSizeRatio: "bpf.mapDynamicSizeRatio",
  enableCiliumEndpointSlice: "ciliumEndpointSlice.enabled",
};

/** Keys of early charts that no later one knows under any name of the table. */
const NEVER_IN_TABLE: Readonly<Record<string, string>> = {
  "nodePort.mode": "loadBalancer.mode",
  "nodePort.algorithm": "loadBalancer.algorithm",
  "nodePort.acceleration": "loadBalancer.acceleration",
  "nodePort.dsr": "loadBalancer.mode",
};

/** Keys that a chart refuses with an error from a minor on (templates/validate.yaml). */
const REFUSED_FROM: Readonly<Record<string, number>> = {
  tunnel: 16,
  "encryption.keyFile": 16,
  "encryption.mountPath": 16,
  "encryption.secretName": 16,
  "encryption.interface": 16,
  endpointStatus: 16,
  remoteNodeIdentity: 16,
  containerRuntime: 16,
  enableK8sEventHandover: 16,
  enableCnpStatusUpdates: 16,
  enableCiliumEndpointSlice: 18,
};

/** Most edits between a mistyped key and the one that was meant. */
const TYPO_EDITS_MAX = 2;
/** Helm's own key for values that all charts of an umbrella see. */
const HELM_GLOBAL = "global";

export interface CheckedValues {
  /** Only what the chart reads. */
  readonly values: TreeMap;
  /** How many values were left out. */
  readonly left: number;
}

/** Goes through all keys of merged values; reports typing mistakes, keys of other releases, groups given as a value. */
export function checkKeys(values: TreeMap, release: ChartRelease, found: Diagnostics): CheckedValues {
  const checker = new KeyChecker(release, found);
  return { values: checker.map(values, chartRoot(), []), left: checker.left };
}

class KeyChecker {
  readonly #release: ChartRelease;
  readonly #found: Diagnostics;
  left = 0;

  constructor(release: ChartRelease, found: Diagnostics) {
    this.#release = release;
    this.#found = found;
  }

  /** `path` leads to the map, which holds what stands below `group` of the chart. */
  map(map: TreeMap, group: ChartKey, path: readonly string[]): TreeMap {
    const entries = new Map<string, TreeEntry>();
    for (const [key, entry] of map.entries) {
      const value = this.#entry(key, entry, group, path);
      if (value === undefined) this.left += countLeaves(entry.value);
      else entries.set(key, value === entry.value ? entry : { ...entry, value });
    }
    return { ...map, entries };
  }

  #entry(key: string, entry: TreeEntry, group: ChartKey, parents: readonly string[]): Tree | undefined {
    if (key === HELM_GLOBAL && parents.length === 0) return undefined;
    const found = lookUpBelow(group, key, this.#release);
    if (found.status === "known" && (!found.container || isNull(entry.value))) return entry.value;
    const path = [...parents, key];
    if (found.status === "known") return this.#container(entry, found.key, path, found.single);
    if (found.status === "other release") this.#otherRelease(path.join("."), entry, found.when);
    else this.#unknown(key, path, entry, found.siblings);
    return undefined;
  }

  #container(entry: TreeEntry, group: ChartKey, path: readonly string[], single: boolean): Tree | undefined {
    if (entry.value.kind === "map") return this.map(entry.value, group, path);
    if (single) return entry.value;
    const name = path.join(".");
    this.#found.error(entry.value.at, `${name} is a group of keys; it can't be ${describe(entry.value)}`, {
      expected: `keys below ${name}`,
    });
    return undefined;
  }

  #otherRelease(name: string, entry: TreeEntry, when: string): void {
    const chart = this.#chart();
    const successor = SUCCESSORS[name];
    const refused = (REFUSED_FROM[name] ?? Number.POSITIVE_INFINITY) <= this.#release.minor;
    const expected = successor === undefined ? undefined : `${successor} instead`;
    if (refused) this.#found.error(entry.keyAt, `chart ${chart} refuses ${name}: ${when}`, { expected });
    else this.#found.warning(entry.keyAt, `chart ${chart} does not read ${name}, so it has no effect: ${when}`, { expected });
  }

  #unknown(key: string, path: readonly string[], entry: TreeEntry, siblings: readonly string[]): void {
    const name = path.join(".");
    const successor = NEVER_IN_TABLE[name];
    if (successor !== undefined) {
      this.#found.warning(entry.keyAt, `chart ${this.#chart()} does not read ${name}, so it has no effect`, {
        expected: `${successor} instead`,
      });
      return;
    }
    const nearest = this.#meant(key, path, siblings);
    const message = `chart ${this.#chart()} knows no key ${name}, so it has no effect`;
    // A harmless slip is common in files that work; one that would have changed the outcome is not let through.
    if (nearest !== undefined && isModelled(nearest.replaceAll(": ", "."))) this.#found.error(entry.keyAt, message, { nearest });
    else this.#found.warning(entry.keyAt, message, { nearest });
  }

  /** What an unknown key stands for: a sibling with almost its name, or the nested form of `bpf.ctTcpMax: 5`. */
  #meant(key: string, path: readonly string[], siblings: readonly string[]): string | undefined {
    const parents = path.slice(0, -1);
    const nested = [...parents, ...key.split(".")];
    if (key.includes(".")) return lookUp(nested, this.#release).status === "known" ? nested.join(": ") : undefined;
    const nearest = nearestName(key, siblings, TYPO_EDITS_MAX);
    return nearest === undefined ? undefined : [...parents, nearest].join(".");
  }

  #chart(): string {
    return `1.${this.#release.minor}.${this.#release.patch}`;
  }
}
