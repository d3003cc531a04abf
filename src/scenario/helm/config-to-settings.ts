/** `cilium-config` → settings: every flag that the model knows, with its place; unknown flags are counted. */

import { SETTING_SOURCES, type CiliumSettings } from "../../cilium/agent/settings.js";
import type { Diagnostics } from "../diagnostics.js";
import { nearestName } from "../nearest.js";
import { lineOf, type Place } from "../source.js";
import { shortened } from "../tree.js";
import { AGENT_FLAGS } from "./agent-flags-table.js";
import { RENAMED_FLAGS, type CiliumConfig, type ConfigValue } from "./config.js";
import { FLAG_READERS, type FlagReader } from "./flag-readers.js";

export interface ReadSettings {
  readonly settings: CiliumSettings;
  /** By field: where a setting that somebody gave stands. */
  readonly places: ReadonlyMap<keyof CiliumSettings, Place>;
  /** By field: `values/incident.yaml:12 bpf.ctTcpMax`. */
  readonly origins: Readonly<Partial<Record<keyof CiliumSettings, string>>>;
  /** Flags that decide nothing in the model. */
  readonly ignored: number;
}

const FIELDS = Object.keys(SETTING_SOURCES) as readonly (keyof CiliumSettings)[];
const TYPO_EDITS_MAX = 2;

/** Reads every flag over `defaults`; texts that the agent would refuse are reported. */
export function configToSettings(config: CiliumConfig, defaults: CiliumSettings, found: Diagnostics): ReadSettings {
  const changes: Partial<Record<keyof CiliumSettings, unknown>> = {};
  const origins: Partial<Record<keyof CiliumSettings, string>> = {};
  const places = new Map<keyof CiliumSettings, Place>();
  const current = renamed(config, found);
  for (const field of FIELDS) {
    const given = current.get(SETTING_SOURCES[field].flag);
    if (given === undefined) continue;
    const reader: FlagReader<unknown> = FLAG_READERS[field];
    const value = reader.read(given.text);
    if (value === undefined) {
      found.error(given.at, `${given.name} can't be "${shortened(given.text)}"`, {
        expected: reader.expected,
        names: wordNames(reader, given),
      });
      continue;
    }
    changes[field] = value;
    places.set(field, given.at);
    origins[field] = `${lineOf(given.at)} ${given.name}`;
  }
  const known = new Set(FIELDS.map((field) => SETTING_SOURCES[field].flag));
  const others = [...current].filter(([flag]) => !known.has(flag));
  for (const [flag, value] of others) reportUnknown(flag, value, found);
  return { settings: { ...defaults, ...changes } as CiliumSettings, places, origins, ignored: others.length };
}

/** Old names under their new one, unless that is given as well. */
function renamed(config: CiliumConfig, found: Diagnostics): Map<string, ConfigValue> {
  const result = new Map(config);
  for (const [flag, value] of config) {
    const successor = Object.hasOwn(RENAMED_FLAGS, flag) ? RENAMED_FLAGS[flag] : undefined;
    if (successor !== undefined) {
      result.delete(flag);
      if (!config.has(successor)) result.set(successor, value);
    }
  }
  const tunnel = config.get("tunnel");
  if (tunnel !== undefined) {
    result.delete("tunnel");
    found.warning(tunnel.at, "the flag tunnel is the older form of routing-mode and tunnel-protocol");
    if (!config.has("routing-mode")) result.set("routing-mode", { ...tunnel, text: tunnel.text === "disabled" ? "native" : "tunnel" });
    if (tunnel.text === "geneve" && !config.has("tunnel-protocol")) result.set("tunnel-protocol", tunnel);
  }
  return result;
}

function wordNames({ expected }: FlagReader<unknown>, { text }: ConfigValue): { written: string; valid: string[] } | undefined {
  const words = /^one of (.*)$/.exec(expected)?.[1];
  return words === undefined ? undefined : { written: text, valid: words.split(", ") };
}

/** The agent ignores keys that it does not know without a word; a near miss of one that it does know is remarked on. */
function reportUnknown(flag: string, value: ConfigValue, found: Diagnostics): void {
  if (AGENT_FLAGS.has(flag)) return;
  const nearest = nearestName(flag, AGENT_FLAGS, TYPO_EDITS_MAX);
  if (nearest !== undefined) found.warning(value.at, `the agent knows no option ${flag}, so it has no effect`, { nearest });
}
