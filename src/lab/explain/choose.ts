/** Which connections of a recorded run are to be explained. */
import { refusal } from "../../scenario/diagnostics.js";
import { unknownVariant } from "../input.js";
import type { RecordedConnection } from "../recorded-files.js";
import { parseTraceRequest, tupleText, type TraceRequest } from "../trace/request.js";
import type { RecordedRun, RecordedVariant } from "./recorded-run.js";

export interface Wanted {
  /** `A:p>B:q`, `A:p->B:q` or `WORKLOAD:N`. */
  readonly connection?: string;
  /** How many of the worst. */
  readonly worst?: number;
  /** One connection for each reason for which packets were dropped. */
  readonly dropped?: boolean;
  readonly variant?: string;
}

export interface Chosen {
  readonly variant: RecordedVariant;
  readonly request: TraceRequest;
  /** What the run noted about it; null when it was not among the noted ones. */
  readonly noted: RecordedConnection | null;
}

/** Those that never came through before those that broke, then by how long they took. */
const RANK: Readonly<Record<RecordedConnection["kind"], number>> = { failed: 0, broken: 1, "slow-connect": 2, "slow-answer": 2, dropped: 3 };

/** Throws an `InputError` when the wish can't be met. Empty when the run noted none of the kind. */
export function choose(run: RecordedRun, wanted: Wanted): readonly Chosen[] {
  const names = run.variants.map(({ name }) => name ?? "");
  if (wanted.variant !== undefined && !names.includes(wanted.variant)) throw unknownVariant(run.dir, wanted.variant, names);
  const variants = run.variants.filter(({ name }) => wanted.variant === undefined || name === wanted.variant);
  if (wanted.connection !== undefined) return [named(run, variants, wanted.connection)];
  const picked = [...(wanted.dropped === true ? firstOfEachDrop(variants) : []), ...worst(variants, wanted.worst ?? 0)];
  const seen = new Set<string>();
  return picked.filter(({ variant, request }) => {
    const name = `${variant.name ?? ""} ${request.text}`;
    const fresh = !seen.has(name);
    seen.add(name);
    return fresh;
  });
}

/** Every noted connection of the variants, worst first. */
export function notedWorstFirst(variants: readonly RecordedVariant[]): readonly Chosen[] {
  return variants
    .flatMap((variant) => variant.connections.map((noted) => chosen(variant, noted)))
    .sort((a, b) => RANK[a.noted.kind] - RANK[b.noted.kind] || b.noted.spanNs - a.noted.spanNs || a.noted.atNs - b.noted.atNs);
}

function worst(variants: readonly RecordedVariant[], count: number): readonly Chosen[] {
  const own = new Set<string>();
  const each = notedWorstFirst(variants).filter(({ variant, noted, request }) => {
    const name = `${variant.name ?? ""} ${request.text}`;
    if (noted!.kind === "dropped" || own.has(name)) return false;
    own.add(name);
    return true;
  });
  return each.slice(0, count);
}

function firstOfEachDrop(variants: readonly RecordedVariant[]): readonly Chosen[] {
  return variants.flatMap((variant) => {
    const reasons = new Set<string>();
    return variant.connections.flatMap((noted) => {
      const reason = `${noted.drop?.code} ${noted.drop?.errno}`;
      if (noted.drop === null || reasons.has(reason)) return [];
      reasons.add(reason);
      return [chosen(variant, noted)];
    });
  });
}

function chosen(variant: RecordedVariant, noted: RecordedConnection): Chosen & { readonly noted: RecordedConnection } {
  const { workload, nth } = noted;
  return { variant, noted, request: { kind: "nth", text: `${workload}:${nth}`, workload, nth } };
}

/** The connection of that name, in the one variant that noted it, or in the one that there is. */
function named(run: RecordedRun, variants: readonly RecordedVariant[], text: string): Chosen {
  const workloads = [...new Set(variants.flatMap(({ scenario }) => scenario.workloads.map(({ name }) => name)))];
  const request = parseTraceRequest(text.replace(/(?<!-)>/, "->"), workloads, "--conn");
  const noted = notedWorstFirst(variants).filter(({ noted: each }) => isNamed(request, each!));
  const having = [...new Set(noted.map(({ variant }) => variant))];
  if (having.length === 1) return noted[0]!;
  const [only, ...more] = having.length === 0 ? variants : having;
  if (only !== undefined && more.length === 0) return { variant: only, request, noted: null };
  const choices = [only!, ...more].map(({ name }) => name).join(", ");
  const which = having.length === 0 ? "none of its variants noted this connection" : "several of its variants noted this connection";
  throw refusal(run.dir, `${which}: say which one you mean`, { expected: `--variant with one of ${choices}` });
}

function isNamed(request: TraceRequest, { workload, nth, tuple, protocol }: RecordedConnection): boolean {
  if (request.kind === "nth") return request.workload === workload && request.nth === nth;
  const { source, sourcePort, target, targetPort, ipv6 } = request;
  const sameProtocol = request.protocol === null || (request.protocol === 6) === (protocol === "TCP");
  return sameProtocol && tuple === tupleText(source, sourcePort, target, targetPort, ipv6);
}
