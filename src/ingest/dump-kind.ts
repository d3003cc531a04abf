/** The kinds of files that an operator has, and the errors about them. */

/** What a file holds. Values as `--json` shows them. */
export const DUMP_KIND = {
  conntrack: "conntrack",
  nat: "nat",
  natRetries: "nat-retries",
  status: "status",
  metrics: "metrics",
  flows: "flows",
  helmValues: "helm-values",
} as const;
export type DumpKind = (typeof DUMP_KIND)[keyof typeof DUMP_KIND];

/** The command or file that people know a kind by. */
export const DUMP_KIND_TEXT: Readonly<Record<DumpKind, string>> = {
  conntrack: "cilium bpf ct list global",
  nat: "cilium bpf nat list",
  "nat-retries": "cilium bpf nat retries list",
  status: "cilium status --verbose",
  metrics: "cilium metrics list or a scrape of Prometheus metrics",
  flows: "Hubble flows (JSON lines)",
  "helm-values": "Helm values",
};

/** A dump can't be used; the message says which, and why. */
export class DumpError extends Error {
  override readonly name = "DumpError";
}

/** The file is clearly of another kind than asked for. */
export class WrongKindError extends DumpError {
  readonly wanted: DumpKind;
  readonly seems: DumpKind;

  constructor(path: string, wanted: DumpKind, seems: DumpKind) {
    super(`${path}: this is not ${DUMP_KIND_TEXT[wanted]}; it looks like ${DUMP_KIND_TEXT[seems]}`);
    this.wanted = wanted;
    this.seems = seems;
  }
}
