/** What a filter is made of. */
import type { Flow } from "./proto/flow_pb.js";
import type { UnknownValue } from "./unknown-value.js";

/** One condition. `flow` is an empty flow when the response holds none, and `present` false. */
export type FlowTest = (flow: Flow, present: boolean) => boolean;

/** A filter can't be used; the message is the client's. */
export class FilterError extends Error {
  override readonly name = "FilterError";
  readonly value: UnknownValue | undefined;

  /** `value`: what is none of a fixed set. */
  constructor(message: string, value?: UnknownValue) {
    super(message);
    this.value = value;
  }
}

/** A pattern's error as that of the filter. */
export function usable<Result>(build: () => Result): Result {
  try {
    return build();
  } catch (error) {
    throw new FilterError((error as Error).message);
  }
}
