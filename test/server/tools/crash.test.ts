// The owner loses its power while it creates a file: after every store, and all along the write-back of the log. Another host looks
// at the log all the time, and where its loads find lines on their way these arrive or not, by chance. When it plays the log then,
// whatever was there before is there, and it says where it stops.
import { describe, expect, it } from 'vitest'
import { RandomChooser } from '../../../src/explore/index.ts'
import { at, crashHost } from '../../../src/faults/index.ts'
import { MAP_SHARED, O_RDONLY, PROT_READ, tmpfs_mkdir } from '../../../src/kernel/index.ts'
import { entryOffset } from '../../../src/media/index.ts'
import type { End } from '../../../src/server/index.ts'
import { divDown, MiB, type TraceEvent, us } from '../../../src/sim/index.ts'
import type { WorldOptions } from '../../../src/world/index.ts'
import { oneHost } from './on-host.ts'

const MPT = '/mnt/famfs'
const SEEDS = 3
/** Points of time within one write-back. */
const WITHIN = 3

/** Two hosts with the file system, in which there is a file `a`; the first is about to create `b`. */
function twoHosts(o: WorldOptions) {
  const { w, h: owner } = oneHost(o)
  const other = w.host('h1')
  for (const host of [owner, other]) tmpfs_mkdir(host.k, MPT)
  for (const line of ['mkfs.famfs /dev/dax0.0', `famfs mount /dev/dax0.0 ${MPT}`, `famfs creat -s 4096 ${MPT}/a`])
    expect(owner.cli(line).rc, line).toBe(0)
  expect(other.cli(`famfs mount /dev/dax0.0 ${MPT}`).rc).toBe(0)
  owner.app('creat', function* (sys) {
    yield* owner.sh(sys, `famfs creat -s 4096 ${MPT}/b`)
  })
  return { w, owner, other }
}

/** When the owner stores and flushes, ns after its start; and some times in between. */
function times(server: string): number[] {
  const events: TraceEvent[] = []
  const { w } = twoHosts({ server, trace: true, sink: e => void events.push(e) })
  events.length = 0
  w.run()
  w.close()
  const t0 = events[0]!.now
  const mine = events.filter(
    e => e.task?.label === 'h0/famfs creat' && ['mem write', 'clwb', 'sfence'].includes(e.kind.name),
  )
  const stores = mine.findIndex(e => e.kind.name === 'mem write')
  const when = mine.slice(stores).map(e => e.now - t0)
  return when.flatMap((t, i) => {
    const next = when[i + 1] ?? t + 600_000
    const n = next - t > 1000 ? WITHIN : 1
    return Array.from({ length: n }, (_, j) => t + 1 + divDown((next - t) * j, n))
  })
}

function crashes(server: string) {
  const { w, owner, other } = twoHosts({ server, fabric: { evictions: 4 } })
  for (const t of times(server)) w.fault(at(t), crashHost('h0'))
  let play: End | null = null
  let names: boolean[] = []
  other.app('logplay', function* (sys) {
    const fd = yield* sys.open(`${MPT}/.meta/.log`, O_RDONLY)
    const log = yield* sys.mmap(0, MiB(8), PROT_READ, MAP_SHARED, fd)
    const used = new Uint8Array(entryOffset(2))
    while (!owner.k.crashed.peek()) {
      yield* sys.clflushopt(log, used.length)
      yield* sys.sfence()
      yield* sys.load(log, used)
      yield* sys.sleep(us(20))
    }
    yield* sys.munmap(log, MiB(8))
    yield* sys.close(fd)
    play = yield* other.sh(sys, `famfs logplay ${MPT}`)
    names = []
    for (const name of ['a', 'b']) names.push(typeof (yield* sys.stat(`${MPT}/${name}`)) !== 'number')
  })
  const all = w.faultNames()
  const seen: { where: string; rc: number; a: boolean; b: boolean; said: string }[] = []
  for (const [i, where] of all.entries())
    for (let n = 0; n < SEEDS; n++) {
      w.leaveOut({ apps: [], faults: all.filter(n => n !== where), ends: [] })
      w.run(new RandomChooser(i * SEEDS + n))
      const { rc, err } = play as unknown as End
      seen.push({ where, rc, a: names[0]!, b: names[1]!, said: err.join('; ') })
    }
  w.close()
  return seen
}

describe('what another host finds', () => {
  it('famfs-48: the new file, none, or a log that stops behind the old one', () => {
    const seen = crashes('famfs-48')
    expect(seen.filter(s => !s.a)).toEqual([])
    expect(seen.filter(s => s.rc !== 0 && !s.said.includes('invalid log entry at index 1 of 2'))).toEqual([])
    expect(new Set(seen.map(s => `${s.rc} ${s.b}`))).toEqual(new Set(['0 false', '1 false', '0 true']))
  })
  it('fixed: the new file, or none', () => {
    const seen = crashes('fixed')
    expect(seen.filter(s => s.rc !== 0 || !s.a)).toEqual([])
    expect(new Set(seen.map(s => s.b))).toEqual(new Set([false, true]))
  })
})
