// Counterparts of the real programs' unit tests for creating, copying and the log, under their names (userspace.md h.1).
import { describe, expect, it } from 'vitest'
import { tmpfs_create, tmpfs_mkdir } from '../../../src/kernel/index.ts'
import {
  crc32,
  decodeEntry,
  decodeSuperblock,
  ENTRY_CRC_LEN,
  ENTRY_SIZE,
  encodeEntry,
  encodeLogHeader,
  entryOffset,
  type FileEntry,
  freshLogHeader,
  LE,
  LH,
  LOG_HEADER_SIZE,
  LOG_OFFSET,
  SB_SIZE,
  takenRuns,
} from '../../../src/media/index.ts'
import { buildBitmap } from '../../../src/server/alloc/index.ts'
import { init_locked_log, release_locked_log } from '../../../src/server/lib/locked-log.ts'
import { mmap_whole_file } from '../../../src/server/lib/map-file.ts'
import { mkfile_locked } from '../../../src/server/lib/mkfile.ts'
import { flush_file } from '../../../src/server/tools/flush.ts'
import { GiB, MiB } from '../../../src/sim/index.ts'
import { entriesOf, mkfs, mount } from './mounted.ts'
import { asProgram, oneHost } from './on-host.ts'

/** A mounted famfs of 4 GiB, or of `size`; @ is its mount point. */
function rig(size = GiB(4)) {
  const { w, h } = oneHost({ size, fabric: { caches: false } })
  mkfs(h)
  mount(h)
  const memory = w.memory('dax0.0')!.memory
  return {
    w,
    h,
    rc: (line: string): number => h.cli(line.replaceAll('@', '/mnt/famfs')).rc,
    /** Bytes of the log, in the memory. */
    poke: (at: number, bytes: Uint8Array): void => memory.write(LOG_OFFSET + at, bytes),
    peek: (at: number, len: number): Uint8Array => {
      const b = new Uint8Array(len)
      memory.read(at, b)
      return b
    },
  }
}

const CAPACITY = 15420

/** Fill the log with good entries up to `slots` before its end. */
function fill_log(r: ReturnType<typeof rig>, slots: number): void {
  const n = CAPACITY - slots
  for (let i = 0; i < n; i++)
    r.poke(entryOffset(i), encodeEntry({ type: 'mkdir', seqnum: i, path: `fill/${i}`, uid: 0, gid: 0, mode: 0o755 }))
  r.poke(0, encodeLogHeader({ ...freshLogHeader(MiB(8)), nextIndex: n, nextSeqnum: n }))
}

const flip = (r: ReturnType<typeof rig>, at: number): void => {
  const b = r.peek(LOG_OFFSET + at, 1)
  r.poke(at, Uint8Array.of(b[0]! ^ 0xff))
}

describe('famfs_alloc', () => {
  it('refuses what is there, takes one of the same size, and interleaves 32M, 3M and 8M', () => {
    const { w, rc } = rig(GiB(8))
    expect(rc('famfs creat -s 2M @/one')).toBe(0)
    expect([rc('famfs creat -s 2M @/one'), rc('famfs creat -s 4M @/one')]).toEqual([0, 1])
    for (const s of ['32M', '3M', '8M']) expect(rc(`famfs creat -N 6 -B 8 -C 2M -s ${s} @/i${s}`)).toBe(0)
    expect(rc('famfs logplay -n @')).toBe(0)
    w.close()
  })
  it('builds from the log the bitmap that the allocator has', () => {
    const { w, h, peek } = rig(GiB(8))
    const { value } = asProgram(h, function* (p) {
      const lp = (yield* init_locked_log(p, '/mnt/famfs'))!
      const attr = { mode: 0o644, uid: 0, gid: 0 }
      const how = { nbuckets: 8, nstrips: 6, chunkSize: MiB(2) }
      for (const [i, size] of [MiB(1), MiB(32), MiB(100), MiB(3)].entries()) {
        const fd = yield* mkfile_locked(p, lp, `/mnt/famfs/f${i}`, size, attr, i % 2 === 0 ? null : how)
        expect(fd).toBeGreaterThanOrEqual(0)
      }
      yield* release_locked_log(p, lp)
      return takenRuns(lp.space!.sessions[0]!.map)
    })
    const sb = decodeSuperblock(peek(0, SB_SIZE))
    const n = entriesOf(w).length
    const { account } = buildBitmap(sb.sb!, peek(LOG_OFFSET, entryOffset(n)), n)
    expect(takenRuns(account.map)).toEqual(value)
    w.close()
  })
})

