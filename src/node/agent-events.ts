/**
 * What the agent says of its own doings while the run goes on, one line of Hubble's exporter for each: pkg/monitor/api
 * (`AgentNotify…`), pkg/hubble/parser/agent. What a timeline makes it do: start, take in a policy, create and delete endpoints and
 * write their programs anew, learn addresses, write services.
 *
 * Simplified: one rule for a policy; a regeneration takes no time and never fails; a revision for each change of policies. From
 * 1.18 on services are written by a control plane that notifies nobody.
 */
import type { CiliumSettings } from "../cilium/agent/settings.js";
import { formatAddress, IPV4_WORDS } from "../cilium/maps/address.js";
import type { SettledProfile } from "../cilium/profile/assumptions.js";
import { object } from "../observe/flow-tables.js";
import { FLOW_EPOCH_SECONDS, goString, TimestampText } from "../observe/flow-text.js";
import type { Policy } from "../scenario/pod-types.js";
import { fullNodeName, labelsOf } from "./pod-labels.js";
import { nodeAddress, splitName, workloadOf, type Frontend, type Pod, type ServiceTopology, type Topology } from "./topology.js";

/** First minor release that does not notify of services. */
const SERVICES_SILENT_FROM = 18;
const HOST_PREFIX = 32;
/** A repository of policies begins with this revision. */
const FIRST_REVISION = 1;
const SERVICE_TYPES: Readonly<Record<Frontend["kind"], string>> = { cluster: "ClusterIP", "node-port": "NodePort", "load-balancer": "LoadBalancer" };

export class AgentEvents {
  readonly #write: (line: string) => void;
  readonly #clock: { readonly now: number };
  readonly #topology: Topology;
  readonly #time = new TimestampText(FLOW_EPOCH_SECONDS);
  readonly #cluster: string;
  readonly #encrypts: boolean;
  readonly #tellsServices: boolean;
  /** Policies that hold, and the revision of the last change. */
  #revision: number;

  constructor(
    write: (line: string) => void,
    clock: { readonly now: number },
    topology: Topology,
    settings: CiliumSettings,
    profile: Pick<SettledProfile, "minor">,
    policies: number,
    cluster: string,
  ) {
    this.#cluster = cluster;
    this.#write = write;
    this.#clock = clock;
    this.#topology = topology;
    this.#encrypts = settings.enableIpsec || settings.enableWireguard;
    this.#tellsServices = Number(profile.minor.split(".")[1]) < SERVICES_SILENT_FROM;
    this.#revision = FIRST_REVISION + policies;
  }

  /** A new agent: it learns everything again, and writes all programs. */
  started(policies: readonly Policy[], services: readonly { readonly service: ServiceTopology; readonly backends: readonly Pod[] }[]): void {
    const now = this.#time.at(this.#clock.now);
    this.#say("AGENT_STARTED", "agent_start", [["time", `"${now}"`]]);
    this.#revision = FIRST_REVISION;
    for (const policy of policies) this.#policyUpdated(policy);
    for (const { service, backends } of services) this.serviceWritten(service, backends);
    for (const pod of this.#topology.localPods) this.#regenerated(pod);
  }

  /** A policy is there, or there anew; the endpoints that it selects follow. */
  policyReplaced(policy: Policy): void {
    this.#policyUpdated(policy);
    for (const pod of this.#topology.localPods) if (workloadOf(pod) === policy.endpoints) this.#regenerated(pod);
  }

  /** A pod of the node is gone, and a new one has its address. */
  podReplaced(pod: Pod): void {
    const endpoint = endpointFields(pod, this.#cluster);
    this.#say("ENDPOINT_DELETED", "endpoint_update", endpoint);
    this.addressForgotten(pod);
    this.#say("ENDPOINT_CREATED", "endpoint_update", endpoint);
    this.addressLearned(pod);
    this.#regenerated(pod);
  }

  addressLearned(pod: Pod): void {
    this.#address("IPCACHE_UPSERTED", pod);
  }

  addressForgotten(pod: Pod): void {
    this.#address("IPCACHE_DELETED", pod);
  }

  serviceWritten({ name, namespace, frontends, port }: ServiceTopology, backends: readonly Pod[]): void {
    if (!this.#tellsServices) return;
    const addresses = backends.map(({ address }) => addressJson(address, port));
    for (const { address, port: frontendPort, revNatIndex, kind } of frontends) {
      this.#say("SERVICE_UPSERTED", "service_upsert", [
        ["id", String(revNatIndex)],
        ["frontend_address", addressJson(address, frontendPort)],
        ["backend_addresses", addresses.length === 0 ? "" : `[${addresses.join(",")}]`],
        ["type", `"${SERVICE_TYPES[kind]}"`],
        ["traffic_policy", '"Cluster"'],
        ["name", goString(name)],
        ["namespace", goString(namespace)],
        ["ext_traffic_policy", '"Cluster"'],
        ["int_traffic_policy", '"Cluster"'],
      ]);
    }
  }

  #policyUpdated({ endpoints }: Policy): void {
    const { namespace, name } = splitName(endpoints);
    const labels = ["derived-from=CiliumNetworkPolicy", `name=${name}`, `namespace=${namespace}`].map((label) => goString(`k8s:io.cilium.k8s.policy.${label}`));
    this.#say("POLICY_UPDATED", "policy_update", [["labels", `[${labels.join(",")}]`], ["revision", `"${++this.#revision}"`], ["rule_count", '"1"']]);
  }

  #regenerated(pod: Pod): void {
    this.#say("ENDPOINT_REGENERATE_SUCCESS", "endpoint_regenerate", endpointFields(pod, this.#cluster).slice(0, 2));
  }

  #address(type: "IPCACHE_UPSERTED" | "IPCACHE_DELETED", { address, identity, node, namespace, name }: Pod): void {
    this.#say(type, "ipcache_update", [
      ["cidr", `"${textOf(address)}/${HOST_PREFIX}"`],
      ["identity", String(identity)],
      ["host_ip", `"${textOf(nodeAddress(node))}"`],
      // The index of the only key; to pods of the own node nothing is encrypted.
      ["encrypt_key", this.#encrypts && node !== 0 ? "1" : ""],
      ["namespace", goString(namespace)],
      ["pod_name", goString(name)],
    ]);
  }

  #say(type: string, what: string, fields: Parameters<typeof object>[0]): void {
    const nodeName = fullNodeName(this.#topology, this.#cluster);
    const time = this.#time.at(this.#clock.now);
    this.#write(`{"agent_event":{"type":"${type}","${what}":${object(fields)}},"node_name":${goString(nodeName)},"time":"${time}"}\n`);
  }
}

/** Number, labels, then the pod. */
function endpointFields(pod: Pod, cluster: string): (readonly [name: string, json: string])[] {
  return [
    ["id", `"${pod.endpointId}"`],
    ["labels", `[${labelsOf(pod, cluster).map(goString).join(",")}]`],
    ["pod_name", goString(pod.name)],
    ["namespace", goString(pod.namespace)],
  ];
}

function addressJson(address: number, port: number): string {
  return object([["ip", `"${textOf(address)}"`], ["port", String(port)]]);
}

function textOf(address: number): string {
  return formatAddress([address], 0, IPV4_WORDS);
}
