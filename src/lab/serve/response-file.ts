/** Responses from a file of JSON lines, one by one, as an exporter or `hubble observe -o jsonpb` writes them. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { FlowLineReader } from "../../hubble/line-reader.js";
import type { GetFlowsResponse } from "../../hubble/proto/observer_pb.js";
import { instantNs } from "../../hubble/times.js";

export interface RecordedResponse {
  /** When it is due, ns since 1970: its time, but never before the one that it follows. */
  readonly ns: bigint;
  readonly response: GetFlowsResponse;
}

/** Lines that could not be read. */
export interface SkippedLines {
  skipped: number;
  firstReason: string | null;
}

export class ResponseFile {
  readonly #lines: AsyncIterator<string>;
  readonly #close: () => void;
  readonly #parse: FlowLineReader;
  #lastNs = 0n;

  constructor(path: string, problems: SkippedLines) {
    const input = createReadStream(path, "utf8");
    const lines = createInterface({ input, crlfDelay: Infinity });
    this.#lines = lines[Symbol.asyncIterator]();
    this.#close = () => {
      lines.close();
      input.destroy();
    };
    this.#parse = new FlowLineReader("latest", {
      skipped: (reason) => {
        problems.skipped++;
        problems.firstReason ??= reason;
      },
      unknownField: () => {},
    });
  }

  /** The next response that can be read; null at the end. */
  async next(): Promise<RecordedResponse | null> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) return null;
      const response = this.#parse.read(value);
      if (response === undefined || response.responseTypes.case === undefined) continue;
      const ns = response.time === undefined ? this.#lastNs : instantNs(response.time);
      if (ns > this.#lastNs) this.#lastNs = ns;
      return { ns: this.#lastNs, response };
    }
  }

  close(): void {
    this.#close();
  }
}

/** Lines that are looked through for the node's name. */
const LINES_LOOKED_AT = 100;
/** Of a file that never tells. */
const UNNAMED = "node";

/** The name that the first responses of a file give their node. */
export async function firstNodeName(path: string): Promise<string> {
  const file = new ResponseFile(path, { skipped: 0, firstReason: null });
  try {
    for (let n = 0; n < LINES_LOOKED_AT; n++) {
      const next = await file.next();
      if (next === null) break;
      if (next.response.nodeName !== "") return next.response.nodeName;
    }
    return UNNAMED;
  } finally {
    file.close();
  }
}

/** Gives a response to another node. */
export function rename(response: GetFlowsResponse, name: string): void {
  response.nodeName = name;
  if (response.responseTypes.case === "flow") response.responseTypes.value.nodeName = name;
  if (response.responseTypes.case === "nodeStatus") response.responseTypes.value.nodeNames = [name];
}
