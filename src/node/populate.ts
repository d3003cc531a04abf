/**
 * What the agent writes into the maps before the first packet: endpoints and ipcache; services are in services.ts, policies in
 * policies.ts.
 * Order of writes follows the topology, so that equal scenarios give equal maps.
 */
import type { DatapathConfig } from "../cilium/datapath/config.js";
import type { CiliumMaps } from "../cilium/maps.js";
import { ENDPOINT_F_HOST } from "../cilium/maps/identity-maps.js";
import { routerAddress, type Topology } from "./topology.js";

/** Reserved identities (pkg/identity/numericidentity.go). */
export const IDENTITY = { host: 1, world: 2, remoteNode: 6 } as const;
/** IP protocol numbers. */
export const PROTOCOL_NUMBER = { TCP: 6, UDP: 17 } as const;
/** Interface numbers of the simulated node: its native device, `cilium_host`, the tunnel's device, and the first pod's veth. */
export const IFINDEX = { native: 2, ciliumHost: 4, tunnel: 5, firstPod: 10 } as const;

/** Key index in the ipcache; any but 0 means that the peer's node takes encrypted packets. */
const ENCRYPT_KEY = 1;
const HOST_PREFIX = 32;
const IPV4_ANY = [0] as const;

/** Writes what the agent knows of endpoints and addresses. Throws when a map is too small for it. */
export function populate(maps: CiliumMaps, topology: Topology, config: DatapathConfig): void {
  writeEndpoints(maps, topology);
  writeIpcache(maps, topology, config);
}

function writeEndpoints(maps: CiliumMaps, topology: Topology): void {
  for (const address of [topology.nodeAddress, topology.routerAddress]) {
    checkWrite("lxc", maps.endpoints.insert([address], { ifindex: 0, lxcId: 0, identity: IDENTITY.host, flags: ENDPOINT_F_HOST }));
  }
  topology.localPods.forEach((pod, index) => {
    const entry = { ifindex: IFINDEX.firstPod + index, lxcId: pod.endpointId, identity: pod.identity };
    checkWrite("lxc", maps.endpoints.insert([pod.address], entry));
  });
}

function writeIpcache(maps: CiliumMaps, topology: Topology, config: DatapathConfig): void {
  const { ipcache } = maps;
  checkWrite("ipcache", ipcache.insert(IPV4_ANY, 0, { identity: IDENTITY.world }));
  for (const [node, address] of topology.nodeAddresses) {
    checkWrite("ipcache", ipcache.insert([address], HOST_PREFIX, { identity: node === 0 ? IDENTITY.host : IDENTITY.remoteNode }));
  }
  checkWrite("ipcache", ipcache.insert([topology.routerAddress], HOST_PREFIX, { identity: IDENTITY.host }));
  if (config.tunnel) writeRouters(maps, topology);
  const encryptKey = config.encryption === "none" ? 0 : ENCRYPT_KEY;
  const elsewhere = topology.services.flatMap(({ backends, later }) => [...backends.filter(({ node }) => node !== 0), ...later]);
  for (const pod of [...topology.localPods, ...elsewhere, ...topology.remoteClients]) {
    // The agent names the pod's node as tunnel endpoint in native routing too; the programs then do not use it.
    const tunnelEndpoint = pod.node === 0 ? 0 : topology.nodeAddresses.get(pod.node)!;
    checkWrite("ipcache", ipcache.insert([pod.address], HOST_PREFIX, { identity: pod.identity, tunnelEndpoint, ...(pod.node === 0 ? {} : { encryptKey }) }));
  }
}

/** `cilium_host` of the other nodes, which tunnelled packets come from. */
function writeRouters({ ipcache }: CiliumMaps, { nodeAddresses, podCidr }: Topology): void {
  for (const [node, tunnelEndpoint] of nodeAddresses) {
    if (node === 0) continue;
    const router = routerAddress(podCidr, node);
    checkWrite("ipcache", ipcache.insert([router], HOST_PREFIX, { identity: IDENTITY.remoteNode, tunnelEndpoint }));
  }
}

/** A map that can't hold what the agent has to write would stop the agent; here it stops the run. */
export function checkWrite(map: string, result: number): number {
  if (result < 0) throw new RangeError(`${map} can't take what the scenario's services and endpoints need (errno ${-result})`);
  return result;
}
