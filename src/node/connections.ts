/** What the applications at both ends of a TCP connection remember, by its number in the TCP engine. Columns that grow together. */

export class Connections {
  #capacity = 0;
  /** Raised at each reuse of a number, so that late application events are recognised. */
  generation = new Int32Array(0);
  /** Requests still to be sent after the present one. */
  requestsLeft = new Int32Array(0);
  /** How often the application tries again when this one fails. */
  retriesLeft = new Int32Array(0);
  /** Bytes of the present request or answer that have not arrived yet. */
  awaitedByServer = new Int32Array(0);
  awaitedByClient = new Int32Array(0);
  openedAt = new Float64Array(0);
  /** When the client's last SYN left. */
  synSentAt = new Float64Array(0);
  /** How long the server works on the first request, and how long the client holds on after the last answer; drawn at opening. */
  serverTime = new Float64Array(0);
  holdTime = new Float64Array(0);
  requestedAt = new Float64Array(0);

  /** Makes room for numbers below `capacity`. */
  grow(capacity: number): void {
    if (capacity <= this.#capacity) return;
    this.#capacity = capacity;
    for (const column of INT32_COLUMNS) this[column] = widened(new Int32Array(capacity), this[column]);
    for (const column of FLOAT64_COLUMNS) this[column] = widened(new Float64Array(capacity), this[column]);
  }
}

const INT32_COLUMNS = [
  "generation", "requestsLeft", "retriesLeft", "awaitedByServer", "awaitedByClient",
] as const;
const FLOAT64_COLUMNS = ["openedAt", "synSentAt", "serverTime", "holdTime", "requestedAt"] as const;

function widened<Column extends { set(from: ArrayLike<number>): void }>(wider: Column, column: ArrayLike<number>): Column {
  wider.set(column);
  return wider;
}
