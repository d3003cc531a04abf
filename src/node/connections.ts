/** What the node knows of each open connection, by the number that the TCP engine gave it. Columns that grow together. */

export class Connections {
  #capacity = 0;
  /** Index into `scenario.workloads`. */
  workload = new Int32Array(0);
  /** Index into `topology.localPods`. */
  pod = new Int32Array(0);
  /** CPU on which the client's socket works. */
  cpu = new Int32Array(0);
  /** CPU that the NIC's receive hashing chose for packets from the server. */
  receiveCpu = new Int32Array(0);
  /** Number of the backend, over all services. */
  backend = new Int32Array(0);
  /** Where packets go: IPv4 word in network byte order, and port. */
  serverAddress = new Int32Array(0);
  serverPort = new Int32Array(0);
  clientPort = new Int32Array(0);
  /** `WHERE` the connection was opened: outside or inside a burst. */
  where = new Uint8Array(0);
  /** 1 once the client's handshake is done. */
  established = new Uint8Array(0);
  /** Raised at each reuse of a number, so that late application events are recognised. */
  generation = new Int32Array(0);
  /** Requests still to be sent after the present one. */
  requestsLeft = new Int32Array(0);
  /** Bytes of the present request or answer that have not arrived yet. */
  awaitedByServer = new Int32Array(0);
  awaitedByClient = new Int32Array(0);
  openedAt = new Float64Array(0);
  /** How long the server works on the first request, and how long the client holds on after the last answer; drawn at opening. */
  serverTime = new Float64Array(0);
  holdTime = new Float64Array(0);
  requestedAt = new Float64Array(0);

  /** Makes room for numbers below `capacity`. */
  grow(capacity: number): void {
    if (capacity <= this.#capacity) return;
    this.#capacity = capacity;
    for (const column of INT32_COLUMNS) this[column] = widened(new Int32Array(capacity), this[column]);
    for (const column of UINT8_COLUMNS) this[column] = widened(new Uint8Array(capacity), this[column]);
    for (const column of FLOAT64_COLUMNS) this[column] = widened(new Float64Array(capacity), this[column]);
  }
}

const INT32_COLUMNS = [
  "workload", "pod", "cpu", "receiveCpu", "backend", "serverAddress", "serverPort", "clientPort", "generation",
  "requestsLeft", "awaitedByServer", "awaitedByClient",
] as const;
const UINT8_COLUMNS = ["where", "established"] as const;
const FLOAT64_COLUMNS = ["openedAt", "serverTime", "holdTime", "requestedAt"] as const;

function widened<Column extends { set(from: ArrayLike<number>): void }>(wider: Column, column: ArrayLike<number>): Column {
  wider.set(column);
  return wider;
}
