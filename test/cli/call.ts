// A command of famsim, in this process: what it prints, and how it ends.
import { vi } from 'vitest'
import { UserError } from '../../src/cli/errors.ts'
import { BackingError } from '../../src/devdax/index.ts'

export function call<A>(command: (a: A, o: object) => void, a: A, o: object = {}) {
  const out: string[] = []
  const err: string[] = []
  vi.spyOn(console, 'log').mockImplementation(l => void out.push(l))
  vi.spyOn(console, 'error').mockImplementation(l => void err.push(l))
  process.exitCode = undefined
  try {
    command(a, o)
    return { code: process.exitCode ?? 0, out, err }
  } catch (e) {
    if (!(e instanceof UserError) && !(e instanceof BackingError)) throw e
    return { code: 2, out, err: [e.message] }
  } finally {
    vi.restoreAllMocks()
    process.exitCode = undefined
  }
}
