/**
 * Listening sockets: how many requests and finished connections may wait (net/ipv4/tcp_input.c, tcp_conn_request;
 * include/net/inet_connection_sock.h). A connection without a listener of this kind is taken at once, always.
 *
 * Both queues have the length that listen() asked for, cut to `somaxconn`. A full SYN queue makes the kernel answer
 * with cookies: nothing is kept and nothing is repeated, the last acknowledgement of the handshake brings all back. A
 * full accept queue drops SYNs, and leaves finished handshakes unfinished: the client believes it is connected.
 */

/** What a listener does with a SYN. */
export const SynVerdict = { queue: 0, cookie: 1, drop: 2 } as const;

export interface ListenerSettings {
  /** The smaller of listen()'s backlog and `somaxconn`. */
  readonly backlog: number;
  /** `tcp_syncookies`. */
  readonly synCookies: 0 | 1 | 2;
}

export class Listeners {
  /** Per listener: requests whose handshake is under way, and connections that wait for accept(). */
  readonly #requests: number[] = [];
  readonly #waiting: number[] = [];
  readonly #settings: ListenerSettings[] = [];
  /** SYNs dropped because a queue was full (ListenOverflows, ListenDrops), acknowledgements left aside, cookies sent. */
  drops = 0;
  overflows = 0;
  cookies = 0;

  /** Returns the listener's number, from 1 on. */
  add(settings: ListenerSettings): number {
    this.#requests.push(0);
    this.#waiting.push(0);
    return this.#settings.push(settings);
  }

  /** Requests in the SYN queue. */
  requests(listener: number): number {
    return this.#requests[listener - 1]!;
  }

  /** Connections in the accept queue. */
  waiting(listener: number): number {
    return this.#waiting[listener - 1]!;
  }

  /** A SYN arrives. After `queue` a request is counted until `finish` or `forget`. */
  admit(listener: number): number {
    const { backlog, synCookies } = this.#settings[listener - 1]!;
    const full = this.requests(listener) > backlog;
    if (this.#acceptQueueIsFull(listener) || (full && synCookies === 0)) {
      this.drops++;
      return SynVerdict.drop;
    }
    if (full || synCookies === 2) {
      this.cookies++;
      return SynVerdict.cookie;
    }
    this.#requests[listener - 1]!++;
    return SynVerdict.queue;
  }

  /** The handshake's last acknowledgement arrives: true when the connection may wait for accept(). */
  finish(listener: number, byCookie: boolean): boolean {
    if (this.#acceptQueueIsFull(listener)) {
      this.overflows++;
      return false;
    }
    if (!byCookie) this.forget(listener);
    this.#waiting[listener - 1]!++;
    return true;
  }

  /** A request leaves the SYN queue. */
  forget(listener: number): void {
    this.#requests[listener - 1]!--;
  }

  /** accept(): a connection leaves the accept queue. */
  accept(listener: number): void {
    this.#waiting[listener - 1]!--;
  }

  /** One more than the backlog may wait (sk_acceptq_is_full). */
  #acceptQueueIsFull(listener: number): boolean {
    return this.waiting(listener) > this.#settings[listener - 1]!.backlog;
  }
}
