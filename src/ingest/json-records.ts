/** Records of JSON dumps by kind: what `json-dumps.ts` cuts out goes into the tables of the text forms. */
import { isIP } from "node:net";
import { TUPLE_F_IN, TUPLE_F_SERVICE } from "../cilium/maps/tuple.js";
import { NO_ADDRESS, type AddressPool } from "./address-pool.js";
import type { AgentStatus } from "./agent-status.js";
import { ConntrackBuilder } from "./conntrack-builder.js";
import type { MetricsForm } from "./metrics-table.js";
import { NatBuilder } from "./nat-builder.js";
import { SeriesCollector } from "./series-collector.js";
import type { Skipped } from "./skipped.js";

export interface Records {
  /** Takes one record; returns what is wrong with it, else undefined. */
  add(record: unknown): string | undefined;
  finish(skipped: Skipped): object;
}

type Fields = Readonly<Record<string, unknown>>;

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function numberOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

/** A 16-bit number in network order that was read as little-endian. */
function swapped(value: unknown): number {
  const raw = numberOf(value) & 0xffff;
  return (raw >> 8) | ((raw & 0xff) << 8);
}

/** The number of an address: a list of bytes, or text; `NO_ADDRESS` when it is neither. */
function addressOf(value: unknown, addresses: AddressPool): number {
  if (typeof value === "string") return isIP(value) === 0 ? NO_ADDRESS : addresses.intern(value);
  if (!Array.isArray(value) || !value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 0xff)) return NO_ADDRESS;
  if (value.length === IPV4_BYTES) return addresses.intern(value.join("."));
  return value.length === IPV6_BYTES ? addresses.intern(ipv6Text(value as number[])) : NO_ADDRESS;
}

/** As Go prints it: the longest run of two or more zero groups becomes `::`. */
function ipv6Text(bytes: readonly number[]): string {
  const groups = Array.from({ length: IPV6_BYTES / 2 }, (_, index) => ((bytes[2 * index]! << 8) | bytes[2 * index + 1]!).toString(16));
  let [best, length] = [-1, 1];
  for (let from = 0; from < groups.length; from++) {
    let to = from;
    while (groups[to] === "0") to++;
    if (to - from > length) [best, length] = [from, to - from];
  }
  return best < 0 ? groups.join(":") : `${groups.slice(0, best).join(":")}::${groups.slice(best + length).join(":")}`;
}

/** `CtMapRecord` of pkg/maps/ctmap. */
export class ConntrackRecords implements Records {
  readonly #builder = new ConntrackBuilder();

  add(record: unknown): string | undefined {
    const key = fieldsOf(fieldsOf(record)?.["Key"]);
    const value = fieldsOf(fieldsOf(record)?.["Value"]);
    if (key === undefined || value === undefined) return "has no Key and Value";
    const { row, addresses } = this.#builder;
    row.protocol = numberOf(key["NextHeader"]);
    row.tupleFlags = numberOf(key["Flags"]);
    // Addresses are stored as in a reply and ports the other way round; those of services are turned once more (PR 28913).
    const isService = (row.tupleFlags & TUPLE_F_SERVICE) !== 0;
    const [source, destination] = isService ? [key["SourceAddr"], key["DestAddr"]] : [key["DestAddr"], key["SourceAddr"]];
    row.source = addressOf(source, addresses);
    row.destination = addressOf(destination, addresses);
    if (row.source === NO_ADDRESS || row.destination === NO_ADDRESS) return "has no addresses";
    row.sourcePort = swapped(isService ? key["DestPort"] : key["SourcePort"]);
    row.destinationPort = swapped(isService ? key["SourcePort"] : key["DestPort"]);
    row.expires = numberOf(value["Lifetime"]);
    row.entryFlags = numberOf(value["Flags"]);
    row.revNat = swapped(value["RevNAT"]);
    row.identity = numberOf(value["SourceSecurityID"]);
    row.backend = isService ? backendOf(value) : 0;
    row.packets = numberOf(value["Packets"]) + numberOf(value["RxPackets"]) + numberOf(value["TxPackets"]);
    row.rxFlags = numberOf(value["RxFlagsSeen"]);
    row.txFlags = numberOf(value["TxFlagsSeen"]);
    row.lastRx = numberOf(value["LastRxReport"]);
    row.lastTx = numberOf(value["LastTxReport"]);
    this.#builder.add();
    return undefined;
  }

  finish(skipped: Skipped): object {
    return { table: this.#builder.finish(undefined), skipped };
  }
}

/** Second half of the value's first 16 bytes, which are received packets and bytes up to 1.15. */
function backendOf(value: Fields): number {
  const { Union0: halves } = value;
  return numberOf(Array.isArray(halves) ? halves[1] : value["RxBytes"]);
}

/** `NatMapRecord` of pkg/maps/nat; its keys are in the text's order. Created is raw time, of which no clock is told. */
export class NatRecords implements Records {
  readonly #builder = new NatBuilder();

