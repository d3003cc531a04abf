/**
 * `cilium status --verbose` (pkg/client/client.go, `FormatStatusResponse`, through a tab writer that pads columns with blanks;
 * 1.14 to 1.19): single lines `Title:   text`, and tables indented by two blanks below `Controller Status` and `BPF Maps`.
 */
import type { AgentStatus, StatusController, StatusMap } from "./agent-status.js";
import { SkipLog } from "./skipped.js";

type Section = "controllers" | "maps" | "other";

const TITLE = /^([A-Z][\w./ -]*?):(?:\s+(.*))?$/;
const COLUMNS = /\s{2,}/;
const CONTROLLER_COLUMNS = 5;
const TABLE_HEAD = /^Name\s+(?:Last success|Size)\b/;

export class StatusText {
  readonly #titles = new Map<string, string>();
  readonly #details = new Map<string, string>();
  readonly #maps: StatusMap[] = [];
  readonly #controllers: StatusController[] = [];
  readonly #skips = new SkipLog();
  #section: Section = "other";
  #line = 0;

  add(line: string): void {
    this.#line++;
    const text = line.trimEnd();
    if (text.trim() === "") return;
    if (/^\s/.test(text)) this.#indented(text.trim());
    else this.#title(text);
  }

  finish(): AgentStatus {
    const first = (text: string | undefined, pattern: RegExp): string | undefined => (text === undefined ? undefined : pattern.exec(text)?.[1]);
    const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));
    const title = (name: string): string | undefined => this.#titles.get(name);
    const ring = /Current\/Max Flows: (\d+)\/(\d+)/.exec(title("Hubble") ?? "");
    const sizing = title("BPF Maps");
    return {
      state: first(title("Cilium"), /^(\w+)/),
      version: first(title("Cilium"), /\bv?(\d+\.\d+\.\d+(?:-[\w.]+)?)/),
      cpus: number(first(title("NodeMonitor"), /on (\d+) CPUs/)),
      dynamicSizeRatio: sizing === undefined ? undefined : Number(first(sizing, /ratio: ([\d.]+)/) ?? 0),
      maps: this.#maps,
      controllers: this.#controllers,
      clockSource: first(title("Clock Source for BPF"), /^(\w+)/),
      clockHertz: number(first(title("Clock Source for BPF"), /\[(\d+) Hz\]/)),
      loadBalancerMode: this.#details.get("Mode"),
      maglevTableSize: number(first(this.#details.get("Backend Selection"), /Table Size: (\d+)/)),
      masquerading: first(title("Masquerading"), /^([^\s[]+)/),
      hostRouting: first(title("Host Routing") ?? first(title("Routing"), /Host: (.+)$/), /^(\w+)/),
      hubbleRing: ring === null ? undefined : { flows: Number(ring[1]), size: Number(ring[2]) },
      skipped: this.#skips.result(),
    };
  }

  #title(text: string): void {
    const found = TITLE.exec(text);
    if (found === null) {
      this.#skips.note(this.#line, "is no line of a status");
      return;
    }
    const [, name, value = ""] = found;
    this.#titles.set(name!, value);
    this.#section = name === "Controller Status" ? "controllers" : name === "BPF Maps" ? "maps" : "other";
  }

  #indented(text: string): void {
    if (TABLE_HEAD.test(text)) return;
    if (this.#section === "maps") this.#map(text);
    else if (this.#section === "controllers") this.#controller(text);
    else this.#detail(text);
  }

  #map(text: string): void {
    const found = /^(.+?)\s+(\d+)$/.exec(text);
    if (found === null) this.#skips.note(this.#line, "is no map with its size");
    else this.#maps.push({ name: found[1]!, size: Number(found[2]) });
  }

  #controller(text: string): void {
    const [name, lastSuccess, lastError, failures, ...message] = text.split(COLUMNS);
    if (message.length + CONTROLLER_COLUMNS - 1 < CONTROLLER_COLUMNS || !/^\d+$/.test(failures ?? "")) {
      this.#skips.note(this.#line, "is no controller");
      return;
    }
    this.#controllers.push({ name: name!, lastSuccess: lastSuccess!, lastError: lastError!, failures: Number(failures), message: message.join("  ") });
  }

  #detail(text: string): void {
    const found = /^(?:- )?([^:]+):\s+(.+)$/.exec(text);
    if (found !== null && !this.#details.has(found[1]!)) this.#details.set(found[1]!, found[2]!);
  }
}

/** Reads a whole status. */
export function parseStatusText(lines: Iterable<string>): AgentStatus {
  const reader = new StatusText();
  for (const line of lines) reader.add(line);
  return reader.finish();
}
