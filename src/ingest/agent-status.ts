/** `cilium status --verbose` (pkg/client/client.go, `FormatStatusResponse`): what diagnosing needs of it. */
import type { Skipped } from "./skipped.js";

export interface StatusMap {
  /** As printed, such as "TCP connection tracking". */
  readonly name: string;
  readonly size: number;
}

export interface StatusController {
  readonly name: string;
  /** As printed, such as "12s ago" or "never". */
  readonly lastSuccess: string;
  readonly lastError: string;
  /** Failures in a row. */
  readonly failures: number;
  readonly message: string;
}

/** Every part may be missing: versions differ, and people cut. */
export interface AgentStatus {
  /** Such as "1.14.5". */
  readonly version: string | undefined;
  /** `Ok`, `Warning`, `Failure` … of the line `Cilium:`. */
  readonly state: string | undefined;
  /** CPUs that the node monitor listens on. */
  readonly cpus: number | undefined;
  /** `on (ratio: 0.0025)`; 0 when off. */
  readonly dynamicSizeRatio: number | undefined;
  readonly maps: readonly StatusMap[];
  readonly controllers: readonly StatusController[];
  /** `ktime` or `jiffies`. */
  readonly clockSource: string | undefined;
  /** Ticks a second, of jiffies only. */
  readonly clockHertz: number | undefined;
  /** `SNAT`, `DSR`, `Hybrid`. */
  readonly loadBalancerMode: string | undefined;
  readonly maglevTableSize: number | undefined;
  /** Such as "BPF". */
  readonly masquerading: string | undefined;
  /** `Legacy` or `BPF`. */
  readonly hostRouting: string | undefined;
  /** Flows in Hubble's ring and its size. */
  readonly hubbleRing: { readonly flows: number; readonly size: number } | undefined;
  readonly skipped: Skipped;
}

