/** What `ctlab forecast` comes to, as plain data. Nothing depends on the machine. */

/** Version of this shape, raised when a field changes its meaning or goes. */
export const FORECAST_SCHEMA_VERSION = 1;

export interface ForecastResult {
  readonly schemaVersion: typeof FORECAST_SCHEMA_VERSION;
  readonly ctlab: string;
  readonly scenario: { readonly name: string; readonly variant: string | null; readonly hash: string };
  readonly profile: { readonly cilium: string; readonly kernel: string };
  readonly seed: string;
  readonly run: number;
  readonly partial: boolean;
  /** Growth of the load in a month, as a share. */
  readonly growth: number;
  /** Loads that were simulated, as multiples of today's, ascending. */
  readonly loads: readonly number[];
  /** What happens to connections, the earliest first. */
  readonly mechanisms: readonly MechanismForecast[];
  /** Fullest state of the maps at each load. */
  readonly maps: readonly { readonly map: string; readonly maxEntries: number; readonly peaks: readonly number[] }[];
}

export interface MechanismForecast {
  /** `ct4_global evicts live entries`, `drops: No mapping for NAT masquerade (162)`. */
  readonly name: string;
  /** Largest load simulated without it, 0 when it is there today; smallest with it. */
  readonly holdsAt: number;
  readonly breaksAt: number;
  /** Months until then at the growth asked for. */
  readonly months: { readonly earliest: number; readonly latest: number };
  /** At `breaksAt`. */
  readonly count: number;
  readonly connections: number;
}