  add(record: unknown): string | undefined {
    const key = fieldsOf(fieldsOf(record)?.["Key"]);
    const value = fieldsOf(fieldsOf(record)?.["Value"]);
    if (key === undefined || value === undefined) return "has no Key and Value";
    const { addresses } = this.#builder;
    const [source, destination, toAddress] = [key["SourceAddr"], key["DestAddr"], value["Addr"]].map((each) => addressOf(each, addresses)) as [number, number, number];
    if (source === NO_ADDRESS || destination === NO_ADDRESS || toAddress === NO_ADDRESS) return "has no addresses";
    this.#builder.add({
      protocol: numberOf(key["NextHeader"]),
      tupleFlags: numberOf(key["Flags"]) & TUPLE_F_IN,
      source,
      sourcePort: swapped(key["SourcePort"]),
      destination,
      destinationPort: swapped(key["DestPort"]),
      toAddress,
      toPort: swapped(value["Port"]),
      age: Number.NaN,
      needsCt: numberOf(value["NeedsCT"]) === 0 ? 0 : 1,
    });
    return undefined;
  }

  finish(skipped: Skipped): object {
    return { table: this.#builder.finish(), skipped };
  }
}

/** `RetriesMapRecord` of pkg/maps/nat. */
export class RetriesRecords implements Records {
  readonly #counts: number[] = [];

  add(record: unknown): string | undefined {
    const retries = fieldsOf(fieldsOf(record)?.["Key"])?.["Key"];
    const count = fieldsOf(fieldsOf(record)?.["Value"])?.["Value"];
    if (!Number.isInteger(retries) || typeof count !== "number" || (retries as number) < 0) return "has no Key and Value";
    while (this.#counts.length <= (retries as number)) this.#counts.push(0);
    this.#counts[retries as number]! += count;
    return undefined;
  }

  finish(skipped: Skipped): object {
    return { counts: this.#counts, skipped };
  }
}

/** `cilium status -o json` (api/v1/models, `StatusResponse`): one object. */
export class StatusRecords implements Records {
  #status: Fields = {};

  add(record: unknown): string | undefined {
    const fields = fieldsOf(record);
    if (fields === undefined) return "is no status";
    this.#status = fields;
    return undefined;
  }

  finish(skipped: Skipped): object {
    const status = this.#status;
    const at = (...path: readonly string[]): unknown => path.reduce<unknown>((value, name) => fieldsOf(value)?.[name], status);
    const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
    const number = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
    const [flows, size] = [number(at("hubble", "observer", "current-flows")), number(at("hubble", "observer", "max-flows"))];
    const found: AgentStatus = {
      state: text(at("cilium", "state")),
      version: /\bv?(\d+\.\d+\.\d+(?:-[\w.]+)?)/.exec(text(at("cilium", "msg")) ?? "")?.[1],
      cpus: number(at("nodeMonitor", "cpus")),
      dynamicSizeRatio: at("bpf-maps") === undefined ? undefined : (number(at("bpf-maps", "dynamic-size-ratio")) ?? 0),
      maps: listOf(at("bpf-maps", "maps")).map((map) => ({ name: text(map["name"]) ?? "", size: numberOf(map["size"]) })),
      controllers: listOf(at("controllers")).map((controller) => {
        const state = fieldsOf(controller["status"]) ?? {};
        const failure = text(state["last-failure-msg"]) ?? "";
        return {
          name: text(controller["name"]) ?? "",
          lastSuccess: text(state["last-success-timestamp"]) ?? "never",
          lastError: text(state["last-failure-timestamp"]) ?? "never",
          failures: numberOf(state["consecutive-failure-count"]),
          message: failure === "" ? "no error" : failure,
        };
      }),
      clockSource: text(at("clock-source", "mode")),
      clockHertz: number(at("clock-source", "hertz")),
      loadBalancerMode: text(at("kube-proxy-replacement", "features", "nodePort", "mode")),
      maglevTableSize: number(at("kube-proxy-replacement", "features", "nodePort", "lutSize")),
      masquerading: text(at("masquerading", "mode")),
      hostRouting: text(at("host-routing", "mode")),
      hubbleRing: flows === undefined || size === undefined ? undefined : { flows, size },
      skipped,
    };
    return found;
  }
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf).filter((each) => each !== undefined) : [];
}

/** `cilium metrics list -o json` (`models.Metric`, where a value of 0 is left out), or an answer of Prometheus' query API. */
export class MetricsRecords implements Records {
  readonly #series = new SeriesCollector();
  #form: MetricsForm = "list-json";

  add(record: unknown): string | undefined {
    const fields = fieldsOf(record);
    if (fields?.["status"] === "success") return this.#answer(fieldsOf(fields["data"])?.["result"]);
    const name = fields?.["name"];
    if (typeof name !== "string") return "has no name";
    this.#series.add(name, labelsOf(fields!["labels"]), numberOf(fields!["value"]), Number.NaN);
    return undefined;
  }

  finish(skipped: Skipped): object {
    return { form: this.#form, series: this.#series.finish(), skipped };
  }

  /** A vector (`value`) or a matrix (`values`) of pairs: seconds, and the value as text. */
  #answer(result: unknown): string | undefined {
    if (!Array.isArray(result)) return "has no result";
    this.#form = "prometheus";
    for (const each of result) {
      const { __name__: name = "", ...labels } = labelsOf(fieldsOf(each)?.["metric"]);
      const pairs = fieldsOf(each)?.["values"] ?? [fieldsOf(each)?.["value"]];
      if (!Array.isArray(pairs)) return "has a series without values";
      for (const pair of pairs) {
        if (!Array.isArray(pair) || pair.length !== 2) return "has a sample that is no pair of time and value";
        this.#series.add(name, labels, valueOf(String(pair[1])), Number(pair[0]));
      }
    }
    return undefined;
  }
}

function valueOf(text: string): number {
  if (text === "+Inf") return Infinity;
  return text === "-Inf" ? -Infinity : Number(text);
}

function labelsOf(value: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(fieldsOf(value) ?? {}).map(([label, text]) => [label, String(text)]));
}
