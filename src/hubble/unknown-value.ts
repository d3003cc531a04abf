/** A value that is none of a fixed set. The message is the client's, word for word; what was meant is for others to guess. */

export interface UnknownValue {
  /** What is wrong; maybe a part of the flag's value. */
  readonly written: string;
  readonly names: readonly string[];
}

export class UnknownValueError extends Error {
  override readonly name = "UnknownValueError";
  readonly unknown: UnknownValue;

  constructor(message: string, unknown: UnknownValue) {
    super(message);
    this.unknown = unknown;
  }
}
