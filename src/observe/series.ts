/** Samples of named columns at equal steps of simulated time, preallocated for the whole run. */
import type { Series } from "./result.js";

export interface SeriesSource {
  readonly name: string;
  readonly unit: string;
  /** Read at every step; must not change anything. */
  readonly read: () => number;
  /** No column when it was zero throughout. */
  readonly unlessZero?: true;
}

export class SeriesRecorder {
  readonly stepNs: number;
  readonly #sources: readonly SeriesSource[];
  readonly #values: readonly Float64Array[];
  readonly #timeNs: Float64Array;
  #samples = 0;

  constructor(stepNs: number, durationNs: number, sources: readonly SeriesSource[]) {
    const length = Math.floor(durationNs / stepNs) + 2;
    this.stepNs = stepNs;
    this.#sources = sources;
    this.#values = sources.map(() => new Float64Array(length));
    this.#timeNs = new Float64Array(length);
  }

  sample(atNs: number): void {
    const row = this.#samples++;
    this.#timeNs[row] = atNs;
    for (let column = 0; column < this.#sources.length; column++) {
      this.#values[column]![row] = this.#sources[column]!.read();
    }
  }

  toSeries(): Series {
    return {
      stepNs: this.stepNs,
      timeNs: Array.from(this.#timeNs.subarray(0, this.#samples)),
      columns: this.#sources.flatMap(({ name, unit, unlessZero }, column) => {
        const values = Array.from(this.#values[column]!.subarray(0, this.#samples));
        return unlessZero === true && values.every((value) => value === 0) ? [] : [{ name, unit, values }];
      }),
    };
  }
}
