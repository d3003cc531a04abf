/** Parsed JSON into messages, as hubble 0.12.3's io_reader_observer.go: an unknown field is noted once and tolerated, an unknown name refused. */
import type { DescMessage, JsonObject, MessageShape } from "@bufbuild/protobuf";
import { fromProtoJson } from "./json.js";
import type { ClientRelease } from "./names.js";
import { knownFields } from "./release-fields.js";

/** What was wrong with lines; those of exporters that hold agent or debug events are not wrong, yet no flows. */
export interface ReadingProblems {
  /** Called for each line that is skipped. */
  skipped(reason: string): void;
  /** Called for each name of a field that nobody knows, when it is seen first. */
  unknownField(name: string): void;
}

/** Of lines that were written by this program. */
export const SILENT: ReadingProblems = { skipped() {}, unknownField() {} };

/** Shown of a line's error. */
const REASON_LENGTH = 200;

export class MessageReader {
  readonly #release: ClientRelease;
  readonly #problems: ReadingProblems;
  readonly #noted = new Set<string>();

  constructor(release: ClientRelease, problems: ReadingProblems) {
    this.#release = release;
    this.#problems = problems;
  }

  /** The message, with a note of the fields that nobody knows. Throws an Error that says what is wrong. */
  message<Schema extends DescMessage>(schema: Schema, json: JsonObject): MessageShape<Schema> {
    if (this.#release === "latest") {
      try {
        return fromProtoJson(schema, json);
      } catch {
        // Once more without unknown fields; if that was not what is wrong, it fails again.
      }
    }
    const unknown: string[] = [];
    const message = fromProtoJson(schema, knownFields(schema, json, this.#release, unknown));
    for (const name of unknown) {
      if (this.#noted.has(name)) continue;
      this.#noted.add(name);
      this.#problems.unknownField(name);
    }
    return message;
  }

  /** The line is skipped. */
  skip(error: unknown): undefined {
    this.#problems.skipped((error as Error).message.slice(0, REASON_LENGTH));
    return undefined;
  }
}
