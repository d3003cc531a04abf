import { describe, expect, it } from "vitest";
import { CILIUM_MINORS, ciliumProfile } from "../profile/cilium.js";
import { effectiveSettings } from "./effective-settings.js";
import { hostRoutingFallback, skippedFib } from "./host-routing.js";
import { defaultSettings, type CiliumSettings } from "./settings.js";

const REPLACED: Partial<CiliumSettings> = { kubeProxyReplacement: true, enableBpfMasquerade: true };

function settings(change: Partial<CiliumSettings>): CiliumSettings {
  return { ...defaultSettings(ciliumProfile("1.17.1")), ...change };
}

describe("BPF host routing", () => {
  it.each<[string, Partial<CiliumSettings>]>([
    ["everything that it needs", REPLACED],
    ["nobody masqueraded", { ...REPLACED, enableBpfMasquerade: false, enableIpv4Masquerade: false }],
    ["only IPv6 masqueraded, and no IPv6", { ...REPLACED, enableBpfMasquerade: false, enableIpv4Masquerade: false, enableIpv6Masquerade: true }],
    ["WireGuard", { ...REPLACED, enableWireguard: true }],
    ["per-endpoint routes", { ...REPLACED, enableEndpointRoutes: true }],
  ])("stays with %s", (_name, change) => {
    expect(hostRoutingFallback(settings(change))).toBeNull();
    expect(effectiveSettings(settings(change), ciliumProfile("1.17.1")).enableHostLegacyRouting).toBe(false);
  });

  it.each<[string, Partial<CiliumSettings>, string]>([
    ["the chart's defaults", {}, "enable-bpf-masquerade"],
    ["iptables' masquerading", { kubeProxyReplacement: true }, "enable-bpf-masquerade"],
    ["iptables' masquerading of IPv6", { ...REPLACED, enableBpfMasquerade: false, enableIpv4Masquerade: false, enableIpv6: true }, "enable-bpf-masquerade"],
    ["kube-proxy", { enableNodePort: true, enableBpfMasquerade: true }, "kube-proxy-replacement"],
    ["IPsec", { ...REPLACED, enableIpsec: true }, "enable-ipsec"],
  ])("is given up with %s, and the agent says why", (_name, change, words) => {
    expect(hostRoutingFallback(settings(change))?.message).toContain(words);
    expect(effectiveSettings(settings(change), ciliumProfile("1.17.1")).enableHostLegacyRouting).toBe(true);
  });

  it("is not given up twice: an effective configuration has nothing left to say, in any release", () => {
    for (const { minor } of CILIUM_MINORS) {
      const profile = ciliumProfile(minor);
      expect(hostRoutingFallback(effectiveSettings(defaultSettings(profile), profile))).toBeNull();
    }
  });
});

describe("skipped FIB look-ups", () => {
  it.each<[string, Partial<CiliumSettings>, ReturnType<typeof skippedFib>]>([
    ["BPF host routing", REPLACED, { host: true, lxc: true }],
    ["endpoint routes", { ...REPLACED, enableEndpointRoutes: true }, { host: true, lxc: false }],
    ["WireGuard's device", { ...REPLACED, enableWireguard: true }, { host: false, lxc: false }],
    ["legacy host routing", { ...REPLACED, enableHostLegacyRouting: true }, { host: false, lxc: false }],
    ["legacy host routing by the chart's defaults", {}, { host: false, lxc: false }],
  ])("%s", (_name, change, expected) => {
    expect(skippedFib(effectiveSettings(settings(change), ciliumProfile("1.17.1")))).toEqual(expected);
  });
});
