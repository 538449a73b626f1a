// What a program of a simulated host is given: system calls, words, environment, somewhere to write lines, and the user space it
// is part of. A program is task code; it reaches everything else through its system calls.
import type { Sys } from '../kernel/index.ts'
import type { ServerProfile } from '../profile/index.ts'
import { Killed, type Op } from '../sim/index.ts'

/** The user space of a host: which one it is, and where its programs get what is random. */
export interface Site {
  readonly server: ServerProfile
  /** Threads of its daemons; 2 unless given. */
  readonly threads?: number
  /** uuid_generate(): a fresh one, as text. */
  uuid(): string
  /** rand() % n: 0 to n-1. */
  draw(n: number): number
  /** How far a long command is, for whoever watches it run. */
  tell(text: string): void
}

/** How a program ended. */
export interface End {
  /** Exit code; 128 and the number of the signal that ended it; 127: no such program. */
  readonly rc: number
  readonly signal: string | null
  /** Lines of standard output and of standard error. */
  readonly out: readonly string[]
  readonly err: readonly string[]
}

export interface Proc {
  readonly sys: Sys
  /** The words it was started with, its own name first. */
  readonly argv: readonly string[]
  readonly env: ReadonlyMap<string, string>
  readonly site: Site
  /** A line to standard output. */
  out(line: string): void
  /** A line to standard error. */
  err(line: string): void
  /** fork, exec and wait: another program, with this one's environment unless another is given. */
  run(words: readonly string[], env?: ReadonlyMap<string, string>): Op<End>
}

/** main() of a program; its exit code. */
export type Program = (p: Proc) => Op<number>

/** The process dies of a signal, after this line: a failed assertion (SIGABRT), a bad pointer (SIGSEGV), a division by 0 (SIGFPE). */
export function die(p: Proc, signal: 'SIGABRT' | 'SIGSEGV' | 'SIGFPE', line: string): never {
  p.err(line)
  throw new Killed(signal, null)
}
