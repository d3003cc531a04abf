/**
 * Which responses of a file a request gets: filters, then times, then first or last. Stands for the ioReaderClient of hubble
 * 0.12.3. Times are those of the responses, not of their flows; whatever passes counts towards `--first` and `--last`.
 */
import { ALL_FLOWS } from "./command-line.js";
import { flowFilters, type FlowFilters } from "./filter.js";
import { FlagError } from "./flags.js";
import type { GetFlowsRequest, GetFlowsResponse } from "./proto/observer_pb.js";
import { instantNs } from "./times.js";

/** Most that `--last` keeps. */
const LAST_MAX = 1_000_000n;

export class FlowSelection {
  readonly #passes: FlowFilters;
  readonly #sinceNs: bigint | undefined;
  readonly #untilNs: bigint | undefined;
  /** Of first: how many are still wanted. */
  #wanted: number;
  /** Of last: the newest ones, as a ring. */
  #kept: GetFlowsResponse[] = [];
  #keep: number;
  #next = 0;

  /** Throws FilterError or FlagError for a request that can't be answered. */
  constructor(request: GetFlowsRequest) {
    const { number, first, since, until } = request;
    const bounded = number !== 0n && number !== ALL_FLOWS;
    if (bounded && !first && number > LAST_MAX) throw new FlagError(`--last must be <= 1_000_000, got ${number}`);
    this.#passes = flowFilters(request.whitelist, request.blacklist);
    this.#sinceNs = since === undefined ? undefined : instantNs(since);
    this.#untilNs = until === undefined ? undefined : instantNs(until);
    this.#wanted = bounded && first ? Number(number) : Number.POSITIVE_INFINITY;
    this.#keep = bounded && !first ? Number(number) : 0;
  }

  /** Nothing more is wanted. */
  get done(): boolean {
    return this.#wanted === 0;
  }

  /** The filters let it through, and it is of the time that is asked for. */
  passes(response: GetFlowsResponse): boolean {
    return this.#inTime(response) && this.#passes(response.responseTypes.case === "flow" ? response.responseTypes.value : undefined);
  }

  /** Takes a response in; gives it back when it is to be printed now. */
  take(response: GetFlowsResponse): GetFlowsResponse | undefined {
    if (this.done || !this.passes(response)) return undefined;
    if (this.#keep === 0) {
      this.#wanted--;
      return response;
    }
    this.#kept[this.#next] = response;
    this.#next = (this.#next + 1) % this.#keep;
    return undefined;
  }

  /** What `--last` kept, oldest first; from then on responses are given back at once. */
  drain(): readonly GetFlowsResponse[] {
    const kept = [...this.#kept.slice(this.#next), ...this.#kept.slice(0, this.#next)];
    this.#kept = [];
    this.#next = 0;
    this.#keep = 0;
    return kept;
  }

  #inTime({ time }: GetFlowsResponse): boolean {
    if (this.#sinceNs === undefined && this.#untilNs === undefined) return true;
    const at = time === undefined ? 0n : instantNs(time);
    return (this.#sinceNs === undefined || at >= this.#sinceNs) && (this.#untilNs === undefined || at <= this.#untilNs);
  }
}
