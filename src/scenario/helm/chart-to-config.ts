/**
 * Helm values → `cilium-config`, as the chart's templates do it for the settings that the model knows:
 * `templates/cilium-configmap.yaml`, 1.14 to 1.19. Values must have passed `checkKeys`.
 */

import type { CiliumProfile } from "../../cilium/profile/cilium-profile.js";
import type { Diagnostics } from "../diagnostics.js";
import { countLeaves, describe, isNull, treeAt, type Tree, type TreeMap, type TreeScalar } from "../tree.js";
import { CHART_RULES, EXPONENT_FROM, FLOW_KEYS, HUBBLE_RULES, largeNumberBreaks, type ChartRule } from "./chart-rules.js";
import type { CiliumConfig, ConfigValue } from "./config.js";

export interface WrittenConfig {
  readonly config: CiliumConfig;
  /** Values that decide nothing in the model. */
  readonly ignored: number;
}

/** Where numbers are floating-point: in files, not in `--set`. */
export type FromFile = (tree: Tree) => boolean;

export function chartToConfig(values: TreeMap, profile: CiliumProfile, fromFile: FromFile, found: Diagnostics): WrittenConfig {
  return new ConfigWriter(values, profile, fromFile, found).write();
}

class ConfigWriter {
  readonly #values: TreeMap;
  readonly #profile: CiliumProfile;
  readonly #fromFile: FromFile;
  readonly #found: Diagnostics;
  readonly #config = new Map<string, ConfigValue>();
  readonly #used = new Set<string>();

  constructor(values: TreeMap, profile: CiliumProfile, fromFile: FromFile, found: Diagnostics) {
    this.#values = values;
    this.#profile = profile;
    this.#fromFile = fromFile;
    this.#found = found;
  }

  write(): WrittenConfig {
    this.#firstInstalled();
    for (const rule of CHART_RULES) this.#rule(rule);
    this.#routing();
    this.#chaining();
    this.#encryption();
    this.#kubeProxyReplacement();
    this.#standalone();
    this.#hubble();
    this.#prometheus();
    this.#dropEmpty();
    this.#extraConfig();
    this.#extraArgs();
    const isUsed = (name: string): boolean => this.#used.has(name);
    const ignored = [...this.#values.entries].reduce((sum, [key, { value }]) => sum + countLeaves(value, isUsed, key), 0);
    return { config: this.#config, ignored };
  }

  /** A value that is given and not null, whatever its kind. */
  #given(key: string): Tree | undefined {
    this.#used.add(key);
    const value = treeAt(this.#values, key.split("."));
    return value === undefined || isNull(value) ? undefined : value;
  }

  /** A single value; a list or mapping in its place is reported. */
  #scalar(key: string): TreeScalar | undefined {
    const value = this.#given(key);
    if (value === undefined || value.kind === "scalar") return value;
    this.#found.error(value.at, `${key} can't be ${describe(value)}`, { expected: "a single value" });
    return undefined;
  }

  #truthy(key: string): TreeScalar | undefined {
    const value = this.#scalar(key);
    return value !== undefined && isTruthy(value) ? value : undefined;
  }

