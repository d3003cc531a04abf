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

/** What every response has. */
export interface Timed {
  readonly time?: Parameters<typeof instantNs>[0] | undefined;
}

/** By time and number only. */
export class ResponseSelection<Response extends Timed> {
  readonly #sinceNs: bigint | undefined;
  readonly #untilNs: bigint | undefined;
  /** Of first: how many are still wanted. */
  #wanted: number;
  /** Of last: the newest ones, as a ring. */
  #kept: Response[] = [];
  #keep: number;
  #next = 0;

  /** Throws FlagError for a request that can't be answered. */
  constructor(request: GetFlowsRequest) {
    const { number, first, since, until } = request;
    const bounded = number !== 0n && number !== ALL_FLOWS;
    if (bounded && !first && number > LAST_MAX) throw new FlagError(`--last must be <= 1_000_000, got ${number}`);
    this.#sinceNs = since === undefined ? undefined : instantNs(since);
    this.#untilNs = until === undefined ? undefined : instantNs(until);
    this.#wanted = bounded && first ? Number(number) : Number.POSITIVE_INFINITY;
    this.#keep = bounded && !first ? Number(number) : 0;
  }

  /** Nothing more is wanted. */
  get done(): boolean {
    return this.#wanted === 0;
  }

  /** It is of the time that is asked for. */
  passes({ time }: Response): boolean {
    if (this.#sinceNs === undefined && this.#untilNs === undefined) return true;
    const at = time === undefined ? 0n : instantNs(time);
    return (this.#sinceNs === undefined || at >= this.#sinceNs) && (this.#untilNs === undefined || at <= this.#untilNs);
  }

  /** Takes a response in; gives it back when it is to be printed now. */
  take(response: Response): Response | undefined {
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
  drain(): readonly Response[] {
    const kept = [...this.#kept.slice(this.#next), ...this.#kept.slice(0, this.#next)];
    this.#kept = [];
    this.#next = 0;
    this.#keep = 0;
    return kept;
  }
}

/** Flows, also by filters. */
export class FlowSelection extends ResponseSelection<GetFlowsResponse> {
  readonly #filters: FlowFilters;

  /** Throws FilterError or FlagError for a request that can't be answered. */
  constructor(request: GetFlowsRequest) {
    super(request);
    this.#filters = flowFilters(request.whitelist, request.blacklist);
  }

  /** The filters let it through, and it is of the time that is asked for. */
  override passes(response: GetFlowsResponse): boolean {
    return super.passes(response) && this.#filters(response.responseTypes.case === "flow" ? response.responseTypes.value : undefined);
  }
}
