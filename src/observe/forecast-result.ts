/** What `ctlab forecast` comes to, as plain data. Nothing depends on the machine. */

/** Version of this shape, raised when a field changes its meaning or goes. */
export const FORECAST_SCHEMA_VERSION = 2;

export interface ForecastResult {
  readonly schemaVersion: typeof FORECAST_SCHEMA_VERSION;
  readonly ctlab: string;
  readonly scenario: { readonly name: string; readonly variant: string | null; readonly hash: string };
  readonly profile: { readonly cilium: string; readonly kernel: string };
  readonly seed: string;
  /** Run numbers: every load is simulated under each of them. */
  readonly runs: readonly number[];
  readonly partial: boolean;
  /** Growth of the load in a month, as a share. */
  readonly growth: number;
  /** Loads that were simulated, as multiples of today's, ascending. */
  readonly loads: readonly number[];
  /** What happens to connections, the earliest first. */
  readonly mechanisms: readonly MechanismForecast[];
  /** Fullest state of the maps at each load, in any run. */
  readonly maps: readonly { readonly map: string; readonly maxEntries: number; readonly peaks: readonly number[] }[];
}

export interface MechanismForecast {
  /** `ct4_global evicts live entries`, `drops: No mapping for NAT masquerade (162)`. */
  readonly name: string;
  /** Largest load up to which no run showed it, 0 when one does today. */
  readonly holdsAt: number;
  /** Smallest load at which a run showed it, and at which every run did; null: at none. */
  readonly seenAt: number;
  readonly breaksAt: number | null;
  /** Months until `holdsAt` and `breaksAt` at the growth asked for. */
  readonly months: { readonly earliest: number; readonly latest: number | null };
  /** At `breaksAt`, else at the largest load: how often, in how many connections, of all runs together; and how many runs showed it. */
  readonly count: number;
  readonly connections: number;
  readonly showing: number;
}
