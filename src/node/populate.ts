/**
 * What the agent writes into the maps before the first packet: endpoints and ipcache; services are in services.ts, policies in
 * policies.ts.
 * Order of writes follows the topology, so that equal scenarios give equal maps.
 */
import type { DatapathConfig } from "../cilium/datapath/config.js";
import type { CiliumMaps } from "../cilium/maps.js";
import { IPV4_WORDS, IPV6_WORDS, type AddressWords } from "../cilium/maps/address.js";
import { ENDPOINT_F_HOST, type IpcacheEntry } from "../cilium/maps/identity-maps.js";
import { addressOf } from "./ipv6.js";
import { routerAddress, type Topology } from "./topology.js";

/** Reserved identities (pkg/identity/numericidentity.go). */
export const IDENTITY = { host: 1, world: 2, remoteNode: 6, worldIpv4: 9, worldIpv6: 10 } as const;
/** IP protocol numbers. */
export const PROTOCOL_NUMBER = { TCP: 6, UDP: 17, SCTP: 132 } as const;
/** Interface numbers of the simulated node: its native device, `cilium_host`, the tunnel's device, and the first pod's veth. */
export const IFINDEX = { native: 2, ciliumHost: 4, tunnel: 5, firstPod: 10 } as const;

/** Key index in the ipcache; any but 0 means that the peer's node takes encrypted packets. */
const ENCRYPT_KEY = 1;
const WORD_BITS = 32;

/** Writes what the agent knows of endpoints and addresses. Throws when a map is too small for it. */
export function populate(maps: CiliumMaps, topology: Topology, config: DatapathConfig): void {
  writeEndpoints(maps, topology);
  writeIpcache(maps, topology, config);
}

function writeEndpoints(maps: CiliumMaps, topology: Topology): void {
  const families = familiesOf(maps);
  for (const address of [topology.nodeAddress, topology.routerAddress]) {
    const entry = { ifindex: 0, lxcId: 0, identity: IDENTITY.host, flags: ENDPOINT_F_HOST };
    for (const words of families) checkWrite("lxc", maps.endpoints.insert(addressOf(address, words), entry));
  }
  topology.localPods.forEach((pod, index) => {
    const entry = { ifindex: IFINDEX.firstPod + index, lxcId: pod.endpointId, identity: pod.identity };
    for (const words of families) checkWrite("lxc", maps.endpoints.insert(addressOf(pod.address, words), entry));
  });
}

function writeIpcache(maps: CiliumMaps, topology: Topology, config: DatapathConfig): void {
  const { ipcache } = maps;
  const families = familiesOf(maps);
  const write = (address: number, entry: IpcacheEntry): void => {
    for (const words of families) checkWrite("ipcache", ipcache.insert(addressOf(address, words), words * WORD_BITS, entry));
  };
  for (const words of families) checkWrite("ipcache", ipcache.insert(new Array<number>(words).fill(0), 0, { identity: worldOf(maps, words) }));
  for (const [node, address] of topology.nodeAddresses) write(address, { identity: node === 0 ? IDENTITY.host : IDENTITY.remoteNode });
  write(topology.routerAddress, { identity: IDENTITY.host });
  if (config.tunnel) for (const [node, address] of routersElsewhere(topology)) write(address, { identity: IDENTITY.remoteNode, tunnelEndpoint: node });
  const encryptKey = config.encryption === "none" ? 0 : ENCRYPT_KEY;
  const elsewhere = topology.services.flatMap(({ backends, later }) => [...backends.filter(({ node }) => node !== 0), ...later]);
  for (const pod of [...topology.localPods, ...elsewhere, ...topology.remoteClients]) {
    // The agent names the pod's node as tunnel endpoint in native routing too; the programs then do not use it.
    const tunnelEndpoint = pod.node === 0 ? 0 : topology.nodeAddresses.get(pod.node)!;
    write(pod.address, { identity: pod.identity, tunnelEndpoint, ...(pod.node === 0 ? {} : { encryptKey }) });
  }
}

/** `cilium_host` of the other nodes, which tunnelled packets come from, by the node's address. */
function routersElsewhere({ nodeAddresses, podCidr }: Topology): readonly (readonly [node: number, router: number])[] {
  return [...nodeAddresses].filter(([node]) => node !== 0).map(([node, address]) => [address, routerAddress(podCidr, node)]);
}

/** Address families of the node, by the words of an address. */
export function familiesOf(maps: CiliumMaps): readonly AddressWords[] {
  return ([IPV4_WORDS, IPV6_WORDS] as const).filter((words) => maps.hasFamily(words));
}

/** Everybody outside the cluster: one identity, or with two families one for each. */
function worldOf(maps: CiliumMaps, words: AddressWords): number {
  if (!maps.hasFamily(IPV6_WORDS)) return IDENTITY.world;
  return words === IPV4_WORDS ? IDENTITY.worldIpv4 : IDENTITY.worldIpv6;
}

/** A map that can't hold what the agent has to write would stop the agent; here it stops the run. */
export function checkWrite(map: string, result: number): number {
  if (result < 0) throw new RangeError(`${map} can't take what the scenario's services and endpoints need (errno ${-result})`);
  return result;
}
