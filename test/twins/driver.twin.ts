/** Performs a trace's operations on a plain map twin: everything that does not depend on the kind of map. */
import { fillKey, TraceOp, type TraceResult, type TraceValue } from "../../src/lab/verify/map-trace.js";
import type { TraceDriver } from "../../src/lab/verify/map-model.js";
import { wordsOf, type MapHost, type MapSpec } from "../../src/bpf/spec.js";

/** An element as the twins keep it. */
export interface TwinElement {
  readonly key: TwinKey;
  values: number[];
}

/** A key with its number; equal text means equal key. */
export interface TwinKey {
  readonly id: number;
  readonly words: Int32Array;
  readonly text: string;
}

/** What a twin map must do. Updates write `value` into one copy, or into all when `copy` is null. */
export interface TwinMap {
  update(key: TwinKey, flags: number, cpu: number, copy: number | null, value: number): number;
  find(key: TwinKey): TwinElement | undefined;
  /** A program's lookup; the default has no side effect. */
  touch?(key: TwinKey): void;
  remove(key: TwinKey): number;
  /** Content in iteration order, in groups that a batch does not split. */
  groups(): readonly (readonly TwinElement[])[];
  /** Key that iteration goes on from, where that differs from finding (tries: the very key, not the longest prefix). */
  exact?(key: TwinKey): TwinElement | undefined;
  /** Error for a missing key where it is not -ENOENT. */
  readonly copies: number;
}

export class TwinDriver implements TraceDriver {
  readonly map: TwinMap;
  readonly #spec: MapSpec;
  readonly #firstIds = new Map<string, number>();
  #cpu = 0;

  constructor(map: TwinMap, spec: MapSpec) {
    this.map = map;
    this.#spec = spec;
  }

  run(code: TraceOp, argument: number, number: number): TraceResult {
    const { map } = this;
    switch (code) {
      case TraceOp.userUpdate:
      case TraceOp.userUpdateNoExist:
      case TraceOp.userUpdateExist:
        return map.update(this.#key(argument), code - 1, this.#cpu, null, number);
      case TraceOp.userUpdateBadFlags:
        return map.update(this.#key(argument), 3, this.#cpu, null, number);
      case TraceOp.programUpdate:
      case TraceOp.programUpdateNoExist:
      case TraceOp.programUpdateExist:
        return map.update(this.#key(argument), code - 9, this.#cpu, map.copies === 1 ? 0 : this.#cpu, number);
      case TraceOp.userLookup:
        return this.#read(map.find(this.#key(argument)));
      case TraceOp.programLookup: {
        const found = map.find(this.#key(argument));
        map.touch?.(this.#key(argument));
        return found === undefined ? 0 : this.#programValue(found);
      }
      case TraceOp.userDelete:
      case TraceOp.programDelete:
        return map.remove(this.#key(argument));
      case TraceOp.userLookupAndDelete: {
        const value = this.#read(map.find(this.#key(argument)));
        map.remove(this.#key(argument));
        return value;
      }
      case TraceOp.firstKey:
        return map.groups().flat()[0]?.key.id ?? -2;
      case TraceOp.nextKey: {
        const all = map.groups().flat();
        const key = this.#key(argument);
        const found = map.exact === undefined ? map.find(key) : map.exact(key);
        return all[found === undefined ? 0 : all.indexOf(found) + 1]?.key.id ?? -2;
      }
      case TraceOp.setCpu:
        this.#cpu = argument;
        return 0;
      case TraceOp.checkpoint:
        return map.groups().flat().flatMap((each) => [each.key.id, this.#read(each)] as TraceValue[]);
      case TraceOp.lookupBatches:
        return this.#batches(argument);
      case TraceOp.lookupAndDeleteBatch: {
        const { call, taken } = this.#batch(argument, -1);
        for (const element of taken) map.remove(element.key);
        return [call];
      }
    }
  }

  #key(id: number): TwinKey {
    const words = new Int32Array(wordsOf(this.#spec.keySize));
    fillKey(id, this.#spec.type, this.#spec.keySize, words);
    const text = words.join(" ");
    if (!this.#firstIds.has(text)) this.#firstIds.set(text, id);
    return { id: this.#firstIds.get(text)!, words, text };
  }

  #read(element: TwinElement | undefined): TraceValue {
    if (element === undefined) return -2;
    return element.values.length === 1 ? element.values[0]! : element.values.slice();
  }

  #programValue({ values }: TwinElement): number {
    return values[values.length === 1 ? 0 : this.#cpu]!;
  }

  #batches(capacity: number): TraceResult {
    const calls: number[][] = [];
    let cursor = -1;
    for (;;) {
      const { call } = this.#batch(capacity, cursor);
      calls.push(call);
      if (call[0] !== 0 || call[1] === 0) return calls;
      cursor = call[2]!;
    }
  }

  #batch(capacity: number, cursor: number): { call: number[]; taken: TwinElement[] } {
    const groups = this.map.groups();
    const taken: TwinElement[] = [];
    if (capacity === 0) return { call: [0, 0, -1], taken };
    let bucket = Math.max(cursor, 0);
    if (bucket >= groups.length) return { call: [-2, 0, -1], taken };
    while (bucket < groups.length && taken.length + groups[bucket]!.length <= capacity) taken.push(...groups[bucket++]!);
    const result = bucket === groups.length ? -2 : taken.length === 0 ? -28 : 0;
    return { call: [result, taken.length, bucket, ...taken.map((each) => each.key.id)], taken };
  }
}

/** What every twin is made from. */
export type TwinMaker = (spec: MapSpec, host: MapHost) => TwinMap;
