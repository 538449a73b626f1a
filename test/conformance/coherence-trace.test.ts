// Every flush and invalidate of the tools, against a trace of the real programs: which, of what, in which order.
import { describe, expect, it } from 'vitest'
import { famfs_mkfs } from '../../src/server/index.ts'
import type { TraceEvent } from '../../src/sim/index.ts'
import { GiB, MiB, World } from '../../src/world/index.ts'
import vectors from '../vectors/coherence-trace.json' with { type: 'json' }

const SUPERBLOCK = MiB(2)
type Traced = [what: string, file: string, off: number, len: number]

/** Cache instructions up to each fence as one call of the library: ranges that adjoin are one. */
function calls(events: readonly TraceEvent[]): Traced[] {
  const out: Traced[] = []
  let open: { what: string; off: number; len: number } | null = null
  for (const e of events) {
    const { name } = e.kind
    if (name === 'clwb' || name === 'clflushopt') {
      const what = name === 'clwb' ? 'flush' : 'invalidate'
      if (open === null) open = { what, off: e.a, len: e.b }
      else {
        expect([what, e.a]).toEqual([open.what, open.off + open.len])
        open.len += e.b
      }
    } else if (name === 'sfence' && open !== null) {
      const file = open.off < SUPERBLOCK ? '.meta/.superblock' : '.meta/.log'
      out.push([open.what, file, open.off - (open.off < SUPERBLOCK ? 0 : SUPERBLOCK), open.len])
      open = null
    }
  }
  expect(open).toBe(null)
  return out
}

describe('the tools flush and invalidate as the real ones do', () => {
  const events: TraceEvent[] = []
  const w = new World({ sink: e => events.push({ ...e }) })
  const dev = w.daxdev('dax0.0', { size: GiB(4) })
  const h0 = w.host('h0')
  const [devName, size] = ['/dev/dax0.0', dev.size]
  const uuid = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`
  const mkfs = (force: boolean) => {
    const args = { deviceSize: size, logLen: MiB(8), devName, fsUuid: uuid(1), devUuid: uuid(2), force }
    const r = w.setup(h0, 'mkfs', function* (sys) {
      return yield* famfs_mkfs(sys, { ...args, systemUuid: h0.systemUuid })
    })
    expect(r).toEqual({ rc: 0 })
  }
  let fs: ReturnType<typeof h0.famfs> | null = null
  const run: Record<string, () => void> = {
    mkfs: () => mkfs(false),
    'mkfs force': () => mkfs(true),
    mount: () => {
      fs = h0.famfs('/mnt/famfs', { mount: dev })
    },
    creat: () => fs!.creat('/a', 4096),
    mkdir: () => fs!.mkdir('/d'),
    logplay: () => void fs!.logplay(),
  }
  const seen = vectors.commands.map(c => {
    events.length = 0
    run[c.run]!()
    return calls(events)
  })
  w.close()
  it.each(vectors.commands.map((c, i) => [c.command, c.steps, seen[i]] as const))('%s', (_, steps, got) =>
    expect(got).toEqual(steps),
  )
})
