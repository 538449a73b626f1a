// Every flush and invalidate of the tools, against a trace of the real programs: which, of what, in which order. One world, all
// commands one after the other, without CPU caches: what is asked for is the same, and 300 MiB are quick.
import { describe, expect, it } from 'vitest'
import { O_CREAT, O_RDWR, tmpfs_mkdir } from '../../src/kernel/index.ts'
import { LOG_OFFSET, SB_AREA } from '../../src/media/index.ts'
import type { Task, TraceEvent } from '../../src/sim/index.ts'
import { GiB, MiB, World } from '../../src/world/index.ts'
import { logged } from '../server/tools/mounted.ts'
import { asProgram } from '../server/tools/on-host.ts'
import vectors from '../vectors/coherence-trace.json' with { type: 'json' }

type Traced = [what: string, file: string, off: number, len: number]
type Call = { what: string; off: number; len: number }

/**
 * The cache library's calls: each task's cache instructions up to a fence, which adjoin. A fence in front of them makes it the
 * hard one.
 */
function calls(events: readonly TraceEvent[]): Call[] {
  const out: Call[] = []
  const open = new Map<Task | null, Call | null>()
  const hard = new Set<Task | null>()
  for (const { kind, task, a, b } of events) {
    const now = open.get(task) ?? null
    if (kind.name === 'clwb' || kind.name === 'clflushopt') {
      if (now !== null) {
        expect(a).toBe(now.off + now.len)
        now.len += b
      } else {
        const what = kind.name === 'clwb' ? 'flush' : hard.has(task) ? 'hard_flush' : 'invalidate'
        open.set(task, { what, off: a, len: b })
      }
    } else if (kind.name === 'sfence') {
      if (now === null) hard.add(task)
      else {
        out.push(now)
        hard.delete(task)
      }
      open.set(task, null)
    }
  }
  return out
}

describe('the tools flush and invalidate as the real ones do', () => {
  const events: TraceEvent[] = []
  const w = new World({ sink: e => events.push({ ...e }), fabric: { caches: false } })
  w.daxdev('dax0.0', { size: GiB(4) })
  const h0 = w.host('h0')
  /** What is at a device byte, and where in it. */
  const file = (off: number): [string, number] => {
    if (off < SB_AREA) return ['.meta/.superblock', off]
    if (off < LOG_OFFSET + MiB(8)) return ['.meta/.log', off - LOG_OFFSET]
    for (const e of logged(w))
      if (e.fmap?.kind === 'simple')
        for (const x of e.fmap.extents) if (off >= x.offset && off < x.offset + x.len) return [e.path, off - x.offset]
    return ['nothing', off]
  }
  for (const [path, size] of [
    ['/tmp/s5', MiB(5)],
    ['/tmp/s300', MiB(300)],
  ] as const)
    asProgram(h0, function* ({ sys }) {
      const fd = yield* sys.open(path, O_CREAT | O_RDWR)
      yield* sys.ftruncate(fd, size)
      yield* sys.close(fd)
    })
  tmpfs_mkdir(h0.k, '/mnt/famfs')
  const traced = (command: string): Traced[] => {
    events.length = 0
    expect(h0.cli(command).rc, command).toBe(0)
    return calls(events).map(({ what, off, len }) => [what, ...file(off), len])
  }
  it('looks at every command of the trace', () => expect(vectors.commands.length).toBe(25))
  it.each(vectors.commands.map(c => [c.command, c.steps, traced(c.command)] as const))('%s', (_, steps, got) =>
    expect(got).toEqual(steps),
  )
  w.close()
})
