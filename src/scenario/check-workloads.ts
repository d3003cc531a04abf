/** What workloads say about services, pods and time: targets that lead nowhere, pods that don't fit, bursts without an end. */

import { formatCount, formatDuration } from "../core/units.js";
import { Check, type CheckedInput } from "./check.js";
import { contains, parseIpv4, parsePrefix } from "./cidr.js";
import type { Diagnostics } from "./diagnostics.js";
import { EXPECT_WINDOWS } from "./metrics.js";
import type { Place } from "./source.js";
import type { Path, Tree } from "./tree.js";
import { isSteady, protocolOf, targetText, type ArrivalsInput, type ServiceInput, type WorkloadInput } from "./workload-input.js";

type QueryInput = Extract<WorkloadInput, { query: unknown }>["query"];

/** Pod addresses that the /24 of a node leaves for pods, as `node/topology` lays them out. */
const PODS_PER_NODE = 245;
const PORT_MAX = 65_535;
/** 65,535 bytes less the headers of IPv4 and UDP. */
const UDP_PAYLOAD_MAX = 65_507;
/** What leaves an echo whole with any wrapping: fragments of ICMP have no identifier by which programs could know them. */
const ECHO_PAYLOAD_MAX = 1372;
/** A DATA chunk that fits into one packet beside COOKIE ECHO, with any wrapping. */
const SCTP_PAYLOAD_MAX = 1100;

/** Reports workloads that don't fit the rest of the scenario. */
export function checkWorkloads(input: CheckedInput, tree: Tree, found: Diagnostics): void {
  new WorkloadCheck(input, tree, found).run();
}

class WorkloadCheck extends Check {
  run(): void {
    for (const [index, workload] of this.input.workloads.entries()) if (workload !== undefined) this.#workload(workload, index);
    const { cluster } = this.input;
    if (cluster !== undefined) this.#pods(cluster.pods);
  }

