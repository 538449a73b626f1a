// The defects of the commands that create and copy, each on and off, by what the commands then do.
import { describe, expect, it } from 'vitest'
import { O_CREAT, O_RDWR, tmpfs_create, tmpfs_mkdir } from '../../../src/kernel/index.ts'
import { entryOffset, LH, LOG_OFFSET } from '../../../src/media/index.ts'
import { shadow_of_mount } from '../../../src/server/lib/shadow.ts'
import { GiB, MiB, type TraceEvent } from '../../../src/sim/index.ts'
import { type Host, World } from '../../../src/world/index.ts'
import { drawsFor } from '../alloc-draws.ts'
import { logged, mkfs, mount } from './mounted.ts'
import { asProgram } from './on-host.ts'

interface Rig {
  readonly w: World
  readonly h: Host
  /** A command's exit code; @ is the mount point. */
  readonly rc: (line: string) => number
  /** Is there such a name in the mount? */
  readonly there: (name: string) => boolean
  /** Paths in the log. */
  readonly paths: () => string[]
  readonly events: TraceEvent[]
}

/** A world with `id` on or off, and what `look` finds in it. Without CPU caches, which nothing here depends on. */
function withDefect<T>(id: string, on: boolean, look: (r: Rig) => T, o: { size?: number; also?: string[] } = {}): T {
  const events: TraceEvent[] = []
  const noDefect = [...(on ? [] : [id]), ...(o.also ?? [])]
  const w = new World({ switches: { noDefect }, fabric: { caches: false }, sink: e => events.push({ ...e }) })
  w.daxdev('dax0.0', { size: o.size ?? GiB(4) })
  const h = w.host('h0')
  mkfs(h)
  mount(h)
  const rig: Rig = {
    w,
    h,
    rc: line => h.cli(line.replaceAll('@', '/mnt/famfs')).rc,
    there: name => {
      const st = asProgram(h, function* ({ sys }) {
        return yield* sys.stat(`/mnt/famfs/${name}`)
      })
      return typeof st.value !== 'number'
    },
    paths: () => logged(w).map(e => e.path),
    events,
  }
  const found = look(rig)
  w.close()
  return found
}

/** A file of zeros of the host's own. */
const file = (h: Host, path: string, size: number): void => {
  asProgram(h, function* ({ sys }) {
    const fd = yield* sys.open(path, O_CREAT | O_RDWR)
    yield* sys.ftruncate(fd, size)
    yield* sys.close(fd)
  })
}

/** Eight bytes of the log's memory. */
const poke = (w: World, at: number, value: number): void => {
  const b = new Uint8Array(8)
  new DataView(b.buffer).setBigUint64(0, BigInt(value), true)
  w.memory('dax0.0')!.memory.write(LOG_OFFSET + at, b)
}

const LONG = 'x'.repeat(85)
const FULL = 15420

interface Case {
  readonly id: string
  readonly what: string
  readonly look: (r: Rig) => unknown
  readonly on: unknown
  readonly off: unknown
  readonly o?: Parameters<typeof withDefect>[3]
}

