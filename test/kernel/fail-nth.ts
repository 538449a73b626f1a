// All that a kernel does with a famfs, with one allocation that fails: what goes wrong then, beyond an errno.
import { Rig, Stuck } from '../../src/conform/index.ts'
import { type DefectSwitches, kernelProfile } from '../../src/profile/index.ts'
import { Killed, type Step } from '../../src/sim/index.ts'
import type { Sys } from '../../src/world/index.ts'
import { FUSED } from './fail-nth-fused.ts'
import { STANDALONE } from './fail-nth-std.ts'

/** What a life is made of: how its file system is mounted (false: it is not), and what its processes do, one after the other. */
export interface Plan {
  readonly mount: (rig: Rig) => boolean
  readonly parts: readonly (readonly [what: string, body: (sys: Sys) => Step<boolean>])[]
}

/** What one life came to. */
export interface Life {
  /** Did an allocation fail? There are fewer otherwise. */
  readonly hit: boolean
  /** Leaks, uses after free, warnings, hangs, signals: without numbers. */
  readonly findings: readonly string[]
  /** Did a second mount do everything, after the first was gone? */
  readonly works: boolean
}

/** Mount, do everything, unmount. True when all of it succeeded. */
function once(rig: Rig, plan: Plan, said: (text: string) => void): boolean {
  let ok = true
  const run = <T>(what: string, body: (sys: Sys) => Step<T>): T | null => {
    try {
      return rig.run(body)
    } catch (e) {
      ok = false
      if (e instanceof Stuck) said(`hang: ${what}: ${e.message}`)
      else if (e instanceof Killed) said(`killed: ${what}: ${e.message}`)
      else throw e
      return null
    }
  }
  if (!plan.mount(rig)) return false
  for (const [what, body] of plan.parts) if (run(what, body) !== true) ok = false
  // The allocation that failed may have been one of umount(2) itself.
  const umount = () =>
    run('umount', function* (sys) {
      return yield* sys.umount('/mnt')
    })
  const rc = umount()
  if (rc !== 0 && rc !== null && umount() !== 0) said(`umount: ${rc}`)
  return ok && rc === 0
}

/** Numbers and names of tasks are of this run. */
const general = (text: string): string =>
  text
    .replace(/; allocated by .*/, '')
    .replace(/, by h0\/.*/, '')
    .replace(/\d+ x /, '')
    .replace(/#\d+/g, '')

/** A life in which the `nth` allocation fails; 0: none. */
export function life(kernel: string, switches: DefectSwitches, nth: number): Life {
  const rig = new Rig({ kernel, switches, kasan: true })
  const plan = rig.k.profile.t.kabi === null ? FUSED : STANDALONE
  let hit = false
  const arm = rig.k.heap.refusal(null, () => {
    hit = true
  })
  arm(nth)
  const findings = new Set<string>()
  once(rig, plan, text => findings.add(text))
  arm(0)
  const works = once(rig, plan, text => findings.add(`then ${text}`))
  if (rig.k.at_rest()) rig.k.report_leaks()
  else findings.add('not at rest')
  const oops = rig.problems().find(p => p.startsWith('oops: '))
  // Who dies holding locks takes all others along: that says nothing more.
  if (oops !== undefined) return { hit, findings: [oops], works }
  for (const p of rig.problems()) findings.add(general(p))
  return { hit, findings: [...findings].sort(), works }
}

/** What all lives of a kernel came to: each finding, and how many allocations there are. */
export function all(
  kernel: string,
  switches: DefectSwitches,
  step = 1,
): { allocations: number; findings: string[]; dead: number[] } {
  const findings = new Set<string>()
  const dead: number[] = []
  let nth = 0
  for (let left = 1; left > 0; nth += step) {
    const l = life(kernel, switches, nth)
    for (const f of l.findings) findings.add(f)
    if (!l.works) dead.push(nth)
    if (nth > 0 && !l.hit) left = 0
  }
  return { allocations: nth - step - 1, findings: [...findings].sort(), dead }
}

/** Every defect that this kernel carries, off. */
export const noDefects = (kernel: string): DefectSwitches => ({ noDefect: kernelProfile(kernel).defects() })
