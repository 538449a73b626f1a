// What the cache of names keeps, for how long, and what goes when memory is short.
import { expect, it } from 'vitest'
import type { RawServer, Rig } from '../../../src/conform/index.ts'
import { O_CREAT, O_EXCL, O_RDWR, type Sys } from '../../../src/kernel/index.ts'
import { ms, type Step } from '../../../src/sim/index.ts'
import { fuse_entry_out } from '../../../src/wire/index.ts'
import { E, logged, ONE, setUp } from '../../conformance/set-up.ts'

/** A server that says of every name it does not have that it is missing, for 10 s. */
const denying = (): { rig: Rig; s: RawServer } => {
  const { rig, s } = setUp({ f: ONE })
  s.script = req =>
    req.op.name === 'LOOKUP' && !s.files.has(req.names[0]!)
      ? { def: fuse_entry_out, values: { nodeid: 0, entry_valid: 10 } }
      : undefined
  return { rig, s }
}
const lookups = (s: RawServer, f: () => void): number => logged(s, f).filter(l => l.startsWith('LOOKUP')).length

it('a name that is missing for some time is not asked for again until then', () => {
  const { rig, s } = denying()
  const stat = (path: string) =>
    function* (sys: Sys): Step<number | string> {
      const st = yield* sys.stat(path)
      return typeof st === 'number' ? E(st) : st.ino
    }
  const asked = lookups(s, () => {
    for (const path of ['/mnt/x', '/mnt/x', '/mnt/y', '/mnt/x/below']) expect(rig.run(stat(path))).toBe('ENOENT')
  })
  expect(asked).toBe(2)
  // It is there now, and nobody looks, until its time has run out.
  s.files.set('x', { nodeid: 500, size: 0, fmap: 5 })
  expect(rig.run(stat('/mnt/x'))).toBe('ENOENT')
  rig.run(function* (sys) {
    yield* sys.sleep(ms(11_000))
  })
  expect(rig.run(stat('/mnt/x'))).toBe(500)
})

it('a name said to be missing without a time is asked for each time', () => {
  const { rig, s } = setUp({ f: ONE })
  const asked = lookups(s, () => {
    for (let i = 0; i < 3; i++) rig.run(sys => sys.stat('/mnt/x') as never)
  })
  expect(asked).toBe(3)
})

it('who is to make a name asks first: mkdir, O_EXCL, the target of a rename; O_CREAT alone believes', () => {
  const { rig, s } = denying()
  const run = (f: (sys: Sys) => Step<unknown>): number => lookups(s, () => void rig.run(f))
  rig.run(sys => sys.stat('/mnt/x') as never)
  expect(run(sys => sys.open('/mnt/x', O_CREAT | O_RDWR) as never)).toBe(0)
  expect(run(sys => sys.open('/mnt/x', O_CREAT | O_EXCL | O_RDWR) as never)).toBe(1)
  expect(run(sys => sys.mkdir('/mnt/x') as never)).toBe(1)
  // f is looked up for the first time, x once more.
  expect(run(sys => sys.rename('/mnt/f', '/mnt/x') as never)).toBe(2)
})

it('a name that was missing is made, listed, and gone with the cache', () => {
  const { rig, s } = denying()
  rig.run(sys => sys.stat('/mnt/x') as never)
  const script = s.script!
  s.script = req =>
    req.op.name === 'MKDIR'
      ? {
          def: fuse_entry_out,
          values: { nodeid: 700, entry_valid: 9, attr_valid: 9, attr: { ino: 700, mode: 0o40755 } },
        }
      : script(req)
  const got = rig.run(function* (sys) {
    const st = yield* sys.mkdir('/mnt/x')
    const again = E(yield* sys.mkdir('/mnt/x'))
    return [st, again, ((yield* sys.stat('/mnt/x')) as { ino: number }).ino]
  })
  expect(got).toEqual([0, 'EEXIST', 700])
  rig.run(sys => sys.stat('/mnt/y') as never)
  expect(rig.run(sys => sys.drop_caches() as never)).toBe(2)
  expect(rig.run(sys => sys.umount('/mnt') as never)).toBe(0)
})

it('memory is a little short: as many names go as are asked for, the oldest first, and none that is in use', () => {
  const { rig, s } = setUp({ a: ONE, b: ONE, c: ONE, d: ONE })
  const got = rig.run(function* (sys) {
    const fd = yield* sys.open('/mnt/a')
    for (const name of ['b', 'c', 'd']) yield* sys.stat(`/mnt/${name}`)
    const out = [yield* sys.drop_caches(2)]
    yield* sys.stat('/mnt/d')
    out.push(yield* sys.drop_caches(9), yield* sys.drop_caches(9))
    yield* sys.close(fd)
    return [...out, yield* sys.drop_caches(9)]
  })
  expect(got).toEqual([2, 1, 0, 1])
  expect(s.log.filter(l => l.startsWith('LOOKUP')).length).toBe(4)
  expect(s.log.filter(l => l.startsWith('FORGET') || l.startsWith('BATCH'))).not.toEqual([])
})
