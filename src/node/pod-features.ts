/**
 * What the agent writes for features that pods have by annotation or policy: rate limits, egress gateways, and the prefixes
 * that the ip-masq-agent leaves alone.
 */
import type { CiliumSettings } from "../cilium/agent/settings.js";
import type { CiliumMaps } from "../cilium/maps.js";
import { ipv4, IPV4_WORDS } from "../cilium/maps/address.js";
import type { EgressGateway } from "../scenario/pod-types.js";
import type { Scenario } from "../scenario/types.js";
import { checkWrite } from "./populate.js";
import { ENTRY_NODE, nodeAddress, podsOf, type Topology } from "./topology.js";

const BITS_PER_BYTE = 8;

/** pkg/ipmasq: defaultNonMasqCIDRs, and the link-local prefix that counts unless `masqLinkLocal` says otherwise. */
const NOT_MASQUERADED = [
  "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
  "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "169.254.0.0/16",
] as const;

/** Throws when a map is too small for it. */
export function writePodFeatures(maps: CiliumMaps, scenario: Scenario, topology: Topology, settings: CiliumSettings): void {
  if (settings.enableIpMasqAgent) for (const prefix of NOT_MASQUERADED) leaveAlone(maps, prefix);
  for (const { pods, bitsPerSecond } of scenario.bandwidth) {
    for (const pod of podsOf(topology, pods)) if (pod.node === 0) maps.throttle.setRate(pod.endpointId, bitsPerSecond / BITS_PER_BYTE);
  }
  for (const rule of scenario.egressGateways) writeGateway(maps, rule, topology);
}

function leaveAlone(maps: CiliumMaps, prefix: string): void {
  const { ipMasq } = maps.family(IPV4_WORDS);
  const [address, bits] = prefix.split("/") as [string, string];
  ipMasq.setKey([ipv4(address)], 0, Number(bits));
  checkWrite("ipmasq_v4", ipMasq.map.update(ipMasq.key, 0, 0, 0));
}

/** Every node has an entry for each pod that the policy selects; only the gateway's names the address. */
function writeGateway({ egressGateway }: CiliumMaps, rule: EgressGateway, topology: Topology): void {
  const [address, bits] = rule.prefix.split("/") as [string, string];
  const here = rule.gateway === "here";
  const gateway = nodeAddress(here ? 0 : ENTRY_NODE);
  for (const pod of podsOf(topology, rule.pods)) {
    const egress = here ? egressAddress(rule) : 0;
    checkWrite("egress_gw_policy_v4", egressGateway.insert(pod.address, ipv4(address), Number(bits), egress, gateway));
  }
}

/** Address with which this node, as gateway, lets packets out. */
export function egressAddress({ egressIp }: EgressGateway): number {
  return egressIp === null ? nodeAddress(0) : ipv4(egressIp);
}
