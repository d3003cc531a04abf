/** Ctrl-C and its like: a command gets a signal to stop by instead of being ended, and tidies up. */

export interface InterruptOptions {
  /** What interrupts. */
  readonly by?: readonly NodeJS.Signals[];
  /** Later ones don't end the process either: what is being taken down must not stay half up. */
  readonly patient?: boolean;
}

/** Does the work with a signal that the first interruption aborts. */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { by = ["SIGINT", "SIGTERM"], patient = false }: InterruptOptions = {},
): Promise<T> {
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort();
  for (const signal of by) {
    if (patient) process.on(signal, onSignal);
    else process.once(signal, onSignal);
  }
  try {
    return await work(interrupt.signal);
  } finally {
    for (const signal of by) process.off(signal, onSignal);
  }
}
