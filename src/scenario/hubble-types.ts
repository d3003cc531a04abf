/** What a scenario says about the way of events to whoever reads Hubble's flows. */
import type { Nanoseconds } from "../core/units.js";
import type { Distribution } from "./types.js";

/** From time to time a process gets no CPU, or its reader does not take what it sends. */
export interface PauseShape {
  /** From the end of one to the next. */
  readonly every: Distribution;
  readonly length: Distribution;
}

/** Where Relay's client goes on after its stream broke: with the newest flow, or after the last one that it got. */
export const RESUMES = ["now", "since"] as const;
export type Resume = (typeof RESUMES)[number];

export interface HubbleShape {
  /** CPU time of the agent for one event. */
  readonly agent: {
    /** Taking it from the perf ring and handing it to Hubble. */
    readonly readNs: Nanoseconds;
    readonly decodeNs: Nanoseconds;
    /** Sending it to Relay. */
    readonly sendNs: Nanoseconds;
    readonly pauses: PauseShape | null;
  };
  readonly relay: {
    readonly replicas: number;
    /** For one flow of one node. */
    readonly flowNs: Nanoseconds;
    /** Also when its client does not read. */
    readonly pauses: PauseShape | null;
  };
  readonly resume: Resume;
}
