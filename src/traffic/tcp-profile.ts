/**
 * TCP's facts by kernel and by setting: what decides when a peer sends, retries and gives up.
 *
 * Times are in the kernel's own unit where its rounding shows: milliseconds as a sysctl takes them, turned into
 * jiffies by `TcpHost`. "measured" means recorded on Linux 6.18 (test/vectors/testbed); the other sources are files
 * and symbols of the kernel, or names of sysctls (Documentation/networking/ip-sysctl.rst).
 */

/** One network namespace's TCP settings on one kernel. A plain object: callers override single fields. */
export interface TcpProfile {
  /** Timer interrupts per second, CONFIG_HZ. Distributions mostly build 250 (Debian, Ubuntu to 24.04) or 1000. */
  readonly hz: 100 | 250 | 300 | 1000;
  /** Initial retransmission time-out, ms. TCP_TIMEOUT_INIT, or a sock_ops program's answer to TIMEOUT_INIT. */
  readonly initialRtoMs: number;
  /** `tcp_syn_retries`. */
  readonly synRetries: number;
  /** `tcp_syn_linear_timeouts`: how many SYN time-outs pass before the interval starts to double. */
  readonly synLinearTimeouts: number;
  /** `tcp_synack_retries`. */
  readonly synAckRetries: number;
  /** `tcp_retries2`: retransmissions, in terms of the model time-out, of an open connection's data. */
  readonly retries2: number;
  /** `tcp_orphan_retries`, where 0 stands for 8 as in the kernel: the same once the application has closed. */
  readonly orphanRetries: number;
  /** Floor of the RTO's variance term, ms: `tcp_rto_min_us` or the route attribute `rto_min`. */
  readonly rtoMinMs: number;
  /** Longest retransmission time-out, ms: TCP_RTO_MAX, `tcp_rto_max_ms` where the kernel has it. */
  readonly rtoMaxMs: number;
  /** Whether a tail loss probe stands before the first RTO (`tcp_early_retrans` 3 or 4). */
  readonly tailLossProbe: boolean;
  /** `tcp_fin_timeout`, s: how long a socket that nobody owns waits in FIN_WAIT2. */
  readonly finTimeoutS: number;
  /** TIME_WAIT, s: TCP_TIMEWAIT_LEN, not adjustable. */
  readonly timeWaitS: number;
  /** `tcp_tw_reuse`: 0 never, 1 always, 2 on loopback only; a TIME_WAIT port is taken again after one second. */
  readonly twReuse: 0 | 1 | 2;
  /** `ip_local_port_range`, both ends included. */
  readonly localPortRange: readonly [number, number];
  /** `tcp_keepalive_time`, `tcp_keepalive_intvl`, s, and `tcp_keepalive_probes`: for sockets with SO_KEEPALIVE. */
  readonly keepAliveTimeS: number;
  readonly keepAliveIntervalS: number;
  readonly keepAliveProbes: number;
  /** Length of the SYN queue and of the accept queue of a listener: the smaller of backlog and `somaxconn`. */
  readonly backlog: number;
  /** `tcp_syncookies`: 0 off, 1 when the SYN queue overflows, 2 always. */
  readonly synCookies: 0 | 1 | 2;
  /** Replies after which a side counts as interactive and no longer acknowledges at once. TCP_PINGPONG_THRESH. */
  readonly pingPongThreshold: number;
  /** Payload of a full segment, bytes: MTU 1500 less 20 IP, 20 TCP and 12 time stamp option. */
  readonly segmentBytes: number;
  /** Initial congestion window, segments: TCP_INIT_CWND. */
  readonly initialWindow: number;
}

/** First kernel with `tcp_syn_linear_timeouts` and its default of 4 (commit ccce324dabfe, v6.5). */
const LINEAR_TIMEOUTS_SINCE: KernelRelease = [6, 5];

/** Kernel release as major and minor number. */
export type KernelRelease = readonly [major: number, minor: number];

/** Default settings of a current kernel (6.5 and later). */
const CURRENT: TcpProfile = {
  hz: 250,
  initialRtoMs: 1000, // include/net/tcp.h, TCP_TIMEOUT_INIT; measured
  synRetries: 6, // include/net/tcp.h, TCP_SYN_RETRIES; measured
  synLinearTimeouts: 4, // net/ipv4/tcp_ipv4.c, tcp_sk_init; measured
  synAckRetries: 5, // include/net/tcp.h, TCP_SYNACK_RETRIES
  retries2: 15, // include/net/tcp.h, TCP_RETR2; measured for local drops
  orphanRetries: 8, // net/ipv4/tcp_timer.c, tcp_orphan_retries
  rtoMinMs: 200, // include/net/tcp.h, TCP_RTO_MIN; measured
  rtoMaxMs: 120_000, // include/net/tcp.h, TCP_RTO_MAX
  tailLossProbe: true, // tcp_early_retrans 3; measured
  finTimeoutS: 60, // include/net/tcp.h, TCP_FIN_TIMEOUT
  timeWaitS: 60, // include/net/tcp.h, TCP_TIMEWAIT_LEN
  twReuse: 2, // net/ipv4/tcp_ipv4.c, tcp_sk_init (since 4.19)
  localPortRange: [32_768, 60_999], // net/ipv4/af_inet.c, inet_init_net
  keepAliveTimeS: 7200, // include/net/tcp.h, TCP_KEEPALIVE_TIME
  keepAliveIntervalS: 75, // include/net/tcp.h, TCP_KEEPALIVE_INTVL
  keepAliveProbes: 9, // include/net/tcp.h, TCP_KEEPALIVE_PROBES
  backlog: 4096, // include/linux/socket.h, SOMAXCONN (since 5.4)
  synCookies: 1, // net/ipv4/tcp_ipv4.c, tcp_sk_init
  pingPongThreshold: 1, // include/net/inet_connection_sock.h; measured
  segmentBytes: 1448,
  initialWindow: 10, // include/net/tcp.h, TCP_INIT_CWND (RFC 6928)
};

/** The default settings of a kernel release; `overrides` are sysctls, route attributes and build options. */
export function tcpProfile(kernel: KernelRelease, overrides: Partial<TcpProfile> = {}): TcpProfile {
  const linear = isBefore(kernel, LINEAR_TIMEOUTS_SINCE) ? 0 : CURRENT.synLinearTimeouts;
  return { ...CURRENT, synLinearTimeouts: linear, ...overrides };
}

function isBefore(a: KernelRelease, b: KernelRelease): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}
