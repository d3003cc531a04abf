/** From a recording's `params` to the settings of a simulation. What is not understood here fails the case. */
import type { TcpProfile } from "../../../traffic/tcp-profile.js";
import { FieldError, fieldsOf, numberOf, numberOrNull, oneOf, onlyFields, textOf, type Fields } from "../fields.js";
import type { Recording } from "./recording.js";
import type { ExperimentSettings } from "./simulate.js";

type Overrides = { -readonly [Key in keyof TcpProfile]?: TcpProfile[Key] };

/** The load is replayed from the details, so what generated it is information; so is how the GC loop walks. */
const INFORMATION = [
  "name", "seed", "tracker", "lambda_per_s", "burst_period_s", "burst_n", "burst_width_s", "burst_phase_s", "hold_mean_s",
  "hold_dist", "leak_q", "gc_phase_s", "gc_walk",
];
const PARAMS = [
  "duration_s", "drain_s", "request_interval_s", "connect_timeout_s", "io_timeout_s", "map_type", "max_entries",
  "syn_timeout_ms", "est_timeout_ms", "close_timeout_ms", "nonsyn_mode", "gc_interval_s", "hook",
  "timeout_init_jiffies", "client_sysctl", "route", ...INFORMATION,
];
const MS_PER_S = 1000;

export function settingsOf(recording: Recording): ExperimentSettings {
  const { params, cpus, gcStartUs, hz } = recording;
  onlyFields(params, PARAMS);
  return {
    classifier: {
      mapType: oneOf(params, "map_type", ["hash", "lru"]),
      maxEntries: numberOf(params, "max_entries"),
      synTimeoutMs: numberOf(params, "syn_timeout_ms"),
      estTimeoutMs: numberOf(params, "est_timeout_ms"),
      closeTimeoutMs: numberOf(params, "close_timeout_ms"),
      nonSynMode: oneOf(params, "nonsyn_mode", ["recreate", "drop"]),
      cpus,
    },
    load: {
      requestIntervalS: numberOf(params, "request_interval_s"),
      connectTimeoutS: numberOf(params, "connect_timeout_s"),
      ioTimeoutS: numberOf(params, "io_timeout_s"),
    },
    hook: oneOf(params, "hook", ["server", "client"]),
    lengthS: numberOf(params, "duration_s") + numberOf(params, "drain_s"),
    gcStartUs: numberOf(params, "gc_interval_s") === 0 ? [] : gcStartUs,
    kernel: kernelOf(recording.kernel),
    client: clientOverrides(params, hz),
    server: { hz: hzOf(hz) },
  };
}

/** Settings of the client's namespace: sysctls, route attributes and the sock_ops program's initial time-out. */
export function clientOverrides(params: Fields, hz: number): Partial<TcpProfile> {
  const overrides: Overrides = { hz: hzOf(hz) };
  const jiffies = numberOrNull(params, "timeout_init_jiffies");
  if (jiffies !== null) overrides.initialRtoMs = (jiffies * MS_PER_S) / hz;
  const sysctls = fieldsOf(params, "client_sysctl");
  for (const name of Object.keys(sysctls)) applySysctl(overrides, sysctls, name);
  if (params["route"] !== null) applyRoute(overrides, textOf(params, "route"));
  return overrides;
}

function applySysctl(overrides: Overrides, sysctls: Fields, name: string): void {
  const value = numberOf(sysctls, name);
  switch (name) {
    case "net.ipv4.tcp_syn_retries":
      overrides.synRetries = value;
      return;
    case "net.ipv4.tcp_syn_linear_timeouts":
      overrides.synLinearTimeouts = value;
      return;
    case "net.ipv4.tcp_retries2":
      overrides.retries2 = value;
      return;
    case "net.ipv4.tcp_rto_min_us":
      overrides.rtoMinMs = value / MS_PER_S;
      return;
    case "net.ipv4.tcp_rto_max_ms":
      overrides.rtoMaxMs = value;
      return;
    case "net.ipv4.tcp_early_retrans":
      overrides.tailLossProbe = value >= 3;
      return;
    case "net.ipv4.tcp_fin_timeout":
      overrides.finTimeoutS = value;
      return;
    default:
      throw new FieldError(`client_sysctl.${name}`, "a sysctl that is modelled", value);
  }
}

/** `rto_min` sets the floor of the time-out; `rtt` and `rttvar` have no effect on SYNs (measured) nor here. */
function applyRoute(overrides: Overrides, route: string): void {
  const words = route.split(" ");
  for (let i = 0; i < words.length; i += 2) {
    const ms = /^(\d+)ms$/.exec(words[i + 1] ?? "");
    const known = words[i] === "rto_min" || words[i] === "rtt" || words[i] === "rttvar";
    if (!known || ms === null) throw new FieldError("route", "rto_min, rtt or rttvar in ms", route);
    if (words[i] === "rto_min") overrides.rtoMinMs = Number(ms[1]);
  }
}

export function hzOf(hz: number): TcpProfile["hz"] {
  if (hz !== 100 && hz !== 250 && hz !== 300 && hz !== 1000) throw new FieldError("hz", "100, 250, 300 or 1000", hz);
  return hz;
}

export function kernelOf(release: string): readonly [number, number] {
  const parts = /^(\d+)\.(\d+)/.exec(release);
  if (parts === null) throw new FieldError("kernel", "a release such as 6.18.44", release);
  return [Number(parts[1]), Number(parts[2])];
}