  #workload(workload: WorkloadInput, index: number): void {
    const path: Path = ["workloads", index];
    const earlier = this.input.workloads.slice(0, index).findIndex((each) => each?.name === workload.name);
    if (earlier !== -1) {
      const { source, start } = this.at(["workloads", earlier, "name"]);
      this.found.error(
        this.at([...path, "name"]),
        `the workload "${workload.name}" is already there, in line ${source.position(start).line}`,
      );
    }
    if (EXPECT_WINDOWS.some((name) => name === workload.name)) {
      this.found.error(this.at([...path, "name"]), `"${workload.name}" is the name of a window of the report`, {
        expected: "another name",
      });
    }
    this.#target(workload, path);
    this.#world(workload, path);
    if ("query" in workload) this.#query(workload.query, [...path, "query"]);
    if ("arrivals" in workload) this.#bursts(workload.arrivals, [...path, "arrivals"]);
  }

  #query({ protocol, dns, requestBytes, responseBytes }: QueryInput, path: Path): void {
    if (protocol !== "UDP" && dns !== undefined) this.found.error(this.at([...path, "dns"]), "names are looked up by UDP", { expected: "protocol: UDP" });
    if (dns?.name !== undefined) this.#name(dns.name, dns.dots, [...path, "dns"]);
    if (dns?.address !== undefined && parseIpv4(dns.address) === undefined) {
      this.found.error(this.at([...path, "dns", "address"]), `${dns.address} is no IPv4 address`, { expected: "octets up to 255" });
    }
    const most = { UDP: UDP_PAYLOAD_MAX, ICMP: ECHO_PAYLOAD_MAX, SCTP: SCTP_PAYLOAD_MAX }[protocol];
    for (const [key, bytes] of [["requestBytes", requestBytes], ["responseBytes", responseBytes]] as const) {
      if (bytes <= most || (protocol === "ICMP" && key === "responseBytes")) continue;
      const what = protocol === "UDP" ? "no datagram has so many bytes" : `${protocol} in more than one packet is not modelled`;
      this.found.error(this.at([...path, key]), what, { expected: `up to ${formatCount(most)}` });
    }
  }

  #name(name: string, dots: number, path: Path): void {
    const has = name.split(".").length - 1;
    if (has === dots) return;
    this.found.error(this.at([...path, "name"]), `${name} has ${has} dots, and \`dots\` says ${dots}`, { expected: `dots: ${has} beside it` });
  }

  #target(workload: WorkloadInput, path: Path): void {
    const at = this.at([...path, "to"]);
    const { kind, name, port } = targetText(workload.to);
    const protocol = protocolOf(workload);
    if (kind === "world") {
      this.#address(name, protocol === "ICMP" ? 1 : Number(port), at);
      return;
    }
    const service = this.#service(name, port, protocol, at);
    if (service === undefined) return;
    if (protocol === "ICMP") {
      if (kind !== "pods") this.found.error(at, "services answer no echoes: they have ports", { expected: `pods ${name}, or an address of the world` });
    } else if (service.protocol !== protocol) {
      const message = `"${workload.to}" is a ${service.protocol} service, and this is a workload of ${protocol}`;
      this.found.error(at, message, { expected: protocol === "TCP" ? "a TCP service, or `query`" : `a ${protocol} service` });
    }
    if (kind === "pods" || !("world" in workload.from) || service.type !== "ClusterIP") return;
    this.found.error(at, `the world can't reach "${name}": it is a ClusterIP service`, { expected: "type NodePort or LoadBalancer" });
  }

  #address(name: string, port: number, at: Place): void {
    const prefix = parsePrefix(name.includes("/") ? name : `${name}/32`);
    const pods = this.input.cluster === undefined ? undefined : parsePrefix(this.input.cluster.podCIDR);
    if (prefix === undefined) this.found.error(at, `${name} is no address or prefix`, { expected: "octets up to 255, no bits behind the prefix" });
    else if (pods !== undefined && contains(pods, parseIpv4(name.split("/")[0]!)!)) this.found.error(at, `${name} lies in the pod network`);
    if (Number.isNaN(port)) this.found.error(at, `${name} has no port`, { expected: `world ${name}:443` });
    else if (port < 1 || port > PORT_MAX) this.found.error(at, `there is no port ${port}`, { expected: `1 to ${PORT_MAX}` });
  }

  /** The service that a target names; undefined when it is unknown, unclear or not valid itself. */
  #service(name: string, port: string | undefined, protocol: ServiceInput["protocol"] | "ICMP", at: Place): ServiceInput | undefined {
    const services = this.input.services.filter((service) => service !== undefined);
    const names = this.serviceNames();
    if (!names.includes(name)) {
      this.found.error(at, `there is no service "${name}"`, {
        expected: names.length === 0 ? "a service of `services`" : `one of ${names.join(", ")}`,
        names: { written: name, valid: names },
      });
      return undefined;
    }
    const called = services.filter((service) => service.name === name);
    if (called.length === 0) return undefined;
    const fitting = called.filter((service) => service.protocol === protocol);
    const candidates = fitting.length === 0 ? called : fitting;
    const ports = candidates.map((each) => each.port);
    const chosen = port === undefined ? candidates : candidates.filter((each) => each.port === Number(port));
    if (chosen.length === 0) {
      this.found.error(at, `the service "${name}" has no port ${port}`, { expected: `one of ${ports.join(", ")}` });
    } else if (new Set(chosen.map((each) => each.port)).size > 1) {
      this.found.error(at, `the service "${name}" has several ports`, { expected: `${name}:PORT with one of ${ports.join(", ")}` });
    }
    return chosen[0];
  }

  /** Clients outside the cluster. */
  #world({ from, entry }: WorkloadInput, path: Path): void {
    if (!("world" in from)) {
      if (entry === "elsewhere") {
        this.found.error(this.at([...path, "entry"]), "only requests of the world enter at a node", { expected: "a workload `from: { world: … }`" });
      }
      return;
    }
    const prefix = parsePrefix(from.world);
    const at = this.at([...path, "from", "world"]);
    if (prefix === undefined) {
      this.found.error(at, `${from.world} is no network prefix`, { expected: "octets up to 255 and no bits behind the prefix" });
    } else if (2 ** (32 - prefix.bits) < from.clients) {
      this.found.error(at, `${from.world} has no room for ${formatCount(from.clients)} clients`, { expected: "a shorter prefix" });
    }
  }

  #bursts(arrivals: ArrivalsInput, path: Path): void {
    if ("series" in arrivals) this.#series(arrivals, path);
    if (!isSteady(arrivals)) return;
    const { every, first, for: length } = arrivals;
    if (every === undefined && first === undefined && length === undefined) return;
    if (every === undefined || length === undefined) {
      const missing = every === undefined ? "every" : "for";
      this.found.error(this.at(path), `bursts need "${missing}"`, { expected: "every, for, and perhaps first" });
      return;
    }
    if (length > every) {
      const message = `a burst of ${formatDuration(length)} is longer than the ${formatDuration(every)} between two of them`;
      this.found.error(this.at([...path, "for"]), message, { expected: "`for` up to `every`" });
    }
    const { duration } = this.input;
    const start = first ?? every;
    if (duration !== undefined && start >= duration) {
      const message = `the first burst would start at ${formatDuration(start)}, and the run ends at ${formatDuration(duration)}`;
      this.found.error(this.at([...path, first === undefined ? "every" : "first"]), message, { expected: "a start within the run" });
    }
  }

  #series({ series, repeat }: Extract<ArrivalsInput, { series: unknown }>, path: Path): void {
    const late = series.findIndex(([at], index) => index > 0 && at <= series[index - 1]![0]);
    if (late !== -1) this.found.error(this.at([...path, "series", late]), "this moment does not come after the one before it");
    if (repeat !== undefined && repeat < series.at(-1)![0]) {
      this.found.error(this.at([...path, "repeat"]), "the series would begin again before it ends", { expected: "`repeat` after the last moment" });
    }
  }

  /** Clients and backends are pods of the cluster, some of them of the simulated node. */
  #pods(pods: number): void {
    const clients = new Map<string, number>();
    for (const [index, workload] of this.input.workloads.entries()) {
      if (workload === undefined || !("pods" in workload.from)) continue;
      const at = this.at(["workloads", index, "from", "pods"]);
      const { from } = workload;
      if (from.pods > pods) {
        this.found.error(at, `${formatCount(from.pods)} client pods are more than the cluster has (${formatCount(pods)})`);
      } else if ("workload" in from && from.pods > PODS_PER_NODE) {
        this.found.error(at, `${formatCount(from.pods)} client pods don't fit on the simulated node`, {
          expected: `at most ${PODS_PER_NODE}`,
        });
      }
      if ("workload" in from) clients.set(from.workload, Math.max(from.pods, clients.get(from.workload) ?? 0));
    }
    const counts = [...clients.values(), ...this.input.services.map((service) => service?.localBackends ?? 0)];
    const local = counts.reduce((sum, each) => sum + each, 0);
    if (local > PODS_PER_NODE && !counts.some((each) => each > PODS_PER_NODE)) {
      this.found.error(this.at(["workloads"]), `the workloads need ${local} pods on the simulated node`, {
        expected: `at most ${PODS_PER_NODE}`,
      });
    }
    this.#backends(pods, local);
  }

  #backends(pods: number, local: number): void {
    for (const [index, service] of this.input.services.entries()) {
      if (service === undefined) continue;
      if (service.localBackends > PODS_PER_NODE) {
        const at = this.at(["services", index, "localBackends"]);
        this.found.error(at, `${formatCount(service.localBackends)} backends don't fit on the simulated node`, { expected: `at most ${PODS_PER_NODE}` });
      }
      if (service.backends + local <= pods) continue;
      const needed = `${formatCount(service.backends)} backends and ${formatCount(local)} client pods`;
      const message = `${needed} are more pods than the cluster has (${formatCount(pods)})`;
      this.found.error(this.at(["services", index, "backends"]), message);
    }
  }
}
