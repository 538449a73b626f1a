// Every cell of the mode matrix on every DAX level: from, to, held or not, mapped or not. What is expected is in
// mode-rules.ts; a cell that cannot be is tried all the same and has to fail as told there.
import { describe, expect, it } from 'vitest'
import { type Mounted, type RawServer, Rig, simpleMap } from '../../src/conform/index.ts'
import type { DriverName } from '../../src/devdax/index.ts'
import { MAP_SHARED, O_RDWR, PROT_READ, PROT_WRITE, type Sys } from '../../src/kernel/index.ts'
import { DAX_LEVELS } from '../../src/profile/index.ts'
import { daxctl } from '../../src/server/index.ts'
import { MiB, type Step } from '../../src/sim/index.ts'
import { EHWPOISON, errnoName } from '../../src/wire/index.ts'
import {
  type Cell,
  CHANGE,
  changeOf,
  HEARD,
  HOLD,
  LATER,
  LEFT,
  MAPPED,
  MODES,
  type Mode,
  NOISE,
  PUT_WARN,
  RAW,
  type Rule,
  ruleFor,
} from './mode-rules.ts'

const TWO = MiB(2)
const DRIVER: Readonly<Record<Mode, DriverName | null>> = {
  devdax: 'device_dax',
  famfs: 'fsdev_dax',
  'system-ram': 'kmem',
  fsdax: 'pmem',
  disabled: null,
}
const MODE_OF = (d: DriverName | null): Mode => MODES.find(m => DRIVER[m] === d)!

/** A host in the mode the cell starts from. */
function rigOf(c: Cell): Rig {
  const [dax, without] = c.level.split(' - ')
  const rig = new Rig({
    dax,
    switches: without === undefined ? {} : { noDefect: [without] },
    devices: [
      {
        size: MiB(256),
        driver: c.from === 'system-ram' ? null : DRIVER[c.from],
        region: c.from === 'fsdax' || c.to === 'fsdax' ? 'static' : 'dynamic',
      },
    ],
  })
  if (c.from === 'system-ram') rig.run(sys => reconfigure(sys, 'system-ram'))
  return rig
}

function* reconfigure(sys: Sys, mode: Mode): Step<number> {
  const end = yield* daxctl(sys, ['reconfigure-device', '-f', '-m', mode, 'dax0.0'])
  return end.rc === 0 ? 0 : 256 - end.rc
}

/** daxctl where it has a word for it, else what ndctl does to a namespace: 0 or errno. */
function* change(sys: Sys, c: Cell): Step<number> {
  if (c.to === 'disabled') {
    const end = yield* daxctl(sys, ['disable-device', 'dax0.0'])
    return end.rc === 0 ? 0 : 256 - end.rc
  }
  if (c.from !== 'fsdax' && c.to !== 'fsdax') return yield* reconfigure(sys, c.to)
  if (c.from === 'fsdax' && c.to !== 'fsdax' && c.to !== 'devdax') return yield* reconfigure(sys, c.to)
  const file = (driver: DriverName, what: string) =>
    driver === 'pmem' ? `/sys/bus/nd/drivers/nd_pmem/${what}` : `/sys/bus/dax/drivers/${driver}/${what}`
  const name = (driver: DriverName) => (driver === 'pmem' ? 'namespace0.0' : 'dax0.0')
  const old = DRIVER[c.from]
  if (old !== null) {
    const rc = yield* sys.sysfs_write(file(old, 'unbind'), name(old))
    if (rc < 0) return -rc
  }
  const now = DRIVER[c.to]!
  const rc = yield* sys.sysfs_write(file(now, 'bind'), name(now))
  return rc < 0 ? -rc : 0
}

