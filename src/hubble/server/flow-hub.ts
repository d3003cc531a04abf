/** The nodes that a server knows, and who waits for what they see next. */
import type { GetFlowsResponse } from "../proto/observer_pb.js";
import { NodeState } from "../proto/relay_pb.js";
import { instantNs } from "../times.js";
import type { FlowHistory, NodeEvent } from "./flow-history.js";

export class FlowHub {
  readonly nodes: readonly FlowHistory[];
  readonly #waiting = new Set<() => void>();
  /** Time of the newest response, ns since 1970. */
  nowNs = 0n;

  constructor(nodes: readonly FlowHistory[]) {
    this.nodes = nodes;
  }

  /** A node has seen something, or Relay says something about it. Call `wake` when several are in. */
  add(node: FlowHistory, response: GetFlowsResponse): void {
    const { responseTypes } = response;
    if (responseTypes.case === "nodeStatus") {
      if (responseTypes.value.stateChange === NodeState.NODE_UNAVAILABLE) node.connected = false;
      if (responseTypes.value.stateChange === NodeState.NODE_CONNECTED) node.connected = true;
    }
    node.add(response);
    const { ns } = node.at(node.added - 1);
    if (ns > this.nowNs) this.nowNs = ns;
  }

  /** The same for an event that is no flow. */
  addEvent(node: FlowHistory, event: NodeEvent): void {
    node.addEvent(event);
    const ns = event.time === undefined ? 0n : instantNs(event.time);
    if (ns > this.nowNs) this.nowNs = ns;
  }

  /** Streams that have sent all there was go on. */
  wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const go of waiting) go();
  }

  /** Resolves when something has come since, or the signal is aborted. */
  async change(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        this.#waiting.delete(go);
        signal.removeEventListener("abort", go);
        resolve();
      };
      this.#waiting.add(go);
      signal.addEventListener("abort", go);
    });
  }
}
