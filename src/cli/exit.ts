/** Exit codes of every command; the command line's contract with scripts. */
export const EXIT = {
  /** Done, and every threshold met. */
  good: 0,
  /** A fault of ctlab itself. */
  unexpected: 1,
  /** Usage or input that is not valid; nothing was written. */
  invalid: 2,
  /** A threshold was missed, or a verification differs. */
  missed: 3,
  /** Too little to decide, or what is needed here is missing. */
  inconclusive: 4,
  /** Interrupted; what was finished is written and marked partial. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
