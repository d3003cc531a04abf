/** Whom the connections of a workload go to, as their client sees it: a service's address, a pod's, or one outside. */
import type { RandomStream } from "../core/random.js";
import type { Scenario, Workload } from "../scenario/types.js";
import { addressAfter } from "./address-offset.js";
import { ENTRY_NODE, nodeAddress, type Pod, type ServiceTopology, type Topology } from "./topology.js";

/** How a flow looks to its client, and what of it arrives at the node when the two differ. */
export interface Destination {
  readonly address: number;
  readonly port: number;
  /** Another node passes requests on: the source that it puts in the client's place, null with DSR. */
  readonly passedOn: { readonly source: number | null; readonly pod: Pod; readonly port: number } | null;
}

/** Draws the destination of a workload's next flow. */
export type DrawDestination = () => Destination;

/** `passer`: address that a node which passes requests on puts in the client's place, null with DSR. */
export function destinations(
  scenario: Scenario,
  topology: Topology,
  workload: Workload,
  passer: number | null,
  random: RandomStream,
): DrawDestination {
  const { to, from } = workload;
  if (to.kind === "world") {
    const base = to.prefix.split("/")[0]!;
    return () => plain(addressAfter(base, to.addresses === 1 ? 0 : random.below(to.addresses)), to.port);
  }
  const service = topology.services[to.service]!;
  const { port } = scenario.services[to.service]!;
  if (from.kind === "remote") return fixedOrDrawn(localBackends(service, workload), random, (pod) => plain(pod.address, port));
  if (to.kind === "backends") return fixedOrDrawn(service.backends, random, (pod) => plain(pod.address, port));
  if (workload.entry === "elsewhere") return passedOn(service, workload, passer, random);
  const frontend = from.kind === "world" ? service.frontends.at(-1)! : service.frontends[0]!;
  const destination = plain(frontend.address, frontend.port);
  return () => destination;
}

function passedOn(service: ServiceTopology, workload: Workload, source: number | null, random: RandomStream): DrawDestination {
  const frontend = service.frontends.at(-1)!;
  // A NodePort is called at the node that takes the request.
  const address = frontend.kind === "node-port" ? nodeAddress(ENTRY_NODE) : frontend.address;
  return fixedOrDrawn(localBackends(service, workload), random, (pod) => {
    return { address, port: frontend.port, passedOn: { source, pod, port: service.port } };
  });
}

/** Flows from elsewhere concern this node when they end at one of its pods. */
function localBackends({ name, backends }: ServiceTopology, workload: Workload): readonly Pod[] {
  const local = backends.filter(({ node }) => node === 0);
  if (local.length === 0) throw new RangeError(`the workload "${workload.name}" comes from other nodes, and ${name} has no pod on the simulated one`);
  return local;
}

function fixedOrDrawn(pods: readonly Pod[], random: RandomStream, of: (pod: Pod) => Destination): DrawDestination {
  const all = pods.map(of);
  if (all.length === 0) throw new RangeError("a service whose pods are called by address needs one");
  return all.length === 1 ? () => all[0]! : () => all[random.below(all.length)]!;
}

function plain(address: number, port: number): Destination {
  return { address, port, passedOn: null };
}
