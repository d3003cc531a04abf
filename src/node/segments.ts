/** Segments on their way: what an event in the queue carries when two integers are not enough. Rows with a free list. */

const NONE = -1;
const INITIAL = 1024;

export class SegmentsInFlight {
  connection = new Int32Array(INITIAL);
  tcpFlags = new Uint8Array(INITIAL);
  payloadBytes = new Int32Array(INITIAL);
  tag = new Int32Array(INITIAL);
  #next = new Int32Array(INITIAL);
  #free = NONE;
  #used = 0;

  /** Stores a segment and returns its row. */
  put(connection: number, tcpFlags: number, payloadBytes: number, tag: number): number {
    const row = this.#take();
    this.connection[row] = connection;
    this.tcpFlags[row] = tcpFlags;
    this.payloadBytes[row] = payloadBytes;
    this.tag[row] = tag;
    return row;
  }

  /** Gives the row back; read what is needed first. */
  release(row: number): void {
    this.#next[row] = this.#free;
    this.#free = row;
  }

  #take(): number {
    const row = this.#free;
    if (row !== NONE) {
      this.#free = this.#next[row]!;
      return row;
    }
    if (this.#used === this.connection.length) this.#grow();
    return this.#used++;
  }

  #grow(): void {
    const rows = this.connection.length * 2;
    const wider = (from: Int32Array): Int32Array<ArrayBuffer> => {
      const to = new Int32Array(rows);
      to.set(from);
      return to;
    };
    this.connection = wider(this.connection);
    this.payloadBytes = wider(this.payloadBytes);
    this.tag = wider(this.tag);
    this.#next = wider(this.#next);
    const flags = new Uint8Array(rows);
    flags.set(this.tcpFlags);
    this.tcpFlags = flags;
  }
}
