/** What is said to a load generator or an echo server, and what it answers; see load-generator.ts. */
import type { LoadSettings, OfferedLoad } from "../../verify/testbed/load.js";

export interface GeneratorTask {
  readonly role: "client" | "server";
  readonly address: string;
  readonly clientAddress: string;
  readonly firstPort: number;
  readonly ports: number;
  /** Client port of connection 0. */
  readonly firstClientPort: number;
  readonly offered: OfferedLoad;
  readonly load: LoadSettings;
  /** Time zero and length of the experiment, CLOCK_MONOTONIC ns as text, and s. */
  readonly zeroNs: string;
  readonly lengthS: number;
}

/** Per connection, as in a recording's details. */
export interface GeneratorResult {
  readonly connectUs: readonly number[];
  readonly outcome: readonly number[];
  readonly requests: readonly number[];
  readonly responses: readonly number[];
  /** How late each connection was started, µs. */
  readonly lagUs: readonly number[];
}

/** What a server says once it listens. */
export const READY = "ready";
