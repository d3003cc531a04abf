/** Hubble's part of a scenario, resolved. */
import type { HubbleShape, PauseShape } from "./hubble-types.js";
import type { ScenarioInput } from "./schema.js";
import type { Happening } from "./types.js";

type HubbleInput = NonNullable<ScenarioInput["observe"]["hubble"]>;
type RelayInput = Extract<ScenarioInput["timeline"][number], { relay: unknown }>["relay"];

export function hubbleOf({ agent, relay, resume }: HubbleInput): HubbleShape {
  return {
    agent: { readNs: agent.read, decodeNs: agent.decode, sendNs: agent.send, pauses: pausesOf(agent.pauses) },
    relay: { replicas: relay.replicas, flowNs: relay.perFlow, pauses: pausesOf(relay.pauses) },
    resume,
  };
}

/** The checks see to it that one of the two is there. */
export function relayOf({ down, restart }: RelayInput): Happening {
  return restart === undefined ? { kind: "relay", downNs: down! } : { kind: "relay-restart", startNs: restart };
}

function pausesOf(pauses: HubbleInput["agent"]["pauses"]): PauseShape | null {
  return pauses === undefined ? null : { every: pauses.every, length: pauses.for };
}
