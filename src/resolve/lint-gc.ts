/** Warnings about conntrack garbage collection and lifetimes. */

import { settled } from "../cilium/profile/assumptions.js";
import { formatDuration } from "../core/units.js";
import { gcBehaviour } from "./gc-behaviour.js";
import { warn } from "./lint-rule.js";
import type { LintRule } from "./lint-rule.js";

/** Share of one CPU that walking may take before it deserves a word. */
const CPU_SHARE = 0.05;
/** Lifetime of established connections from 1.15 on, seconds. */
const LATER_TCP_LIFETIME = 8000;

const maxIntervalUnknown: LintRule = ({ settings, profile }) => {
  if (settings.conntrackGcMaxInterval === 0 || profile.gc.maxIntervalOption) return [];
  const why = `conntrack-gc-max-interval exists from 1.14.3 and 1.15.0 on; ${profile.version} ignores it`;
  return [warn("option-unknown-to-release", "warning", ["conntrackGcMaxInterval"], "the upper limit of the GC interval is unknown to this release", why)];
};

const accountingUnknown: LintRule = ({ settings, profile }) => {
  if (!settings.ctAccounting || profile.conntrack.accounting !== "default-off-no-flag") return [];
  const why = "1.16 has accounting off and no option for it; packet and byte counts stay 0";
  return [warn("option-unknown-to-release", "note", ["ctAccounting"], "conntrack accounting can't be switched on", why)];
};

const metricHidden: LintRule = ({ settings, profile }) => {
  if (settings.conntrackGcInterval === 0 || !profile.gc.intervalMetric) return [];
  const why = "with a fixed interval the agent never writes cilium_datapath_conntrack_gc_interval_seconds";
  return [warn("gc-interval-hides-metric", "note", ["conntrackGcInterval"], "the interval metric stays away", why)];
};

const cpuTime: LintRule = ({ settings, profile, kernel, maps }) => {
  const gc = gcBehaviour(settings, settled(profile), kernel, maps);
  const share = gc.fixedInterval === 0 ? 0 : gc.fullPassNs / (gc.fixedInterval + gc.fullPassNs);
  if (share <= CPU_SHARE) return [];
  const why = `a pass over full maps takes ${formatDuration(gc.fullPassNs)} of CPU time (${gc.iteration === "batch" ? "batches" : "two system calls an entry"}), every ${formatDuration(gc.fixedInterval)}: ${(share * 100).toFixed(0)} % of one CPU`;
  return [warn("gc-takes-cpu", "warning", ["conntrackGcInterval"], "garbage collection takes much of a CPU", why)];
};

const races: LintRule = ({ settings, profile, kernel, maps }) => {
  const gc = gcBehaviour(settings, settled(profile), kernel, maps);
  const found = [];
  if (gc.starvesFamilies) {
    const why = `${profile.version} waits anew after every signal: while signals of one family come more often than the interval, the other family is never collected. A fixed interval of a minute shortens the wait (conntrackGCInterval: 1m)`;
    found.push(warn("gc-family-starvation", "warning", ["conntrackGcInterval", "enableIpv6"], "one family's signals can starve the other (M9)", why));
  }
  if (gc.refusesNestedInserts) {
    const why = `kernel ${kernel.version} answers EBUSY when an insert interrupts a walk that holds the bucket's lock on the same CPU: single drops "CT: Map insertion failed" during GC, however empty the map. Kernels from 6.15 on wait instead`;
    found.push(warn("gc-refuses-inserts", "note", ["conntrackGcInterval"], "inserts can fail while GC walks (M3)", why));
  }
  if (gc.deletesRefreshed) {
    const why = "an expired entry that a packet revives between batch read and delete is deleted all the same; the window grows with the share of expired entries in a batch";
    found.push(warn("gc-deletes-refreshed", "note", ["conntrackGcInterval"], "batch collection can delete a revived entry (M5)", why));
  }
  return found;
};

const longLifetime: LintRule = ({ settings }) => {
  if (settings.ctTimeoutRegularTcp <= LATER_TCP_LIFETIME) return [];
  const why = `idle TCP entries stay ${settings.ctTimeoutRegularTcp} s; from 1.15 on it is ${LATER_TCP_LIFETIME} s, the kernel's own keepalive limit. bpf-ct-timeout-regular-tcp and -service-tcp can be set through extraConfig`;
  return [warn("long-tcp-lifetime", "note", ["ctTimeoutRegularTcp", "ctTimeoutServiceTcp"], "established connections stay long after they fell silent", why)];
};

export const gcRules: readonly LintRule[] = [maxIntervalUnknown, accountingUnknown, metricHidden, cpuTime, races, longLifetime];
