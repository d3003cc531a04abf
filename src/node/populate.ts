/**
 * What the agent writes into the maps before the first packet: endpoints, ipcache, services, policy.
 * Order of writes follows the topology, so that equal scenarios give equal maps.
 */
import type { CiliumMaps } from "../cilium/maps.js";
import { IPV4_WORDS } from "../cilium/maps/address.js";
import { ENDPOINT_F_HOST } from "../cilium/maps/identity-maps.js";
import { POLICY_EGRESS, POLICY_INGRESS } from "../cilium/maps/policy-map.js";
import { BACKEND_ACTIVE } from "../cilium/maps/service-maps.js";
import type { AllowedPeer, Policy, Scenario } from "../scenario/types.js";
import type { ServiceTopology, Topology } from "./topology.js";

/** Reserved identities (pkg/identity/numericidentity.go). */
export const IDENTITY = { host: 1, world: 2, remoteNode: 6 } as const;
/** IP protocol numbers. */
export const PROTOCOL_NUMBER = { TCP: 6, UDP: 17 } as const;
/** Interface numbers of the simulated node: its native device, `cilium_host`, and the first pod's veth. */
export const IFINDEX = { native: 2, ciliumHost: 4, firstPod: 10 } as const;

const HOST_PREFIX = 32;
const IPV4_ANY = [0] as const;

/** Writes everything that the agent knows of the topology. Throws when a map is too small for it. */
export function populate(maps: CiliumMaps, scenario: Scenario, topology: Topology, protocolDifferentiation: boolean): void {
  writeEndpoints(maps, topology);
  writeIpcache(maps, topology);
  for (const service of topology.services) writeService(maps, service, protocolDifferentiation);
  for (const pod of topology.localPods) writePolicy(maps, scenario, topology, pod.endpointId, `${pod.namespace}/${pod.workload}`);
}

function writeEndpoints(maps: CiliumMaps, topology: Topology): void {
  for (const address of [topology.nodeAddress, topology.routerAddress]) {
    check("lxc", maps.endpoints.insert([address], { ifindex: 0, lxcId: 0, identity: IDENTITY.host, flags: ENDPOINT_F_HOST }));
  }
  topology.localPods.forEach((pod, index) => {
    const entry = { ifindex: IFINDEX.firstPod + index, lxcId: pod.endpointId, identity: pod.identity };
    check("lxc", maps.endpoints.insert([pod.address], entry));
  });
}

function writeIpcache(maps: CiliumMaps, topology: Topology): void {
  const { ipcache } = maps;
  check("ipcache", ipcache.insert(IPV4_ANY, 0, { identity: IDENTITY.world }));
  for (const [node, address] of topology.nodeAddresses) {
    check("ipcache", ipcache.insert([address], HOST_PREFIX, { identity: node === 0 ? IDENTITY.host : IDENTITY.remoteNode }));
  }
  check("ipcache", ipcache.insert([topology.routerAddress], HOST_PREFIX, { identity: IDENTITY.host }));
  const pods = [...topology.localPods, ...topology.services.flatMap(({ backends }) => backends)];
  for (const pod of pods) {
    // The agent names the pod's node as tunnel endpoint in native routing too; the programs then do not use it.
    const tunnelEndpoint = pod.node === 0 ? 0 : topology.nodeAddresses.get(pod.node)!;
    check("ipcache", ipcache.insert([pod.address], HOST_PREFIX, { identity: pod.identity, tunnelEndpoint }));
  }
}

/** Without protocol differentiation (before 1.17) frontends are kept under protocol 0. */
function writeService(maps: CiliumMaps, service: ServiceTopology, protocolDifferentiation: boolean): void {
  const { services, backends, reverseNat } = maps.family(IPV4_WORDS);
  const protocol = PROTOCOL_NUMBER[service.protocol];
  const address = Int32Array.of(service.address);
  for (const backend of service.backends) {
    backends.key[0] = backend.backendId;
    const slot = check("lb4_backends_v3", backends.map.update(backends.key, 0, 0, 0));
    backends.setValue(slot, [backend.address], service.port, protocol, BACKEND_ACTIVE);
  }
  reverseNat.key[0] = service.revNatIndex;
  reverseNat.setValue(check("lb4_reverse_nat", reverseNat.map.update(reverseNat.key, 0, 0, 0)), address, service.port);
  // Slots first, the frontend last: a lookup never finds a frontend that counts slots which are not there yet.
  for (let slot = service.backends.length; slot >= 0; slot--) {
    services.setFrontend(address, 0, service.port, protocolDifferentiation ? protocol : 0);
    services.keySlot = slot;
    const element = check("lb4_services_v2", services.map.update(services.key, 0, 0, 0));
    const first = slot === 0 ? 0 : service.backends[slot - 1]!.backendId;
    services.setValue(element, first, slot === 0 ? service.backends.length : 0, service.revNatIndex, 0, 0, 0);
  }
}

/** An endpoint that no policy selects may do everything; one that is selected gets what the policies allow, added up. */
function writePolicy(maps: CiliumMaps, scenario: Scenario, topology: Topology, endpointId: number, workload: string): void {
  const policies = scenario.policies.filter(({ endpoints }) => endpoints === workload);
  for (const [direction, name] of [[POLICY_INGRESS, "ingress"], [POLICY_EGRESS, "egress"]] as const) {
    const enforced = policies.some((policy) => policy[name] === "deny");
    if (!enforced) maps.policy(endpointId).allowAll(direction);
    else for (const peer of allowedPeers(policies, name)) allowPeer(maps, topology, endpointId, direction, peer);
  }
}

function allowedPeers(policies: readonly Policy[], direction: AllowedPeer["direction"]): readonly AllowedPeer[] {
  return policies.flatMap(({ allow }) => allow.filter((peer) => peer.direction === direction));
}

function allowPeer(maps: CiliumMaps, topology: Topology, endpointId: number, direction: number, peer: AllowedPeer): void {
  const identity = topology.identities.get(peer.peer)!;
  const rule = { direction, identity, protocol: PROTOCOL_NUMBER[peer.protocol] };
  check("policy", maps.policy(endpointId).insert(peer.port === 0 ? rule : { ...rule, port: peer.port }));
}

/** A map that can't hold what the agent has to write would stop the agent; here it stops the run. */
function check(map: string, result: number): number {
  if (result < 0) throw new RangeError(`${map} can't take what the scenario's services and endpoints need (errno ${-result})`);
  return result;
}
