// How the command ends on bad input: one line on stderr and exit code 2, never a stack. A bug of famsim shows its stack.
import { BackingError } from '../devdax/index.ts'
import { UsageError } from '../sim/index.ts'

/** A mistake of the user, told in one line. */
export class UserError extends Error {
  override name = 'UserError'
}

export const oneLine = (s: string): string => s.split('\n')[0]!.trim()

/** Print and exit. */
export function fail(e: unknown): never {
  if (e instanceof UserError || e instanceof UsageError || e instanceof BackingError) {
    console.error(`famsim: ${oneLine(e.message)}`)
    process.exit(2)
  }
  console.error(e instanceof Error ? (e.stack ?? e.message) : e)
  process.exit(70)
}
