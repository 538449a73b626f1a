// Random sequences of creat, mkdir, cp and logplay on one to three hosts, by the commands: no two files share an allocation unit,
// playing a log twice is playing it once, and a client that plays the log sees the owner's tree.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { S_ISDIR } from '../../../src/kernel/index.ts'
import {
  decodeSuperblock,
  ENTRY_SIZE,
  encodeLogHeader,
  entryOffset,
  freshLogHeader,
  SB_SIZE,
} from '../../../src/media/index.ts'
import { buildBitmap } from '../../../src/server/alloc/index.ts'
import { GiB, type Step } from '../../../src/sim/index.ts'
import { type Host, type Sys, World } from '../../../src/world/index.ts'
import { entriesOf, mkfs, mount } from './mounted.ts'
import { asProgram } from './on-host.ts'

const MPT = '/mnt/famfs'

/** Everything below a directory: path, mode, size. */
function* walk(sys: Sys, dir: string, out: string[]): Step<void> {
  const fd = yield* sys.open(dir)
  const names = yield* sys.getdents(fd)
  yield* sys.close(fd)
  if (typeof names === 'number') throw new Error(`${dir}: ${names}`)
  for (const { name } of names) {
    if (name === '.' || name === '..' || name === '.meta') continue
    const path = `${dir}/${name}`
    const st = yield* sys.stat(path)
    if (typeof st === 'number') throw new Error(`${path}: ${st}`)
    out.push(`${path} ${st.mode.toString(8)} ${st.uid} ${st.gid} ${S_ISDIR(st.mode) ? '' : st.size}`)
    if (S_ISDIR(st.mode)) yield* walk(sys, path, out)
  }
}
const tree = (h: Host): string[] =>
  asProgram(h, function* ({ sys }) {
    const out: string[] = []
    yield* walk(sys, MPT, out)
    return out.sort()
  }).value

/** What the log makes of the device. */
function account(w: World) {
  const entries = entriesOf(w)
  const sb = new Uint8Array(SB_SIZE)
  w.memory('dax0.0')!.memory.read(0, sb)
  const check = decodeSuperblock(sb)
  if (!check.ok) throw new Error(check.why)
  const log = new Uint8Array(entryOffset(entries.length))
  log.set(encodeLogHeader(freshLogHeader(check.sb.logLen)))
  for (const [i, e] of entries.entries()) log.set(e, entryOffset(i))
  expect(entries.every(e => e.length === ENTRY_SIZE)).toBe(true)
  const { bad, account: a } = buildBitmap(check.sb, log, entries.length)
  return { bad, collisions: a.collisions, outside: a.outside, misaligned: a.misaligned }
}

const path = fc.constantFrom('a', 'b', 'c', 'd', 'd/a', 'd/b', 'd/e', 'd/e/a', 'no/a')
const size = fc.constantFrom('1', '4096', '2M', '2097153', '6M', '5G')
const how = fc.constantFrom('', '', '-N 3 -B 4 -C 2M', '-N 1 -B 2 -C 16M', '-N 4 -B 3 -C 2M')
const command = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(path, size, how).map(([p, s, n]) => `creat -s ${s} ${n} ${MPT}/${p}`) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom('', '-p'), path).map(([o, p]) => `mkdir ${o} ${MPT}/${p}`) },
  { weight: 2, arbitrary: fc.tuple(path, path).map(([a, b]) => `cp ${MPT}/${a} ${MPT}/${b}`) },
  { weight: 1, arbitrary: fc.tuple(path, path).map(([a, b]) => `cp -r ${MPT}/${a} ${MPT}/${b}`) },
  { weight: 2, arbitrary: fc.constant(`logplay ${MPT}`) },
)
const SOUND = { bad: 0, collisions: 0, outside: 0, misaligned: 0 }

test.each(['fixed', 'famfs-48'])('%s', server => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.array(fc.tuple(fc.nat(), command), { minLength: 1, maxLength: 12 }),
      (nhosts, commands) => {
        const w = new World({ trace: false, server })
        w.daxdev('dax0.0', { size: GiB(4) })
        const hosts = Array.from({ length: nhosts }, (_, i) => w.host(`h${i}`))
        const [owner] = hosts as [Host, ...Host[]]
        try {
          mkfs(owner)
          for (const h of hosts) mount(h)
          for (const [n, line] of commands) {
            const h = hosts[n % nhosts]!
            const before = entriesOf(w).length
            const { rc } = h.cli(`famfs ${line}`)
            expect(rc, line).toBeLessThan(128)
            if (h !== owner && !line.startsWith('logplay')) expect(entriesOf(w).length).toBe(before)
            expect(account(w), line).toEqual(SOUND)
          }
          const trees = hosts.map(h => {
            expect(h.cli(`famfs logplay ${MPT}`).rc).toBe(0)
            const once = tree(h)
            const again = h.cli(`famfs logplay ${MPT}`)
            expect([again.rc, again.out.at(-1)]).toEqual([0, expect.stringMatching(/ 0 new files; 0 new directories/)])
            expect(tree(h)).toEqual(once)
            return once
          })
          // A fixed client has its files read-only (Q28).
          const seen = (t: string[]): string[] =>
            server === 'fixed' ? t.map(l => l.replace(' 100644 ', ' 100444 ')) : t
          for (const t of trees) expect(seen(t)).toEqual(seen(trees[0]!))
        } finally {
          w.close()
        }
      },
    ),
    { numRuns: 5, seed: 5 },
  )
})
