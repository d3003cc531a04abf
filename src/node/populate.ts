/**
 * What the agent writes into the maps before the first packet: endpoints, ipcache, policy; services are in services.ts.
 * Order of writes follows the topology, so that equal scenarios give equal maps.
 */
import type { DatapathContext } from "../cilium/datapath/context.js";
import type { CiliumMaps } from "../cilium/maps.js";
import { ENDPOINT_F_HOST } from "../cilium/maps/identity-maps.js";
import { POLICY_EGRESS, POLICY_INGRESS } from "../cilium/maps/policy-map.js";
import type { AllowedPeer, Policy, Scenario } from "../scenario/types.js";
import { workloadOf, type Topology } from "./topology.js";

/** Reserved identities (pkg/identity/numericidentity.go). */
export const IDENTITY = { host: 1, world: 2, remoteNode: 6 } as const;
/** IP protocol numbers. */
export const PROTOCOL_NUMBER = { TCP: 6, UDP: 17 } as const;
/** Interface numbers of the simulated node: its native device, `cilium_host`, and the first pod's veth. */
export const IFINDEX = { native: 2, ciliumHost: 4, firstPod: 10 } as const;

const HOST_PREFIX = 32;
const IPV4_ANY = [0] as const;

/** Writes what the agent knows of endpoints, addresses and policies. Throws when a map is too small for it. */
export function populate(maps: CiliumMaps, scenario: Scenario, topology: Topology): void {
  writeEndpoints(maps, topology);
  writeIpcache(maps, topology);
  for (const pod of topology.localPods) writePolicy(maps, scenario.policies, topology, pod.endpointId, workloadOf(pod));
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
  const elsewhere = topology.services.flatMap(({ backends, later }) => [...backends.filter(({ node }) => node !== 0), ...later]);
  for (const pod of [...topology.localPods, ...elsewhere, ...topology.remoteClients]) {
    // The agent names the pod's node as tunnel endpoint in native routing too; the programs then do not use it.
    const tunnelEndpoint = pod.node === 0 ? 0 : topology.nodeAddresses.get(pod.node)!;
    check("ipcache", ipcache.insert([pod.address], HOST_PREFIX, { identity: pod.identity, tunnelEndpoint }));
  }
}

/** An endpoint that no policy selects may do everything; one that is selected gets what the policies allow, added up. */
export function writePolicy(maps: CiliumMaps, all: readonly Policy[], topology: Topology, endpointId: number, workload: string): void {
  const policies = all.filter(({ endpoints }) => endpoints === workload);
  for (const [direction, name] of [[POLICY_INGRESS, "ingress"], [POLICY_EGRESS, "egress"]] as const) {
    const enforced = policies.some((policy) => policy[name] === "deny");
    if (!enforced) maps.policy(endpointId).allowAll(direction);
    else for (const peer of allowedPeers(policies, name)) allowPeer(maps, topology, endpointId, direction, peer);
  }
}

/** The endpoints' programs with their compiled-in values. */
export function loadPrograms(datapath: DatapathContext, maps: CiliumMaps, topology: Topology, all: readonly Policy[]): void {
  topology.localPods.forEach((pod, index) => {
    const policies = all.filter(({ endpoints }) => endpoints === workloadOf(pod));
    datapath.programs[pod.endpointId] = {
      lxcId: pod.endpointId,
      ifindex: IFINDEX.firstPod + index,
      identity: pod.identity,
      address4: [pod.address],
      address6: null,
      policy: maps.policy(pod.endpointId),
      verdictIngress: policies.some(({ ingress }) => ingress === "deny"),
      verdictEgress: policies.some(({ egress }) => egress === "deny"),
    };
  });
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
