/** Node shapes as people write them on a command line: `16cpu,64Gi`, `96cpu,360Gi:20`, `8cpu,32Gi,60pods:3`. */

import type { Diagnostics } from "./diagnostics.js";
import { nearestName } from "./nearest.js";
import { place, SourceText, type Place } from "./source.js";

export interface NodeShapeInput {
  /** As written, without blanks and the number of nodes. */
  readonly name: string;
  readonly possibleCpus: number;
  /** MemTotal, bytes. */
  readonly totalMemoryBytes: number;
  /** Nodes of this shape. */
  readonly count: number;
  /** Endpoints on such a node; null = not said. */
  readonly pods: number | null;
}

export const NODE_FORM = "CPUs and memory, and if there are several, how many nodes: 16cpu,64Gi or 96cpu,360Gi:20";

/** Most possible CPUs that a kernel is built for (NR_CPUS of x86-64's largest configuration). */
const CPUS_MAX = 8192;
/** Less than this is a slip: an agent alone takes more. */
const MEMORY_MIN = 64 * 1024 ** 2;
const MEMORY_MAX = 1024 ** 5;
const COUNT_MAX = 1_000_000;
/** More than any kubelet is set to. */
const PODS_MAX = 100_000;

const CPU_UNITS = ["cpu", "cpus", "vcpu", "vcpus", "core", "cores"];
const POD_UNITS = ["pod", "pods"];
/** Kubernetes' quantities, also with a B behind; not `kB`, which /proc/meminfo writes for 1024 bytes. */
const MEMORY_UNITS: Readonly<Record<string, number>> = {
  KiB: 1024,
  Ki: 1024,
  MiB: 1024 ** 2,
  Mi: 1024 ** 2,
  GiB: 1024 ** 3,
  Gi: 1024 ** 3,
  TiB: 1024 ** 4,
  Ti: 1024 ** 4,
  B: 1,
  k: 1e3,
  M: 1e6,
  MB: 1e6,
  G: 1e9,
  GB: 1e9,
  T: 1e12,
  TB: 1e12,
};
const UNITS = [...CPU_UNITS, ...Object.keys(MEMORY_UNITS), ...POD_UNITS];

type Quantity = "CPUs" | "memory" | "pods";

/** Reads one shape; mistakes are reported below `source` (`--node`), and then nothing is given. */
export function readNodeShape(source: string, text: string, found: Diagnostics): NodeShapeInput | undefined {
  return new ShapeReader(new SourceText(source, text), found).read();
}

class ShapeReader {
  readonly #source: SourceText;
  readonly #found: Diagnostics;
  readonly #given = new Map<Quantity, number>();
  #failed = false;

  constructor(source: SourceText, found: Diagnostics) {
    this.#source = source;
    this.#found = found;
  }

  read(): NodeShapeInput | undefined {
    const { text } = this.#source;
    const colon = text.indexOf(":");
    const end = colon === -1 ? text.length : colon;
    let start = 0;
    for (const part of text.slice(0, end).split(",")) {
      this.#part(part, start);
      start += part.length + 1;
    }
    const count = colon === -1 ? 1 : this.#count(colon + 1);
    for (const needed of ["CPUs", "memory"] as const) {
      if (!this.#failed && !this.#given.has(needed))
        this.#fail(this.#at(0, end), `the node's ${needed} ${needed === "CPUs" ? "are" : "is"} missing`);
    }
    if (this.#failed) return undefined;
    return {
      name: text.slice(0, end).replace(/\s+/g, ""),
      possibleCpus: this.#given.get("CPUs")!,
      totalMemoryBytes: this.#given.get("memory")!,
      count,
      pods: this.#given.get("pods") ?? null,
    };
  }

  #at(start: number, end: number): Place {
    return place(this.#source, start, end);
  }

  #fail(at: Place, message: string, nearest?: string): void {
    this.#failed = true;
    this.#found.error(at, message, { expected: NODE_FORM, nearest });
  }

  /** A number with a unit: `16cpu`, `64Gi`, `60pods`. */
  #part(part: string, start: number): void {
    const at = this.#at(start, start + part.length);
    const match = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(part);
    if (match === null) {
      this.#fail(at, part.trim() === "" ? "a quantity is missing" : `"${part.trim()}" is no number with a unit`);
      return;
    }
    const [, digits, unit] = match as unknown as [string, string, string];
    if (CPU_UNITS.includes(unit)) this.#give("CPUs", Number(digits), [1, CPUS_MAX], at);
    else if (POD_UNITS.includes(unit)) this.#give("pods", Number(digits), [0, PODS_MAX], at);
    else if (Object.hasOwn(MEMORY_UNITS, unit))
      this.#give("memory", Math.trunc(Number(digits) * MEMORY_UNITS[unit]!), [MEMORY_MIN, MEMORY_MAX], at);
    else if (unit === "") this.#fail(at, `${digits} has no unit`);
    else {
      const nearest = nearestName(unit, UNITS);
      this.#fail(at, `"${unit}" is no unit of CPUs, memory or pods`, nearest === undefined ? undefined : `${digits}${nearest}`);
    }
  }

  #give(what: Quantity, value: number, [least, most]: readonly [number, number], at: Place): void {
    if (this.#given.has(what)) this.#fail(at, `the node's ${what} ${what === "memory" ? "stands" : "stand"} there twice`);
    else if (!Number.isInteger(value)) this.#fail(at, `${what} can't be a fraction`);
    else if (value < least)
      this.#fail(at, what === "memory" ? "that is too little memory for a node" : `at least ${least} ${what} are needed`);
    else if (value > most)
      this.#fail(at, what === "memory" ? "that is more memory than any node has" : `at most ${most} ${what} are possible`);
    this.#given.set(what, value);
  }

  /** Behind the colon. */
  #count(start: number): number {
    const text = this.#source.text.slice(start).trim();
    const count = /^\d{1,7}$/.test(text) ? Number(text) : 0;
    if (count >= 1 && count <= COUNT_MAX) return count;
    this.#fail(this.#at(start, this.#source.text.length), `"${text}" is no number of nodes`);
    return 1;
  }
}