describe('famfs_log', () => {
  const FREE = 57
  const r = rig()
  it('files fit until the device is full; directories still do', () => {
    expect(r.rc(`famfs creat -s ${MiB(2) * (2048 - 5 - FREE)} @/fill`)).toBe(0)
    const files = Array.from({ length: FREE }, (_, i) => `-M @/f${i},1M`).join(' ')
    expect(r.rc(`famfs creat ${files}`)).toBe(0)
    expect(r.rc('famfs creat -s 1M @/over')).toBe(1)
    for (let i = 0; i < 10; i++) expect(r.rc(`famfs mkdir @/d${i}`)).toBe(0)
    expect([r.rc('famfs logplay @'), r.rc('famfs fsck @')]).toEqual([0, 0])
  })
  it('a bad magic and a bad sequence number end log play, a bad header fsck; once repaired all is well', () => {
    flip(r, LH.magic)
    expect([r.rc('famfs logplay @'), r.rc('famfs fsck @')]).toEqual([1, 1])
    flip(r, LH.magic)
    flip(r, entryOffset(3) + LE.seqnum)
    expect([r.rc('famfs logplay @'), r.rc('famfs fsck @')]).toEqual([1, 0])
    flip(r, entryOffset(3) + LE.seqnum)
    expect([r.rc('famfs logplay @'), r.rc('famfs fsck @')]).toEqual([0, 0])
  })
  it('nothing is created by a client, nor where the log cannot be opened', () => {
    r.h.cli('rm /opt/famfs/system_uuid')
    expect(r.rc('famfs mkdir @/client')).toBe(1)
    expect(r.rc('famfs mkdir /tmp/nowhere')).toBe(1)
    r.w.close()
  })
})

describe('famfs_log: entries, and what is not there', () => {
  const seal = (bytes: Uint8Array): Uint8Array => {
    new DataView(bytes.buffer).setUint32(LE.crc, crc32(bytes, 0, ENTRY_CRC_LEN), true)
    return bytes
  }
  /** What log play and fsck say of a log with one file, whose entry was changed to this. */
  const changed = (to: (entry: Uint8Array) => Uint8Array): number[] => {
    const r = rig()
    expect(r.rc('famfs creat -s 4096 @/f')).toBe(0)
    r.poke(entryOffset(0), to(r.peek(LOG_OFFSET + entryOffset(0), ENTRY_SIZE)))
    const codes = [r.rc('famfs logplay @'), r.rc('famfs fsck @')]
    r.w.close()
    return codes
  }
  const of_type = (type: number) => (b: Uint8Array) => {
    new DataView(b.buffer).setUint32(LE.type, type, true)
    return seal(b)
  }
  it('as it was made: no error', () => expect(changed(b => b)).toEqual([0, 0]))
  it('a path that is not relative: an error', () => {
    expect(changed(b => encodeEntry({ ...(decodeEntry(b) as FileEntry), path: '/f' }))).toEqual([1, 0])
  })
  it('a type to be ignored: none', () => expect(changed(of_type(4))).toEqual([0, 0]))
  it('a file that is read as a directory: an error', () => expect(changed(of_type(1))).toEqual([1, 0]))
  it('superblock or log unlinked: nothing works', () => {
    for (const file of ['.superblock', '.log']) {
      const r = rig()
      const shadow = /"(.*)"/.exec(r.h.cli('getfattr -n user.famfs.shadow /mnt/famfs').out.join())![1]
      expect(r.rc(`rm ${shadow}/root/.meta/${file}`)).toBe(0)
      asProgram(r.h, function* ({ sys }) {
        yield* sys.drop_caches()
      })
      expect(['fsck @', 'logplay @', 'creat -s 4096 @/f'].map(c => r.rc(`famfs ${c}`) === 0)).toEqual([
        false,
        false,
        false,
      ])
      r.w.close()
    }
  })
  it('fsck of a block device that is none, of a pipe, and of nothing', () => {
    const r = rig()
    expect([r.rc('mknod /tmp/block b 1 1'), r.rc('mknod /tmp/pipe p')]).toEqual([0, 0])
    for (const path of ['/tmp/block', '/tmp/pipe', '/tmp/none']) expect(r.rc(`famfs fsck ${path}`)).toBeGreaterThan(0)
    r.w.close()
  })
})