  #set(flag: string, text: string, from: Tree, name: string): void {
    this.#config.set(flag, { text, at: from.at, name });
  }

  #rule({ key, flag, when, count }: ChartRule): void {
    const value = this.#scalar(key);
    if (value === undefined) return;
    if (count === true) this.#checkLarge(key, value);
    if (when === "truthy" && !isTruthy(value)) this.#leftOut(key, value);
    else this.#set(flag, textOf(value), value, key);
  }

  /** Values for which the chart writes nothing although they would have meant something. */
  #leftOut(key: string, value: TreeScalar): void {
    if (key === "bpf.mapDynamicSizeRatio") {
      const ratio = this.#profile.sizes.dynamicSizeRatioDefault;
      this.#found.warning(value.at, `the chart takes ${value.text} for "not set" and writes its default, ${ratio}`, {
        expected: 'extraConfig: { bpf-map-dynamic-size-ratio: "0" } to switch dynamic sizing off',
      });
    } else if (key === "svcSourceRangeCheck") {
      this.#found.warning(value.at, `the chart writes nothing for ${value.text}, and the agent checks source ranges by default`);
    }
  }

  #checkLarge(key: string, scalar: TreeScalar): void {
    const { value, text, at } = scalar;
    const { version, minor, patch } = this.#profile;
    if (typeof value !== "number" || value < EXPONENT_FROM) return;
    if (!largeNumberBreaks(minorNumber(minor), patch) || !this.#fromFile(scalar)) return;
    const printed = exponentForm(value);
    const message = `chart ${version} writes this number as ${printed}, which the agent refuses to start with; it is read as ${text} here`;
    this.#found.warning(at, `${key}: ${message}`, { expected: `the number in quotes, "${text}"` });
  }

  /** `upgradeCompatibility`: defaults of the release that was installed first. */
  #firstInstalled(): void {
    const value = this.#scalar("upgradeCompatibility");
    const minor = value === undefined ? undefined : /^v?1\.(\d+)/.exec(value.text)?.[1];
    if (value === undefined || minor === undefined) return;
    const name = `upgradeCompatibility ${value.text}`;
    if (Number(minor) < 8) {
      this.#set("bpf-ct-global-tcp-max", String(this.#profile.sizes.ctTcpEntriesDefault), value, name);
      this.#set("bpf-ct-global-any-max", String(this.#profile.sizes.ctAnyEntriesDefault), value, name);
    } else if (Number(minor) < 10) {
      this.#set("enable-bpf-masquerade", "true", value, name);
    }
  }

  /** GKE and AKS decide the mode; otherwise `routingMode`, or in 1.14 the older `tunnel`. */
  #routing(): void {
    const gke = this.#truthy("gke.enabled");
    const aks = this.#truthy("aksbyocni.enabled");
    const mode = this.#truthy("routingMode");
    if (gke !== undefined) this.#set("routing-mode", "native", gke, "gke.enabled");
    else if (aks !== undefined) this.#set("routing-mode", "tunnel", aks, "aksbyocni.enabled");
    else if (mode !== undefined) this.#set("routing-mode", mode.text, mode, "routingMode");
    else this.#tunnel();
    const eni = this.#truthy("eni.enabled");
    if (eni !== undefined && mode === undefined && minorNumber(this.#profile.minor) >= 18)
      this.#set("routing-mode", "native", eni, "eni.enabled");
    const protocol = this.#truthy("tunnelProtocol");
    if (protocol !== undefined) this.#set("tunnel-protocol", protocol.text, protocol, "tunnelProtocol");
    for (const key of ["gke.enabled", "eni.enabled", "azure.enabled", "alibabacloud.enabled"]) {
      const cloud = this.#truthy(key);
      if (cloud !== undefined) this.#set("enable-endpoint-routes", "true", cloud, key);
    }
  }

  #tunnel(): void {
    const tunnel = this.#truthy("tunnel");
    if (tunnel === undefined) return;
    const use = this.#profile.helm.tunnelValue;
    if (use === "refused") {
      this.#found.error(tunnel.at, `chart ${this.#profile.version} refuses "tunnel"`, { expected: "routingMode and tunnelProtocol" });
      return;
    }
    if (use !== "accepted") {
      const expected = "routingMode and tunnelProtocol";
      this.#found.warning(tunnel.at, `chart ${this.#profile.version} does not read "tunnel", so it has no effect`, { expected });
      return;
    }
    this.#set("routing-mode", tunnel.text === "disabled" ? "native" : "tunnel", tunnel, "tunnel");
    if (tunnel.text === "geneve") this.#set("tunnel-protocol", "geneve", tunnel, "tunnel");
  }

  #chaining(): void {
    const mode = this.#scalar("cni.chainingMode");
    const target = this.#scalar("cni.chainingTarget");
    if (mode !== undefined) this.#set("cni-chaining-mode", mode.text, mode, "cni.chainingMode");
    else if (target !== undefined) this.#set("cni-chaining-mode", "generic-veth", target, "cni.chainingTarget");
    const chained = (this.#config.get("cni-chaining-mode")?.text ?? "none") !== "none";
    const cloud = ["azure.enabled", "eni.enabled", "gke.enabled"].some((key) => this.#truthy(key) !== undefined);
    const rules = this.#scalar("installNoConntrackIptablesRules");
    if (rules !== undefined)
      this.#set(
        "install-no-conntrack-iptables-rules",
        chained || cloud ? "false" : textOf(rules),
        rules,
        "installNoConntrackIptablesRules",
      );
  }

  #encryption(): void {
    const enabled = this.#truthy("encryption.enabled");
    const type = this.#scalar("encryption.type")?.text ?? "ipsec";
    if (enabled === undefined) return;
    if (type === "wireguard" || type === "ipsec") this.#set(`enable-${type}`, "true", enabled, "encryption.enabled");
  }

  /** Node ports, host ports and external IPs have their own switches only while the replacement is not full. */
  #kubeProxyReplacement(): void {
    const value = this.#scalar("kubeProxyReplacement");
    const { kubeProxyReplacement, kubeProxyReplacementDeprecated } = this.#profile.helm;
    const valid = [...kubeProxyReplacement, ...kubeProxyReplacementDeprecated];
    const word = value === undefined || value.text === "" ? "false" : textOf(value);
    if (value !== undefined && !valid.includes(word)) {
      const message = `chart ${this.#profile.version} and its agent refuse kubeProxyReplacement: ${word}`;
      this.#found.error(value.at, message, { expected: `one of ${kubeProxyReplacement.join(", ")}`, names: { written: word, valid } });
      return;
    }
    if (value !== undefined) {
      if (kubeProxyReplacementDeprecated.includes(word)) {
        const expected = `one of ${kubeProxyReplacement.join(", ")}`;
        this.#found.warning(value.at, `kubeProxyReplacement: ${word} is deprecated; it works as ${word === "strict" ? "true" : "false"}`, {
          expected,
        });
      }
      this.#set("kube-proxy-replacement", word, value, "kubeProxyReplacement");
    }
    for (const [key, flag] of SINGLE_FEATURES) {
      const feature = this.#scalar(key);
      if (feature !== undefined && (word === "false" || word === "partial")) this.#set(flag, textOf(feature), feature, key);
    }
  }

  #standalone(): void {
    const standalone = this.#truthy("loadBalancer.standalone");
    if (standalone !== undefined) this.#set("datapath-mode", "lb-only", standalone, "loadBalancer.standalone");
  }

  #hubble(): void {
    const enabled = this.#scalar("hubble.enabled");
    if (enabled !== undefined) this.#set("enable-hubble", textOf(enabled), enabled, "hubble.enabled");
    const on = enabled === undefined || isTruthy(enabled);
    const metrics = this.#given("hubble.metrics.enabled");
    const port = this.#scalar("hubble.metrics.port");
    const staticExport = this.#truthy("hubble.export.static.enabled");
    const path = this.#scalar("hubble.export.static.filePath");
    if (!on) {
      for (const { key } of HUBBLE_RULES) this.#used.add(key);
      return;
    }
    for (const rule of HUBBLE_RULES) this.#rule(rule);
    if (metrics !== undefined) this.#words("hubble-metrics", metrics, "hubble.metrics.enabled");
    if (port !== undefined) this.#set("hubble-metrics-server", `:${port.text}`, port, "hubble.metrics.port");
    // `flow-parsing.ts` and `flow-exports.ts` read them.
    for (const key of FLOW_KEYS) this.#given(key);
    if (staticExport !== undefined)
      this.#set("hubble-export-file-path", path?.text ?? DEFAULT_EXPORT_PATH, path ?? staticExport, "hubble.export.static");
  }

  #prometheus(): void {
    const enabled = this.#truthy("prometheus.enabled");
    const port = this.#scalar("prometheus.port");
    const metrics = this.#given("prometheus.metrics");
    if (enabled === undefined) return;
    this.#set(
      "prometheus-serve-addr",
      `:${port?.text ?? DEFAULT_PROMETHEUS_PORT}`,
      port ?? enabled,
      port === undefined ? "prometheus.enabled" : "prometheus.port",
    );
    if (metrics !== undefined) this.#words("metrics", metrics, "prometheus.metrics");
  }

  /** A list of words, written with blanks between them. */
  #words(flag: string, list: Tree, name: string): void {
    const items = list.kind === "list" ? list.items : [list];
    const words = items.map((item) => {
      if (item.kind === "scalar" && !isNull(item)) return item.text;
      this.#found.error(item.at, `an item of ${name} can't be ${describe(item)}`, { expected: "a text" });
      return "";
    });
    this.#set(flag, words.join(" "), list, name);
  }

  /** An empty text in the ConfigMap is no value for the agent. */
  #dropEmpty(): void {
    for (const [flag, { text }] of this.#config) if (text === "") this.#config.delete(flag);
  }

  /** Verbatim entries of the ConfigMap, behind everything else, so they win. */
  #extraConfig(): void {
    const extra = this.#given("extraConfig");
    if (extra === undefined) return;
    if (extra.kind !== "map") {
      this.#found.error(extra.at, `extraConfig can't be ${describe(extra)}`, { expected: "a mapping from flags to texts" });
      return;
    }
    for (const [flag, { value }] of extra.entries) {
      if (value.kind === "scalar") this.#extraFlag(flag, value);
      else this.#found.error(value.at, `extraConfig.${flag} can't be ${describe(value)}`, { expected: "a text" });
    }
  }

  /** The chart copies it as it is, and a ConfigMap holds texts only. */
  #extraFlag(flag: string, value: TreeScalar): void {
    const name = `extraConfig.${flag}`;
    if (typeof value.value !== "string") {
      const message = `${name} is ${describe(value)}: the chart writes it without quotes, and Kubernetes refuses the ConfigMap; it is read as a text here`;
      this.#found.warning(value.at, message, { expected: `quotes, "${textOf(value)}"` });
    }
    this.#set(flag, textOf(value), value, name);
  }

  /** Arguments of the agent, stronger than the ConfigMap: `--flag=value`, `--flag` alone, or value in the next item. */
  #extraArgs(): void {
    const args = this.#given("extraArgs");
    if (args === undefined) return;
    const items = args.kind === "list" ? args.items : [];
    if (args.kind !== "list") this.#found.error(args.at, `extraArgs can't be ${describe(args)}`, { expected: "a list of arguments" });
    for (const [index, item] of items.entries()) {
      const match = item.kind === "scalar" ? /^--([^=\s]+)(?:=(.*))?$/s.exec(item.text) : null;
      if (match === null) continue;
      const next = items[index + 1];
      const value = match[2] ?? (next?.kind === "scalar" && !next.text.startsWith("-") ? next.text : "true");
      this.#set(match[1]!, value, item, `--${match[1]!}`);
    }
  }
}

/** The agent's metrics port in the chart. */
const DEFAULT_PROMETHEUS_PORT = "9962";
const DEFAULT_EXPORT_PATH = "/var/run/cilium/hubble/events.log";

const SINGLE_FEATURES: readonly (readonly [key: string, flag: string])[] = [
  ["nodePort.enabled", "enable-node-port"],
  ["hostPort.enabled", "enable-host-port"],
  ["externalIPs.enabled", "enable-external-ips"],
];

/** Go templates: 0, "", false and nothing are false; every other text is true, "false" too. */
function isTruthy({ value }: TreeScalar): boolean {
  return value !== null && value !== false && value !== 0 && value !== "";
}

/** As `quote` prints it: truth values in words, whole numbers in digits, everything else as written. */
function textOf({ value, text }: TreeScalar): string {
  return typeof value === "boolean" || Number.isSafeInteger(value) ? String(value) : text;
}

/** 17 of "1.17". */
export function minorNumber(minor: string): number {
  return Number(minor.split(".")[1]);
}

/** Go's form of a floating-point number with an exponent: 2.097152e+06. */
function exponentForm(value: number): string {
  return value.toExponential().replace(/e\+(\d)$/, "e+0$1");
}
