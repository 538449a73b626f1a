// Results in the words of the traces.
import type { SigInfo } from '../kernel/index.ts'
import { errnoName, errnoNumber } from '../wire/index.ts'
import type { Rig } from './rig.ts'
import type { Fields } from './tally.ts'

/** si_code values of SIGBUS and SIGSEGV (siginfo.h). */
const SI_CODES: Readonly<Record<string, number>> = {
  SEGV_MAPERR: 1,
  SEGV_ACCERR: 2,
  BUS_ADRERR: 2,
  BUS_MCEERR_AR: 4,
  BUS_MCEERR_AO: 5,
}

/** A signal that a load or store ended in. */
export const signalFields = (s: SigInfo): Fields => ({ signal: s.signal, si_code: SI_CODES[s.si_code] ?? s.si_code })

/** What a call gave. */
export const callFields = (n: number): Fields => ({ ret: n < 0 ? -1 : n, err: errnoName(n < 0 ? n : 0) })

/** A call of which the trace tells success and nothing more. */
export const successFields = (n: number): Fields => callFields(n < 0 ? n : 0)

/** Number of a name in a trace: `EIO`, `0`, `errno 511`. NaN for a word that is none. */
export const errnoOf = (name: string): number =>
  name === '0' ? 0 : (errnoNumber(name) ?? Number(/^errno (\d+)$/.exec(name)?.[1]))

/** What went wrong in the model, but for warnings: the real kernel has those too, in a log that was not recorded. */
export const complaints = (rig: Rig): string[] =>
  rig.m.problems.filter(p => p.kind !== 'WARN').map(p => `${p.kind}: ${p.text}`)
