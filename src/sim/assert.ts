// Invariants of the simulator itself. An assert that fails is a bug of famsim, never a finding about famfs.

/** Thrown when an invariant of the simulator does not hold. */
export class InvariantError extends Error {
  override name = 'InvariantError'
}

/** Assert an invariant of the simulator. */
export function assert(cond: unknown, what: string): asserts cond {
  if (!cond) throw new InvariantError(`famsim bug: ${what}`)
}

/** A user's mistake in a scenario, an option or a file: one line that says what, where, what was expected. Exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}
