// The 23 damaged images and what the commands make of them: famfs-48 as the real programs did, one after the other on one host; the
// fixed server says what is wrong in a line, exits with something else than 0, and changes nothing.
import { describe, expect, test } from 'vitest'
import { tmpfs_create, tmpfs_mkdir } from '../../../src/kernel/index.ts'
import { crc32 } from '../../../src/media/index.ts'
import type { End } from '../../../src/server/index.ts'
import { SYSTEM_UUID_FILE } from '../../../src/server/lib/role.ts'
import { hexBytes, image, vectors } from '../../media/images.ts'
import { asProgram, oneHost, treeOf } from './on-host.ts'

interface Patched {
  readonly name: string
  readonly patches: readonly [number, string][]
}
interface Recorded {
  readonly name: string
  readonly fsck_dev: number
  readonly mount: number
  readonly fsck_mnt?: number
  readonly creat?: number
  readonly logplay?: number
  /** Entries, new files, new directories. */
  readonly played?: readonly number[]
  readonly missing?: readonly string[]
  readonly more?: readonly string[]
}
const { cases } = vectors<{ cases: readonly Patched[] }>('media-corrupt')
const recorded = vectors<{ names: readonly string[]; cases: readonly Recorded[] }>('corrupt-commands')
const basic = image('basic4g')
const DEV = '/dev/dax0.0'
const MPT = '/mnt/famfs'

/** A host that owns the image; its caches are coherent, as those of the machine where all this was recorded. */
function host(server: string) {
  const { w, h } = oneHost({ server, fabric: { caches: false } })
  tmpfs_mkdir(h.k, '/opt/famfs')
  tmpfs_create(h.k, SYSTEM_UUID_FILE, `${basic.expected.superblock!.system_uuid}\0`)
  tmpfs_mkdir(h.k, MPT)
  const { memory } = w.memory('dax0.0')!
  const device = (): Uint8Array => {
    const b = new Uint8Array(basic.bytes.length)
    memory.read(0, b)
    return b
  }
  return {
    w,
    h,
    put: (c: Patched): void => {
      memory.write(0, basic.bytes)
      for (const [at, hex] of c.patches) memory.write(at, hexBytes(hex))
    },
    sum: (): number => crc32(device()),
    /** Unmount everything of the device; where it was. */
    umount: (): string[] =>
      asProgram(h, function* ({ sys }) {
        const mpts = sys
          .proc_mounts()
          .split('\n')
          .filter(l => l.startsWith(DEV))
        for (const line of mpts) expect(yield* sys.umount(line.split(' ')[1]!)).toBe(0)
        return mpts.map(l => l.split(' ')[1]!)
      }).value,
  }
}

/** Entries, new files and new directories that log play told of. */
const counts = (end: End): number[] | undefined => {
  const line = end.out.find(l => l.startsWith('famfs_logplay(shadow): '))
  return line?.match(/\d+/g)?.map(Number)
}

describe('famfs-48', () => {
  const { w, h, put, umount } = host('famfs-48')
  const got = cases.map(c => {
    put(c)
    const r: Record<string, unknown> = { name: c.name }
    r.fsck_dev = h.cli(`famfs fsck ${DEV}`).rc
    const mounted = h.cli(`famfs mount ${DEV} ${MPT}`)
    r.mount = mounted.rc
    if (mounted.rc !== 1) {
      r.fsck_mnt = h.cli(`famfs fsck ${MPT}`).rc
      const tree = treeOf(h, MPT).filter(n => !n.startsWith('.meta'))
      r.creat = h.cli(`famfs creat -s 4096 ${MPT}/newfile`).rc
      r.logplay = h.cli(`famfs logplay ${MPT}`).rc
      if (recorded.cases.find(x => x.name === c.name)?.played) r.played = counts(mounted)
      r.missing = recorded.names.filter(n => !tree.includes(n))
      r.more = tree.filter(n => !recorded.names.includes(n))
    }
    umount()
    return [c.name, r] as const
  })
  w.close()
  test.each(got)('%s', (name, r) => expect(r).toEqual(recorded.cases.find(c => c.name === name)))
})

/** What the fixed server takes, and why it may. */
const HARMLESS: Readonly<Record<string, string>> = {
  good: 'nothing is wrong with it',
  au4096: 'a unit of 4 KiB is as good as one of 2 MiB: the checks of the format allow both',
}
/** What it mounts with a line, and why. */
const CUT_OFF: Readonly<Record<string, string>> = {
  torn_append: 'the last entry was never whole: whatever was created before it is there',
  index_rollback: 'the counters differ as after a crash between their two stores: what next_index counts is there',
}

describe('fixed', () => {
  const { w, h, put, sum, umount } = host('fixed')
  const got = cases.map(c => {
    put(c)
    const before = sum()
    tmpfs_mkdir(h.k, `/tmp/play/${c.name}/root`)
    const tmp = treeOf(h, '/tmp').filter(n => !n.startsWith('play'))
    const fsck = h.cli(`famfs fsck ${DEV}`)
    const play = h.cli(`famfs logplay --shadow /tmp/play/${c.name} --daxdev ${DEV}`)
    const mount = h.cli(`famfs mount ${DEV} ${MPT}`)
    const mpts = umount()
    const left = treeOf(h, '/tmp').filter(n => !n.startsWith('play') && !tmp.includes(n))
    return [
      c.name,
      { fsck, play, mount, mpts, left, played: treeOf(h, `/tmp/play/${c.name}/root`), same: sum() === before },
    ] as const
  })
  w.close()
  test.each(got)('%s', (name, r) => {
    const ok = HARMLESS[name] !== undefined
    const cut = CUT_OFF[name] !== undefined
    expect(r.same).toBe(true)
    expect([r.fsck.rc === 0, r.play.rc === 0]).toEqual([ok, ok])
    // fsck tells everything, what follows from the damage too; the others stop at the first.
    expect(r.fsck.err.length > 0).toBe(!ok)
    expect([r.play.err.length, r.mount.err.length]).toEqual(ok ? [0, 0] : [1, 1])
    expect(r.mount.rc === 0).toBe(ok || cut)
    expect(r.mpts).toEqual(ok || cut ? [MPT] : [])
    expect(r.played.length > 0).toBe(ok || cut)
    if (!ok && !cut) expect(r.left).toEqual([])
  })
})
