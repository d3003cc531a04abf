/** Conditions of a FlowFilter on one end of a flow: identity, address, pod, workload, service, DNS names, labels, port. */
import { parseAddress, parseCidr } from "./addresses.js";
import { FilterError, usable, type FlowTest } from "./flow-test.js";
import { parseLabelSelector } from "./label-selector.js";
import { fqdnPattern } from "./patterns.js";
import type { Endpoint, Flow, FlowFilter, Service, Workload } from "./proto/flow_pb.js";

/** One end: what the filter wants of it, and how the flow's is read. */
interface Side {
  readonly name: "source" | "destination";
  readonly identities: readonly number[];
  readonly ips: readonly string[];
  readonly pods: readonly string[];
  readonly workloads: readonly Workload[];
  readonly services: readonly string[];
  readonly fqdns: readonly string[];
  readonly labels: readonly string[];
  readonly ports: readonly string[];
  readonly clusters: readonly string[];
  endpoint(flow: Flow): Endpoint | undefined;
  address(flow: Flow): string;
  service(flow: Flow): Service | undefined;
  names(flow: Flow): readonly string[];
  /** Undefined for protocols without ports. */
  port(flow: Flow): number | undefined;
}

/** One test for each field that is set. */
export function endpointTests(filter: FlowFilter): FlowTest[] {
  const tests = [...sideTests(sourceOf(filter)), ...sideTests(destinationOf(filter))];
  if (filter.sourceIpXlated.length > 0) tests.push(byAddress(filter.sourceIpXlated, (flow) => flow.IP?.sourceXlated ?? ""));
  return tests;
}

function sourceOf(filter: FlowFilter): Side {
  return {
    name: "source",
    identities: filter.sourceIdentity,
    ips: filter.sourceIp,
    pods: filter.sourcePod,
    workloads: filter.sourceWorkload,
    services: filter.sourceService,
    fqdns: filter.sourceFqdn,
    labels: filter.sourceLabel,
    ports: filter.sourcePort,
    clusters: filter.sourceClusterName,
    endpoint: (flow) => flow.source,
    address: (flow) => flow.IP?.source ?? "",
    service: (flow) => flow.sourceService,
    names: (flow) => flow.sourceNames,
    port: (flow) => transport(flow)?.sourcePort,
  };
}

function destinationOf(filter: FlowFilter): Side {
  return {
    name: "destination",
    identities: filter.destinationIdentity,
    ips: filter.destinationIp,
    pods: filter.destinationPod,
    workloads: filter.destinationWorkload,
    services: filter.destinationService,
    fqdns: filter.destinationFqdn,
    labels: filter.destinationLabel,
    ports: filter.destinationPort,
    clusters: filter.destinationClusterName,
    endpoint: (flow) => flow.destination,
    address: (flow) => flow.IP?.destination ?? "",
    service: (flow) => flow.destinationService,
    names: (flow) => flow.destinationNames,
    port: (flow) => transport(flow)?.destinationPort,
  };
}

function transport({ l4 }: Flow): { readonly sourcePort: number; readonly destinationPort: number } | undefined {
  switch (l4?.protocol.case) {
    case "TCP":
    case "UDP":
    case "SCTP":
      return l4.protocol.value;
    default:
      return undefined;
  }
}

function sideTests(side: Side): FlowTest[] {
  const tests: FlowTest[] = [];
  if (side.identities.length > 0) tests.push(byIdentity(side));
  if (side.ips.length > 0) tests.push(byAddress(side.ips, side.address));
  if (side.pods.length > 0) tests.push(byNamespacedName(side.pods, "", podOf(side)));
  if (side.workloads.length > 0) tests.push(byWorkload(side));
  if (side.services.length > 0) tests.push(byNamespacedName(side.services, `invalid ${side.name} service filter: `, serviceOf(side)));
  if (side.fqdns.length > 0) tests.push(byFqdn(side));
  if (side.labels.length > 0) tests.push(byLabels(side));
  if (side.ports.length > 0) tests.push(byPort(side));
  if (side.clusters.length > 0) tests.push(byCluster(side));
  return tests;
}

