// A defect shown: one run with it and one without, on a kernel that is otherwise the same.
import { expect, it } from 'vitest'
import { type RawServer, Rig, type RigOptions, simpleMap } from '../../../src/conform/index.ts'
import type { Sys } from '../../../src/kernel/index.ts'
import { MiB, type Step } from '../../../src/sim/index.ts'
import { errnoName } from '../../../src/wire/index.ts'

export const TWO = MiB(2)
export const ONE = simpleMap([[0, 0, TWO]])

export interface Show {
  readonly id: string
  /** A kernel that carries it, or v10 with it put in. */
  readonly kernel?: string
  readonly options?: RigOptions
  /** Defects that are off, or on, in both runs. */
  readonly without?: readonly string[]
  readonly and?: readonly string[]
  /** What there is to see. */
  readonly see: (rig: Rig) => unknown
  readonly on: unknown
  readonly off: unknown
}

/** A test of each: what is seen with the defect is `on`, what is seen without is `off`. */
export function shows(rows: readonly Show[]): void {
  it.each(rows.map(r => [r.id, r] as const))(
    '%s',
    (id, { kernel = 'v10', options, without = [], and = [], see, on, off }) => {
      const rig = (has: boolean): Rig =>
        new Rig({
          kernel,
          kasan: true,
          lockdep: true,
          ...options,
          switches: { defect: has ? [id, ...and] : [...and], noDefect: has ? [...without] : [id, ...without] },
        })
      expect(on, 'a defect that changes nothing').not.toEqual(off)
      expect(see(rig(true)), `with ${id}`).toEqual(on)
      expect(see(rig(false)), `without ${id}`).toEqual(off)
    },
  )
}

export const E = (n: number): string | number => (n < 0 ? errnoName(-n) : n)

/** A server with files of these maps: a, b, c..., nodes 100, 101... */
export const serverWith = (rig: Rig, ...fmaps: (Uint8Array | number)[]): RawServer => {
  const s = rig.server()
  for (const [i, fmap] of fmaps.entries()) s.files.set('abcdef'[i]!, { nodeid: 100 + i, size: TWO, fmap })
  return s
}

/** Open, read 16 bytes at `off`, close: what open said when it failed, else what read said. */
export function* openRead(sys: Sys, path: string, off = 0, buf = new Uint8Array(16)): Step<string | number> {
  const fd = yield* sys.open(path)
  if (fd < 0) return E(fd)
  const n = yield* sys.pread(fd, buf, off)
  yield* sys.close(fd)
  return E(n)
}
export const read = (rig: Rig, path: string, off = 0): string | number => rig.run(sys => openRead(sys, path, off))

/** Kinds of what was reported. */
export const kinds = (rig: Rig): string[] => rig.m.problems.map(p => p.kind)

/** Messages of this name that the server got. */
export const count = (s: RawServer, name: string): number => s.log.filter(l => l.startsWith(`${name}:`)).length

/** The next allocation of this name fails. */
export const refuse = (rig: Rig, name: string): void => rig.k.heap.refusal(name, () => {})(1)
