/** The classifier in this machine's kernel: its maps, its program pinned for `tc`, the GC loop's pass, and its log. */
import { MapType } from "../../../bpf/spec.js";
import { conntrackSpec, KEY_BYTES, VALUE_BYTES, type ClassifierSettings } from "../../verify/testbed/classifier.js";
import { EventCode } from "../../verify/testbed/recording.js";
import { loadProgram, ProgramType } from "../assembler.js";
import { createKernelMap } from "../kernel-map.js";
import { ATTRIBUTE_BYTES, BpfCommand, fixedBuffer, type Kernel } from "../syscall.js";
import { classifierCode, EVENT_BYTES, EVENTS_MAX, LIFETIME, LOG_BYTES, LOG_HEADER_BYTES } from "./program.js";

const NS_PER_MS = 1_000_000n;

export interface KernelEvent {
  /** CLOCK_MONOTONIC, ns. */
  readonly atNs: bigint;
  /** `EventCode`. */
  readonly code: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** What a pass of the collector did. */
export interface KernelPass {
  readonly scanned: number;
  readonly deleted: number;
}

export class KernelClassifier {
  readonly #kernel: Kernel;
  readonly #conntrack: number;
  readonly #log: number;
  readonly #program: number;
  /** Room for all entries in one batch call. */
  readonly #keys: Buffer;
  readonly #values: Buffer;
  readonly #capacity: number;

  /** Throws when the kernel refuses a map or the program. */
  constructor(kernel: Kernel, settings: ClassifierSettings) {
    this.#kernel = kernel;
    this.#capacity = settings.maxEntries;
    this.#keys = fixedBuffer(this.#capacity * KEY_BYTES);
    this.#values = fixedBuffer(this.#capacity * VALUE_BYTES);
    this.#conntrack = mustMake(kernel, conntrackSpec(settings));
    this.#log = mustMake(kernel, { name: "testbed_log", type: MapType.array, keySize: 4, valueSize: LOG_BYTES, maxEntries: 1, flags: 0 });
    this.#program = loadProgram(kernel, ProgramType.schedCls, classifierCode(settings, this.#conntrack, this.#log));
  }

  /** Gives the program a path, for `tc`. */
  pin(path: string): void {
    const attribute = fixedBuffer(ATTRIBUTE_BYTES);
    const name = fixedBuffer(path.length + 1);
    name.write(path, "latin1");
    this.#kernel.point(attribute, 0, name);
    attribute.writeUInt32LE(this.#program, 8);
    const result = this.#kernel.bpf(BpfCommand.objectPin, attribute);
    if (result < 0) throw new Error(`pinning the program at ${path} failed (errno ${-result})`);
  }

  /** Entries in the map now. */
  count(): number {
    return this.#readAll();
  }

  /** Deletes what is past its lifetime at `nowNs`, CLOCK_MONOTONIC. */
  collect(nowNs: bigint): KernelPass {
    const nowMs = nowNs / NS_PER_MS;
    const scanned = this.#readAll();
    const attribute = fixedBuffer(ATTRIBUTE_BYTES);
    const key = fixedBuffer(KEY_BYTES);
    attribute.writeUInt32LE(this.#conntrack, 0);
    this.#kernel.point(attribute, 8, key);
    let deleted = 0;
    for (let i = 0; i < scanned; i++) {
      if (this.#values.readBigUInt64LE(i * VALUE_BYTES + LIFETIME) >= nowMs) continue;
      this.#keys.copy(key, 0, i * KEY_BYTES, (i + 1) * KEY_BYTES);
      if (this.#kernel.bpf(BpfCommand.mapDelete, attribute) === 0) deleted++;
    }
    return { scanned, deleted };
  }

  /** What the program has noted, in the order of time; `lost`: events for which the log had no room. */
  events(): { readonly events: readonly KernelEvent[]; readonly lost: number } {
    const attribute = fixedBuffer(ATTRIBUTE_BYTES);
    const log = fixedBuffer(LOG_BYTES);
    attribute.writeUInt32LE(this.#log, 0);
    this.#kernel.point(attribute, 8, fixedBuffer(4));
    this.#kernel.point(attribute, 16, log);
    const result = this.#kernel.bpf(BpfCommand.mapLookup, attribute);
    if (result < 0) throw new Error(`reading the log failed (errno ${-result})`);
    const noted = Number(log.readBigUInt64LE(0));
    const count = Math.min(noted, EVENTS_MAX);
    const events = Array.from({ length: count }, (_, i) => {
      const at = LOG_HEADER_BYTES + i * EVENT_BYTES;
      return {
        atNs: log.readBigUInt64LE(at),
        sourcePort: log.readUInt16BE(at + 8),
        destinationPort: log.readUInt16BE(at + 10),
        code: log.readUInt32LE(at + 12),
      };
    });
    return { events: events.sort((a, b) => Number(a.atNs - b.atNs)), lost: noted - count };
  }

  close(): void {
    for (const fd of [this.#program, this.#log, this.#conntrack]) this.#kernel.close(fd);
  }

  /** All entries into `#keys` and `#values`; how many. */
  #readAll(): number {
    const attribute = fixedBuffer(ATTRIBUTE_BYTES);
    const cursor = fixedBuffer(8);
    this.#kernel.point(attribute, 8, cursor);
    this.#kernel.point(attribute, 16, this.#keys);
    this.#kernel.point(attribute, 24, this.#values);
    attribute.writeUInt32LE(this.#capacity, 32);
    attribute.writeUInt32LE(this.#conntrack, 36);
    const result = this.#kernel.bpf(BpfCommand.mapLookupBatch, attribute);
    // ENOENT: the walk has come to the map's end.
    if (result < 0 && result !== -ENOENT) throw new Error(`walking the map failed (errno ${-result})`);
    return attribute.readUInt32LE(32);
  }
}

const ENOENT = 2;

/** Codes of events that a SYN leaves. */
export const SYN_EVENTS: readonly number[] = [
  EventCode.synNew, EventCode.synRefused, EventCode.synError, EventCode.synMatch, EventCode.synReopened,
];

function mustMake(kernel: Kernel, spec: Parameters<typeof createKernelMap>[1]): number {
  const fd = createKernelMap(kernel, spec);
  if (fd < 0) throw new Error(`${spec.name}: map creation failed (errno ${-fd})`);
  return fd;
}
