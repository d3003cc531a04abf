/** What a scenario says about Hubble: the way of events to whoever reads flows at Relay, and what happens to Relay. */

import { z } from "zod";
import type { Nanoseconds } from "../core/units.js";
import { RESUMES } from "./hubble-types.js";
import { duration, whole } from "./quantities.js";
import { distribution } from "./schema-distribution.js";

const ONE_NS = 1 as Nanoseconds;
const REPLICAS_MAX = 100;

const pauses = z.strictObject({
  every: distribution().describe("From the end of one to the next."),
  for: distribution().describe("How long."),
});

export const hubble = z
  .strictObject({
    agent: z
      .strictObject({
        read: duration().prefault("2us").describe("Taking an event from the perf ring and handing it on."),
        decode: duration().prefault("10us").describe("Making a flow of it."),
        send: duration().prefault("10us").describe("Sending a flow to Relay."),
        pauses: pauses.optional().describe("The agent gets no CPU."),
      })
      .prefault({})
      .describe("CPU time of the agent for one event."),
    relay: z
      .strictObject({
        replicas: whole(1, REPLICAS_MAX).prefault(1).describe("Pods of Relay; a client reads from one of them (Helm hubble.relay.replicas)."),
        perFlow: duration().prefault("5us").describe("Time for one flow of one node; the other nodes send as many."),
        pauses: pauses.optional().describe("Relay stands still, or its client does not read."),
      })
      .prefault({})
      .describe("Hubble Relay."),
    resume: z.enum(RESUMES).prefault("now").describe("What a client asks for when its stream broke: flows from now on, or those since the last one."),
  })
  .describe("Models the way of events through perf rings, queue, Hubble's ring and Relay; without it none is lost there.");

export const relayEvent = z
  .strictObject({
    down: duration({ min: ONE_NS }).optional().describe("How long no connection to the node can be made; Relay tries every 30 s."),
    restart: duration().optional().describe("The replica that is read from ends; how long until the new pod's container runs. Needs observe.hubble."),
  })
  .describe("Hubble Relay loses the node, as when certificates are rotated on one side, or ends: flows are seen on the node, and not read.");
