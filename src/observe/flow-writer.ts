/** Writes flows as JSON lines, up to a cap, and counts. The lines are gathered, so that the sink is called rarely. */
import type { FlowRow } from "./flow-row.js";
import type { FlowEncoder } from "./hubble-flow.js";
import { LineBytes } from "./line-bytes.js";

/** Whoever takes the lines: a file of the run folder. */
export interface FlowSink {
  /** Whole lines in UTF-8, good during the call only. */
  write(lines: Uint8Array): void;
  /** Takes events of the agent as lines, which are no flows; a sink without it gets none. */
  readonly event?: (line: string) => void;
}

/** Bytes gathered before the sink is called; they stay in a core's own cache. */
const GATHERED_MAX = 64 * 1024;
/** Room beside them for the line that fills them up. */
const LINE_ROOM = 16 * 1024;

export class FlowWriter {
  readonly #sink: FlowSink;
  readonly #encoder: FlowEncoder;
  readonly #max: number;
  readonly #gathered = new LineBytes(GATHERED_MAX + LINE_ROOM);
  #cut = false;
  /** Lines given to the sink or gathered for it. */
  written = 0;

  /** `max`: flows beyond it are dropped here, and counted by whoever calls. */
  constructor(sink: FlowSink, encoder: FlowEncoder, max: number) {
    this.#sink = sink;
    this.#encoder = encoder;
    this.#max = max;
  }

  /** True while nothing is written: the cap is reached, or the reader is cut off. */
  get full(): boolean {
    return this.#cut || this.written >= this.#max;
  }

  /** The reader loses the node, and notes it. */
  cut(atNs: number): void {
    this.#cut = true;
    this.#gathered.putText(this.#encoder.nodeStatusLine("NODE_UNAVAILABLE", atNs));
  }

  /** The reader has the node again. */
  reconnect(atNs: number): void {
    this.#cut = false;
    this.#gathered.putText(this.#encoder.nodeStatusLine("NODE_CONNECTED", atNs));
  }

  /** Events were lost on their way; said as long as flows are written. */
  lost(source: string, count: number, cpu: number | null, atNs: number): void {
    if (!this.full) this.#gathered.putText(this.#encoder.lostLine(source, count, cpu, atNs));
  }

  /** `number`: which event of the run it is, from 0. */
  write(row: FlowRow, number: number): void {
    if (this.full) return;
    this.written++;
    this.#encoder.put(row, number, this.#gathered);
    if (this.#gathered.length >= GATHERED_MAX) this.flush();
  }

  /** Hands over what is gathered; to be called at the end of the run, also of an interrupted one. */
  flush(): void {
    if (this.#gathered.length === 0) return;
    this.#sink.write(this.#gathered.bytes());
    this.#gathered.clear();
  }
}