function byIdentity({ identities, endpoint }: Side): FlowTest {
  return (flow) => {
    const found = endpoint(flow);
    return found !== undefined && identities.includes(found.identity);
  };
}

/** Addresses are compared as texts, ranges by value. */
function byAddress(wanted: readonly string[], addressOf: (flow: Flow) => string): FlowTest {
  const exact: string[] = [];
  const ranges: ((address: readonly number[]) => boolean)[] = [];
  for (const text of wanted) {
    if (text.includes("/")) {
      const range = parseCidr(text);
      if (range === undefined) throw new FilterError(`invalid CIDR in filter: "${text}"`);
      ranges.push(range);
    } else {
      if (parseAddress(text) === undefined) throw new FilterError(`invalid IP address in filter: "${text}"`);
      exact.push(text);
    }
  }
  return (flow) => {
    const address = addressOf(flow);
    if (address === "") return false;
    if (exact.includes(address)) return true;
    const bytes = ranges.length === 0 ? undefined : parseAddress(address);
    return bytes !== undefined && ranges.some((contains) => contains(bytes));
  };
}

interface NamespacedName {
  readonly namespace: string;
  readonly name: string;
}

const podOf =
  ({ endpoint }: Side) =>
  (flow: Flow): NamespacedName => {
    const found = endpoint(flow);
    return { namespace: found?.namespace ?? "", name: found?.podName ?? "" };
  };

const serviceOf =
  ({ service }: Side) =>
  (flow: Flow): NamespacedName => {
    const found = service(flow);
    return { namespace: found?.namespace ?? "", name: found?.name ?? "" };
  };

/** `namespace/prefix`; without a slash in the namespace `default`. */
function byNamespacedName(patterns: readonly string[], context: string, nameOf: (flow: Flow) => NamespacedName): FlowTest {
  const wanted = patterns.map((pattern) => {
    const [first = "", second] = pattern.split("/");
    if (first === "" && (second ?? "") === "") {
      throw new FilterError(`${context}invalid filter, must be [namespace/][<name>], got "${pattern}"`);
    }
    return second === undefined ? { namespace: "default", prefix: first } : { namespace: first, prefix: second };
  });
  return (flow) => {
    const { namespace, name } = nameOf(flow);
    if (namespace === "" && name === "") return false;
    return wanted.some((each) => each.namespace === namespace && name.startsWith(each.prefix));
  };
}

/** An empty name or kind is any. */
function byWorkload({ workloads, endpoint }: Side): FlowTest {
  return (flow) =>
    endpoint(flow)?.workloads.some(({ name, kind }) =>
      workloads.some((wanted) => (wanted.name === "" || wanted.name === name) && (wanted.kind === "" || wanted.kind === kind)),
    ) ?? false;
}

function byFqdn({ fqdns, names }: Side): FlowTest {
  const pattern = usable(() => fqdnPattern(fqdns));
  return (flow) => names(flow).some((name) => pattern.test(name));
}

function byLabels({ name, labels, endpoint }: Side): FlowTest {
  const selectors = labels.map((text) => {
    try {
      return parseLabelSelector(text);
    } catch (error) {
      throw new FilterError(`invalid ${name} label filter: ${(error as Error).message}`);
    }
  });
  return (flow) => {
    const found = endpoint(flow)?.labels ?? [];
    return selectors.some((selects) => selects(found));
  };
}

function byCluster({ clusters, endpoint }: Side): FlowTest {
  if (clusters.includes("")) throw new FilterError("invalid filter, name must not be empty");
  return (flow) => clusters.includes(endpoint(flow)?.clusterName ?? "");
}

const PORT_MAX = 0xffff;

function byPort({ name, ports, port }: Side): FlowTest {
  const wanted = ports.map((text) => {
    const reason = !/^\d+$/.test(text) ? "invalid syntax" : Number(text) > PORT_MAX ? "value out of range" : undefined;
    if (reason !== undefined) throw new FilterError(`invalid ${name} port filter: invalid port "${text}": strconv.ParseUint: parsing "${text}": ${reason}`);
    return Number(text);
  });
  return (flow) => {
    const found = port(flow);
    return found !== undefined && wanted.includes(found & PORT_MAX);
  };
}