const serverOf = (rig: Rig): RawServer => {
  const s = rig.server()
  s.files.set('f', { nodeid: 100, size: TWO, fmap: simpleMap([[0, TWO, TWO]]) })
  s.files.set('g', { nodeid: 101, size: TWO, fmap: simpleMap([[0, 2 * TWO, TWO]]) })
  return s
}
const readOf = function* (sys: Sys, path: string): Step<number> {
  const fd = yield* sys.open(path, O_RDWR)
  if (fd < 0) return -fd
  const n = yield* sys.pread(fd, 8, 0)
  yield* sys.close(fd)
  return n === 8 ? 0 : -n
}
/** Map 4 MiB of a file (or the node) and store to its second half, or its only one: address, or -errno. */
const mapOf = function* (sys: Sys, path: string, len: number): Step<number> {
  const fd = yield* sys.open(path, O_RDWR)
  if (fd < 0) return fd
  const at = yield* sys.mmap(0, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
  if (at < 0) return at
  yield* sys.store(at + len - TWO, Uint8Array.of(1))
  return at
}

/** Everything that was seen in one cell. */
interface Seen {
  hold?: number
  raw?: number
  errno?: number
  mode?: Mode
  left?: string
  heard?: string
  noise?: string[]
  put_warn?: boolean
  later?: string
}

function seen(c: Cell): Seen {
  const out: Seen = {}
  const rig = rigOf(c)
  const dev = rig.k.bus.devices()[0]!
  const s = serverOf(rig)
  let mt: Mounted | null = null
  if (c.held) {
    mt = rig.mount(s)
    out.hold = rig.run(sys => readOf(sys, '/mnt/f'))
    if (out.hold !== 0) return out
  }
  rig.spawn('app', function* (sys) {
    if (c.mapped === 'file') expect(yield* mapOf(sys, '/mnt/f', TWO)).toBeGreaterThan(0)
    if (c.mapped === 'raw') {
      const at = yield* mapOf(sys, '/dev/dax0.0', 2 * TWO)
      out.raw = at < 0 ? -at : 0
      if (at < 0) return
    }
    const before = dev.folios.of(512).folio
    out.errno = yield* change(sys, c)
    const { folio } = dev.folios.of(512)
    const stale = folio.mapping !== null || folio.mapcount !== 0
    out.mode = MODE_OF(dev.driver.peek())
    out.left = !stale ? 'clean' : out.errno !== 0 && out.mode === c.from && folio === before ? 'kept' : 'stale'
    if (c.held) {
      const n = yield* readOf(sys, '/mnt/g')
      out.heard = n === 0 ? 'works' : n === EHWPOISON ? 'EHWPOISON' : errnoName(n)
    }
  })
  rig.go()
  if (out.raw !== undefined && out.raw !== 0) return out
  out.noise = rig.m.problems.map(p =>
    p.kind === 'oops' ? 'oops' : p.text.replace(/^\w+: /, '').replace(/(state|map):.*/, '$1'),
  )
  if (out.noise.includes('oops')) return out
  const t = serverOf(rig)
  rig.mount(t, '/mnt2')
  const n = rig.run(sys => readOf(sys, '/mnt2/g'))
  out.later = n === 0 ? 'works' : errnoName(n)
  if (mt !== null) {
    const told = rig.m.problems.length
    rig.run(function* (sys) {
      return yield* sys.umount('/mnt')
    })
    rig.killServer(mt)
    out.put_warn = rig.m.problems.slice(told).some(p => p.text.includes('does not hold it'))
  }
  return out
}

function expected(c: Cell): Seen {
  if (c.held && ruleFor(HOLD, c) !== 0) return { hold: ruleFor(HOLD, c) }
  const hold = c.held ? { hold: 0 } : {}
  const raw = ruleFor(RAW, c)
  if (c.mapped === 'raw' && raw !== 0) return { ...hold, raw }
  const { errno, mode } = changeOf(c)
  const noise = [...ruleFor(NOISE, c)]
  const gone = noise.includes('oops')
  return {
    ...hold,
    ...(c.mapped === 'raw' ? { raw } : {}),
    errno,
    mode,
    left: ruleFor(LEFT, c),
    noise,
    ...(c.held ? { heard: ruleFor(HEARD, c) } : {}),
    ...(gone ? {} : { later: ruleFor(LATER, c) }),
    ...(gone || !c.held ? {} : { put_warn: ruleFor(PUT_WARN, c) }),
  }
}

const levels = [...DAX_LEVELS.map(l => l.name), 'fsdev-v3 - B25']
describe.each(levels)('%s', level => {
  const hasFamfs = !level.startsWith('devdax')
  const pairs = MODES.filter(m => m !== 'famfs' || hasFamfs).flatMap(from => MODES.map(to => [from, to] as const))
  it.each(pairs)('%s to %s', (from, to) => {
    for (const held of [false, true])
      for (const mapped of MAPPED) {
        if (mapped === 'file' && !held) continue
        const c: Cell = { level, from, to, held, mapped }
        expect({ cell: `held ${held}, mapped ${mapped}`, ...seen(c) }).toEqual({
          cell: `held ${held}, mapped ${mapped}`,
          ...expected(c),
        })
      }
  })
})

it('a page that was mapped raw belongs to the node until the driver goes (B04), on every level', () => {
  for (const { name } of DAX_LEVELS) {
    const rig = rigOf({ level: name, from: 'devdax', to: 'devdax', held: false, mapped: 'raw' })
    rig.run(sys => mapOf(sys, '/dev/dax0.0', 2 * TWO))
    const { folio } = rig.k.bus.devices()[0]!.folios.of(512)
    expect([folio.order, folio.mapping !== null, folio.mapcount]).toEqual([9, true, 0])
  }
})

describe('the rules', () => {
  const cells: Cell[] = levels.flatMap(level =>
    MODES.flatMap(from =>
      MODES.flatMap(to => [false, true].flatMap(held => MAPPED.map(mapped => ({ level, from, to, held, mapped })))),
    ),
  )
  it('have no row that never holds', () => {
    const tables: readonly (readonly Rule<unknown>[])[] = [HOLD, RAW, CHANGE, LEFT, NOISE, HEARD, LATER, PUT_WARN]
    for (const rules of tables) {
      const used = new Set(cells.map(c => rules.find(r => r.when(c))))
      expect(rules.filter(r => !used.has(r)).map(r => r.why)).toEqual([])
    }
  })
  it('canary: a kernel of another level than the rules are of is found', () => {
    const c: Cell = { level: 'fsdev-v3', from: 'famfs', to: 'devdax', held: true, mapped: 'file' }
    expect(seen({ ...c, level: 'fsdev-v8' })).not.toEqual(expected(c))
  })
})