describe('famfs_log_overflow_mkdir_p', () => {
  it('ten levels at a time, until less than ten slots are left', () => {
    const r = rig()
    fill_log(r, 25)
    const levels = (n: number): string => Array.from({ length: 10 }, (_, i) => `l${n}_${i}`).join('/')
    expect([0, 1, 2].map(n => r.rc(`famfs mkdir -p @/${levels(n)}`))).toEqual([0, 0, 12])
    expect([r.rc('famfs fsck @'), r.rc('famfs logplay -n @')]).toEqual([0, 0])
    r.w.close()
  })
})

describe('famfs_log_overflow_files', () => {
  it('to the very last slot, and no further', () => {
    const r = rig()
    fill_log(r, 4)
    expect([0, 1, 2].map(n => r.rc(`famfs creat -s 4096 @/f${n}`))).toEqual([0, 0, 0])
    expect(r.rc('famfs mkdir @/d')).toBe(0)
    expect([r.rc('famfs creat -s 4096 @/over'), r.rc('famfs mkdir @/overd')]).toEqual([1, 12])
    expect(r.peek(LOG_OFFSET + LOG_HEADER_SIZE - 8, 8)[0]).toBe(CAPACITY & 255)
    const told: string[] = []
    r.h.onTell = text => told.push(text)
    expect([r.rc('famfs fsck @'), r.rc('famfs logplay -n @')]).toEqual([0, 0])
    expect(told).toEqual([`log play: 10000 of ${CAPACITY} entries`])
    r.w.close()
  })
})

describe('copying and cloning', () => {
  const { w, h, rc } = rig()
  tmpfs_create(h.k, '/tmp/src', 'abc')
  tmpfs_create(h.k, '/tmp/empty')
  tmpfs_mkdir(h.k, '/tmp/dir')
  it.each([
    ['famfs_cp', 'famfs cp /tmp/nope @', 1],
    ['famfs_cp', 'famfs cp /tmp/nope @/x', 1],
    ['famfs_cp', 'famfs cp /tmp/src @/no/such/dir/x', 1],
    ['__famfs_cp', 'famfs cp /tmp/dir @/x', 1],
    ['__famfs_cp', 'famfs cp /dev/zero @/x', 22],
    ['__famfs_cp', 'famfs cp /tmp/empty @/x', 1],
    ['__famfs_cp', 'famfs cp /tmp/src /tmp/copy', 1],
    ['__famfs_cp', 'famfs cp /tmp/src @/x', 0],
    ['__famfs_cp', 'famfs cp -c /tmp/src @/x', 0],
    ['famfs_clone', 'famfs clone /tmp/nope @/c', 1],
    ['famfs_clone', 'famfs clone /tmp/src @/c', 1],
    ['famfs_clone', 'famfs clone @/x @/c', 1],
    ['famfs_mkmeta', 'famfs mkmeta /dev/bogus', 1],
  ])('%s: %s: %i', (_, line, want) => expect(rc(line)).toBe(want))
  it('mmap_whole_file: not what is missing, a device, or empty', () => {
    const { value } = asProgram(h, function* ({ sys }) {
      const got: boolean[] = []
      for (const path of ['/tmp/nope', '/dev/zero', '/tmp/empty', '/mnt/famfs/x'])
        got.push(typeof (yield* mmap_whole_file(sys, path, false)) !== 'number')
      return got
    })
    expect(value).toEqual([false, false, false, true])
  })
  it('famfs_misc: flushing what is missing is 3, a directory 1', () => {
    const { value } = asProgram(h, function* (p) {
      return [yield* flush_file(p, '/tmp/nope'), yield* flush_file(p, '/tmp/dir'), yield* flush_file(p, '/mnt/famfs/x')]
    })
    expect(value).toEqual([3, 1, 0])
    w.close()
  })
})

describe.each(['famfs-48', 'fixed'])('%s: nothing is logged of what lies below a file', server => {
  it.each(['mkdir @/f/d', 'mkdir -p @/f/d', 'creat -s 4096 @/f/x', 'cp /tmp/src @/f/x'])('famfs %s', line => {
    const { w, h } = oneHost({ server })
    mkfs(h)
    mount(h)
    tmpfs_create(h.k, '/tmp/src', 'abc')
    const rc = (args: string): number => h.cli(`famfs ${args.replaceAll('@', '/mnt/famfs')}`).rc
    expect(rc('creat -s 4096 @/f')).toBe(0)
    expect(rc(line)).toBeGreaterThan(0)
    expect(entriesOf(w)).toHaveLength(1)
    expect([rc('fsck @'), rc('creat -s 4096 @/g')]).toEqual([0, 0])
    w.close()
  })
})
