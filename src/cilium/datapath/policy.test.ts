import { describe, expect, it } from "vitest";
import { DatapathNode } from "../../../test/support/datapath-node.js";
import { POLICY_EGRESS, POLICY_INGRESS } from "../maps/policy-map.js";
import type { PolicyEntry } from "../maps/policy-map.js";
import type { PolicyPrecedence } from "./config.js";
import type { DatapathConfig } from "./config.js";

const A = "10.1.0.11";
const B = "10.1.0.12";

/** Verdict event of B's ingress for a connection from A to port 80 under these rules. */
function ingress(
  rules: Omit<PolicyEntry, "direction">[],
  config: Partial<DatapathConfig> = {},
  spec: { dport?: number; protocol?: number; type?: number; code?: number } = {},
): string {
  const node = new DatapathNode({ config, maps: { ipv6: false } });
  node.pod(101, 1001, A);
  node.pod(102, 1002, B);
  const policy = node.maps.policy(102);
  policy.clear(POLICY_INGRESS);
  for (const rule of rules) policy.insert({ ...rule, direction: POLICY_INGRESS });
  const outcome = node.fromPod(101, { src: A, dst: B, sport: 1, dport: 80, ...spec });
  const event = node.events.lines.find((line) => line.includes(" ingress "))!;
  return `${event.replace(/^verdict (\S+) 102 ingress 1001 /, "$1 ")} / ${outcome.split(" ")[0]}`;
}

describe("policy", () => {
  it.each<[string, Omit<PolicyEntry, "direction">[], string]>([
    ["nothing selects the peer", [], "-133 none / drop"],
    ["the identity alone", [{ identity: 1001 }], "0 l3-only / deliver"],
    ["identity and protocol", [{ identity: 1001, protocol: 6 }], "0 l3-proto / deliver"],
    ["identity and port", [{ identity: 1001, protocol: 6, port: 80 }], "0 l3-l4 / deliver"],
    ["any identity, port", [{ identity: 0, protocol: 6, port: 80 }], "0 l4-only / deliver"],
    ["any identity, protocol", [{ identity: 0, protocol: 6 }], "0 proto-only / deliver"],
    ["any identity", [{ identity: 0 }], "0 all / deliver"],
    ["port range 64 to 95", [{ identity: 1001, protocol: 6, port: 64, portPrefix: 11 }], "0 l3-l4 / deliver"],
    ["port range 96 to 127", [{ identity: 1001, protocol: 6, port: 96, portPrefix: 11 }], "-133 none / drop"],
    ["identity's deny goes first", [{ identity: 1001, deny: true }, { identity: 0, protocol: 6, port: 80 }], "-181 l3-only / drop"],
    ["any identity's deny beats the identity's allow", [{ identity: 1001, protocol: 6, port: 80 }, { identity: 0, deny: true }], "-181 all / drop"],
    ["the longer prefix wins", [{ identity: 1001 }, { identity: 0, protocol: 6, port: 80 }], "0 l4-only / deliver"],
    [
      "a proxy by priority",
      [
        { identity: 1001, protocol: 6, port: 80 },
        { identity: 0, protocol: 6, proxyPort: 15001, proxyPriority: 1 },
      ],
      "39226 proto-only / stack",
    ],
  ])("%s", (_name, rules, expected) => {
    expect(ingress(rules)).toBe(expected);
  });

  it.each<[PolicyPrecedence, string]>([
    ["deny-priority-prefix", "-181 all / drop"],
    ["deny-prefix", "-181 all / drop"],
    ["wildcard-flags", "0 l3-l4 / deliver"],
  ])("%s: a deny for all against the identity's port", (policyPrecedence, expected) => {
    const rules = [{ identity: 1001, protocol: 6, port: 80 }, { identity: 0, deny: true }];
    expect(ingress(rules, { policyPrecedence })).toBe(expected);
  });

  it.each<[string, Omit<PolicyEntry, "direction">[], string]>([
    [
      "port of any identity before protocol of the identity",
      [
        { identity: 1001, protocol: 6 },
        { identity: 0, protocol: 6, port: 80, deny: true },
      ],
      "-181 l4-only / drop",
    ],
    ["protocol of any identity before the identity alone", [{ identity: 1001 }, { identity: 0, protocol: 6, deny: true }], "-181 proto-only / drop"],
    ["the identity alone before any identity", [{ identity: 1001 }, { identity: 0, deny: true }], "0 l3-only / deliver"],
    ["any identity when the peer has nothing", [{ identity: 0 }], "0 all / deliver"],
  ])("wildcard flags: %s", (_name, rules, expected) => {
    expect(ingress(rules, { policyPrecedence: "wildcard-flags" })).toBe(expected);
  });

  it("audit mode lets a denial pass and says so", () => {
    expect(ingress([], { policyAudit: true })).toBe("0 none audited / deliver");
  });

  it("authentication required is a drop with the type as extra error", () => {
    const node = new DatapathNode({ maps: { ipv6: false } });
    node.pod(101, 1001, A);
    node.maps.policy(101).insert({ direction: POLICY_EGRESS, identity: 0, authType: 1 });
    expect(node.fromPod(101, { src: A, dst: B, sport: 1, dport: 80 })).toMatch(/^drop 189/);
    expect(node.events.lines.at(-1)).toBe("drop 189 1 101");
  });

  it("ICMP rules go by type; fragmentation needed always passes", () => {
    const echoOnly = [{ identity: 1001, protocol: 1, port: 8 }];
    expect(ingress(echoOnly, {}, { protocol: 1, type: 8 })).toBe("0 l3-l4 / deliver");
    expect(ingress(echoOnly, {}, { protocol: 1, type: 13 })).toBe("-133 none / drop");
    expect(ingress([], {}, { protocol: 1, type: 3, code: 4 })).toBe("0 none / deliver");
    expect(ingress([], { allowIcmpFragNeeded: false }, { protocol: 1, type: 3, code: 4 })).toBe("-133 none / drop");
  });

  it("a pod may not forge tunnel traffic", () => {
    const node = new DatapathNode({ config: { tunnel: true }, maps: { ipv6: false } });
    node.pod(101, 1001, A);
    expect(node.fromPod(101, { src: A, dst: B, sport: 1, dport: 8472, protocol: 17 })).toMatch(/^drop 170/);
  });

  it("a pod may not use another's address", () => {
    const node = new DatapathNode({ maps: { ipv6: false } });
    node.pod(101, 1001, A);
    expect(node.fromPod(101, { src: B, dst: A, sport: 1, dport: 80 })).toMatch(/^drop 132/);
  });

  it("a pod whose program is not loaded gets nothing", () => {
    const node = new DatapathNode({ maps: { ipv6: false } });
    node.pod(101, 1001, A);
    node.pod(102, 1002, B);
    node.datapath.removeEndpoint(102);
    expect(node.fromPod(101, { src: A, dst: B, sport: 1, dport: 80 })).toMatch(/^drop 203/);
  });
});