const CASES: readonly Case[] = [
  {
    id: 'Q5',
    what: 'the second file of a session runs past the device',
    look: ({ h, rc, w }) => {
      rc(`famfs creat -s ${MiB(2) * (2048 - 5 - 2)} @/fill`)
      for (const name of ['a', 'b']) file(h, `/tmp/${name}`, MiB(1))
      tmpfs_create(h.k, '/tmp/c', new Uint8Array(MiB(3)))
      const end = rc('famfs cp /tmp/a /tmp/c @')
      const outside = logged(w).some(
        e => e.fmap.kind === 'simple' && e.fmap.extents.some(x => x.offset + x.len > GiB(4)),
      )
      return [end, outside]
    },
    // Its bytes beyond the end are SIGBUS.
    on: [135, true],
    off: [1, false],
  },
  {
    id: 'Q6',
    what: 'a failure after more than 16 buckets aborts',
    look: ({ h, rc }) => {
      expect(rc('famfs creat -s 5G @/fill')).toBe(0)
      h.site.draw = drawsFor([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 0, 1, 2, 3, 4])
      return rc('famfs creat -B 20 -N 16 -C 2M -s 64M @/striped')
    },
    on: 134,
    off: 1,
    o: { size: GiB(20) },
  },
  {
    id: 'Q7',
    what: 'no strips divide by zero',
    look: ({ rc }) => rc('famfs creat -B 4 -C 2M -s 8M @/x'),
    on: 136,
    off: 1,
  },
  {
    id: 'Q7',
    what: '17 strips in .alloc.cfg overrun the heap',
    look: ({ h, rc }) => {
      alloc_cfg(h, 'interleaved_alloc:\n  nbuckets: 20\n  nstrips: 17\n  chunk_size: 2m\n')
      return rc('famfs creat -s 64M @/x')
    },
    on: 134,
    off: 1,
    o: { size: GiB(20), also: ['Q26'] },
  },
  {
    id: 'Q12',
    what: 'files of a tree get the mode of their directory',
    look: ({ h, rc, w }) => {
      tmpfs_mkdir(h.k, '/tmp/tree', 0o750)
      tmpfs_create(h.k, '/tmp/tree/f', 'x')
      rc('famfs cp -r /tmp/tree @/tree')
      return logged(w).map(e => e.mode.toString(8))
    },
    on: ['750', '750'],
    off: ['750', '644'],
  },
  {
    id: 'Q14',
    what: 'a long path aborts creat, and is cut for mkdir',
    look: ({ rc, there, paths }) => [
      rc(`famfs creat -s 4096 @/${LONG}`),
      there(LONG),
      rc(`famfs mkdir @/${LONG}`),
      rc(`famfs creat -s 4096 @/${LONG}/f`),
      there(LONG),
      paths(),
    ],
    on: [134, false, 0, 134, true, [LONG.slice(0, 79)]],
    off: [1, false, 36, 1, false, []],
  },
  {
    id: 'Q15',
    what: 'a doubled slash leaves an orphan',
    look: ({ rc, there, paths }) => [rc('famfs creat -s 4096 @//dbl'), there('dbl'), paths()],
    on: [134, true, []],
    off: [0, true, ['dbl']],
  },
  {
    id: 'Q18',
    what: 'a sequence number that is not the index is gone on with',
    look: ({ rc, w, paths }) => {
      rc('famfs creat -s 4096 @/a')
      poke(w, LH.nextSeqnum, 2)
      return [rc('famfs creat -s 4096 @/b'), paths(), logged(w).at(-1)!.seqnum]
    },
    on: [0, ['a', 'b'], 2],
    off: [1, ['a'], 0],
    o: { also: ['Q16'] },
  },
  {
    id: 'Q19',
    what: 'entries are appended behind a bad one',
    look: ({ rc, w, paths }) => {
      rc('famfs creat -s 4096 @/a')
      poke(w, entryOffset(0) + 536, 1)
      return [rc('famfs creat -s 4096 @/b'), rc('famfs mkdir @/d'), paths()]
    },
    on: [0, 0, ['a', 'b', 'd']],
    off: [1, 1, ['a']],
  },
  { id: 'Q23', what: '10T are 10 bytes', look: ({ rc }) => rc('famfs creat -s 10T @/x'), on: 0, off: 1 },
  {
    id: 'Q26',
    what: '.alloc.cfg is not seen',
    look: ({ h, rc, w }) => {
      alloc_cfg(h, 'interleaved_alloc:\n  nbuckets: 4\n  nstrips: 3\n  chunk_size: 2m\n')
      rc('famfs creat -s 16M @/x')
      return logged(w).map(e => e.fmap.kind)
    },
    on: ['simple'],
    off: ['interleaved'],
  },
  {
    id: 'Q27',
    what: 'files may be made below .meta',
    look: ({ rc, paths }) => [rc('famfs creat -s 1 @/.meta/foo'), rc('famfs mkdir @/.meta/d'), paths()],
    on: [0, 0, ['.meta/foo', '.meta/d']],
    off: [1, 1, []],
  },
  {
    id: 'Q38',
    what: 'a full log leaves a ghost in the tree',
    look: ({ rc, w, there }) => {
      poke(w, LH.nextSeqnum, FULL)
      poke(w, LH.nextIndex, FULL)
      return [
        rc('famfs creat -s 4096 @/x'),
        there('x'),
        rc('famfs mkdir @/d'),
        there('d'),
        rc('famfs cp /etc/hosts @/h'),
      ]
    },
    on: [1, true, 12, true, 12],
    off: [1, false, 12, false, 12],
  },
  {
    id: 'Q37',
    what: 'entry and header are flushed as one range, header first',
    look: ({ rc, events }) => {
      events.length = 0
      rc('famfs mkdir @/d')
      return events.filter(e => e.kind.name === 'clwb').map(e => [e.a - LOG_OFFSET, e.b])
    },
    on: [0, 1, 2, 3].map(n => [MiB(2 * n), MiB(2)]),
    off: [
      [48, 544],
      [32, 16],
    ],
  },
  {
    id: 'Q9',
    what: 'each piece is flushed from the start of the file',
    look: ({ h, rc, w, events }) => {
      file(h, '/tmp/big', MiB(129))
      events.length = 0
      rc('famfs cp -t 2 /tmp/big @/big')
      const [e] = logged(w)
      const at = e!.fmap.kind === 'simple' ? e!.fmap.extents[0]!.offset : 0
      const flushed = events.filter(x => x.kind.name === 'clwb' && x.a >= at).map(x => (x.a - at) / MiB(1))
      return [flushed.filter(x => x === 0).length, flushed.some(x => x >= 128)]
    },
    on: [2, false],
    off: [1, true],
  },
  {
    id: 'Q32',
    what: 'the lock goes while threads copy',
    look: ({ h, rc, events }) => {
      file(h, '/tmp/big', MiB(20))
      events.length = 0
      rc('famfs cp -t 1 /tmp/big @/big')
      const last = (is: (e: TraceEvent) => boolean): number => events.findLastIndex(is)
      return last(e => e.subject === 'flock') < last(e => e.kind.name === 'clwb')
    },
    on: true,
    off: false,
  },
]

