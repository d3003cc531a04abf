/** What `ctlab verify KIND --live` is told. */
export interface LiveOptions {
  readonly json?: boolean;
  /** Of maps: how many to compare. */
  readonly operations: number;
  /** Of the testbed: how long it runs, and its map. */
  readonly seconds: number;
  readonly map: "hash" | "lru";
  readonly seed: string;
}
