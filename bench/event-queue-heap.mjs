/** The usual alternative, for comparison: a binary heap over typed arrays, ordered by (time, sequence). */
export class HeapQueue {
  time = 0;
  kind = 0;
  a = 0;
  b = 0;
  size = 0;
  #sequence = 0;
  #times = new Float64Array(1024);
  #sequences = new Float64Array(1024);
  #kinds = new Int32Array(1024);
  #as = new Int32Array(1024);
  #bs = new Int32Array(1024);

  push(time, kind, a, b) {
    if (this.size === this.#times.length) this.#grow();
    const times = this.#times;
    let node = this.size++;
    // A new event has the highest sequence number, so it climbs only past strictly later times.
    while (node > 0) {
      const parent = (node - 1) >> 1;
      if (times[parent] <= time) break;
      this.#copy(parent, node);
      node = parent;
    }
    this.#put(node, time, this.#sequence++, kind, a, b);
  }

  pop() {
    if (this.size === 0) return false;
    this.time = this.#times[0];
    this.kind = this.#kinds[0];
    this.a = this.#as[0];
    this.b = this.#bs[0];
    const last = --this.size;
    if (last > 0) this.#sink(last);
    return true;
  }

  /** Moves the last node to the root and down to its place. */
  #sink(last) {
    const times = this.#times;
    const sequences = this.#sequences;
    const time = times[last];
    const sequence = sequences[last];
    let node = 0;
    for (;;) {
      let child = 2 * node + 1;
      if (child >= last) break;
      const right = child + 1;
      if (right < last && (times[right] < times[child] || (times[right] === times[child] && sequences[right] < sequences[child]))) child = right;
      if (times[child] > time || (times[child] === time && sequences[child] > sequence)) break;
      this.#copy(child, node);
      node = child;
    }
    this.#copy(last, node);
  }

  #copy(from, to) {
    this.#times[to] = this.#times[from];
    this.#sequences[to] = this.#sequences[from];
    this.#kinds[to] = this.#kinds[from];
    this.#as[to] = this.#as[from];
    this.#bs[to] = this.#bs[from];
  }

  #put(node, time, sequence, kind, a, b) {
    this.#times[node] = time;
    this.#sequences[node] = sequence;
    this.#kinds[node] = kind;
    this.#as[node] = a;
    this.#bs[node] = b;
  }

  #grow() {
    const twice = (from) => {
      const to = new from.constructor(2 * from.length);
      to.set(from);
      return to;
    };
    this.#times = twice(this.#times);
    this.#sequences = twice(this.#sequences);
    this.#kinds = twice(this.#kinds);
    this.#as = twice(this.#as);
    this.#bs = twice(this.#bs);
  }
}