/** Put .alloc.cfg into the shadow tree of the mount. */
function alloc_cfg(h: Host, text: string): void {
  const shadow = asProgram(h, function* ({ sys }) {
    return yield* shadow_of_mount(sys, '/mnt/famfs')
  }).value!
  tmpfs_create(h.k, `${shadow.replace(/\/root$/, '')}/root/.meta/.alloc.cfg`, text)
}

describe('defects of the creating commands', () => {
  it.each(CASES)('$id: $what', ({ id, look, on, off, o }) => {
    expect(withDefect(id, true, look, o)).toEqual(on)
    expect(withDefect(id, false, look, o)).toEqual(off)
  })
  it('Q28: a client writes what the owner made', () => {
    const found = (noDefect: string[]) => {
      const w = new World({ trace: false, switches: { noDefect } })
      w.daxdev('dax0.0', { size: GiB(4) })
      const [owner, client] = [w.host('h0'), w.host('h1')]
      mkfs(owner)
      mount(owner)
      owner.cli('famfs creat -s 4096 /mnt/famfs/a')
      mount(client)
      const rc = ['creat -s 4096 /mnt/famfs/b', 'creat -r -S 7 /mnt/famfs/a'].map(c => client.cli(`famfs ${c}`).rc)
      w.close()
      return rc
    }
    expect(found([])).toEqual([1, 0])
    expect(found(['Q28'])).toEqual([1, 1])
  })
})
