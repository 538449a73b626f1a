// famfs mount: what a failed one leaves, whom it takes for mounted, shadow directories, roles, daemons that die.
import { describe, expect, it } from 'vitest'
import { tmpfs_mkdir } from '../../../src/kernel/index.ts'
import { LOG_OFFSET } from '../../../src/media/index.ts'
import { GiB } from '../../../src/sim/index.ts'
import { World, type WorldOptions } from '../../../src/world/index.ts'
import { asProgram, oneHost, treeOf } from './on-host.ts'

const DEV = '/dev/dax0.0'
const MPT = '/mnt/famfs'
const MOUNT = `famfs mount ${DEV} ${MPT}`

/** A host that has made a file system; nothing is mounted. */
function made(o: WorldOptions = {}) {
  const { w, h } = oneHost(o)
  for (const dir of [MPT, '/mnt/x', '/mnt/y']) tmpfs_mkdir(h.k, dir)
  expect(h.cli(`mkfs.famfs ${DEV}`).rc).toBe(0)
  const mounts = (): string[] =>
    asProgram(h, function* ({ sys }) {
      return sys
        .proc_mounts()
        .split('\n')
        .filter(l => l.startsWith(DEV))
    }).value
  return { w, h, mounts, memory: w.memory('dax0.0')!.memory }
}

it('/proc/mounts shows what the real one does', () => {
  const { w, h, mounts } = made()
  expect(h.cli(MOUNT).rc).toBe(0)
  const options = 'rw,nosuid,nodev,relatime,user_id=0,group_id=0,default_permissions,allow_other'
  expect(mounts()).toEqual([`${DEV} ${MPT} fuse ${options} 0 0`])
  w.close()
})

describe('Q4: a log that does not play', () => {
  const broken = (server: string) => {
    const { w, h, memory, mounts } = made({ server, fabric: { caches: false } })
    memory.write(LOG_OFFSET + 24, Uint8Array.of(1, 2, 3, 4))
    const clock = () =>
      asProgram(h, function* ({ sys }) {
        return sys.clock()
      }).value
    const now = clock()
    const end = h.cli(MOUNT)
    const seconds = (clock() - now) / 1e9
    const left = treeOf(h, '/tmp').filter(n => n.startsWith('famfs_shadow_'))
    const r = { rc: end.rc, err: end.err, seconds, mounts: mounts().length, left: left.length }
    w.close()
    return r
  }
  it('famfs-48: 51 s of tries, exit 99, and still mounted', () => {
    const r = broken('famfs-48')
    expect([r.rc, r.mounts]).toEqual([99, 1])
    expect(r.seconds).toBeGreaterThan(51)
    expect(r.seconds).toBeLessThan(52)
    expect(r.err.filter(l => l.includes('EBUSY'))).toHaveLength(10)
  })
  it('fixed: exit 1 at once, nothing mounted, nothing left', () => {
    const r = broken('fixed')
    expect(r).toMatchObject({ rc: 1, mounts: 0, left: 0, err: [expect.stringContaining('log header: crc')] })
    expect(r.seconds).toBeLessThan(0.2)
  })
})

it('a device without a file system: exit 1, unmounted, and tidy only without Q31', () => {
  for (const [server, left] of [
    ['famfs-48', 1],
    ['fixed', 0],
  ] as const) {
    const { w, h } = oneHost({ server })
    tmpfs_mkdir(h.k, MPT)
    const end = h.cli(MOUNT)
    expect(end).toMatchObject({ rc: 1, err: [expect.stringContaining('no valid superblock')] })
    expect(treeOf(h, '/tmp').filter(n => /^famfs_shadow_......$/.test(n))).toHaveLength(left)
    expect(h.cli('famfs fsck /mnt/famfs').rc).toBe(1)
    w.close()
  }
})

it('Q34: a mount whose line has no famfs in it is not seen; the kernel, which lends a device once, refuses the second then', () => {
  for (const [server, seen] of [
    ['famfs-48', false],
    ['fixed', true],
  ] as const) {
    const { w, h, mounts } = made({ server })
    expect(h.cli(`famfs mount ${DEV} /mnt/x`).rc).toBe(0)
    for (const line of [`famfs mount ${DEV} /mnt/y`, `famfs fsck ${DEV}`, `mkfs.famfs -f ${DEV}`]) {
      const end = h.cli(line)
      expect([line, end.rc === 0, end.err.some(l => l.includes('is mounted on /mnt/x'))]).toEqual([line, false, seen])
    }
    expect(mounts()).toHaveLength(1)
    w.close()
  }
})

it('-S: a directory without a tree, once; Q35: whether it is in use is not asked', () => {
  for (const [server, said] of [
    ['famfs-48', 'cannot make /tmp/s/root'],
    ['fixed', 'in use by the mount on /mnt/famfs'],
  ] as const) {
    const w = new World({ seed: 1, trace: false, server })
    for (const name of ['dax0.0', 'dax1.0']) w.daxdev(name, { size: GiB(4) })
    const h = w.host('h0')
    for (const dir of [MPT, '/mnt/famfs2', '/tmp/s']) tmpfs_mkdir(h.k, dir)
    for (const dev of [DEV, '/dev/dax1.0']) expect(h.cli(`mkfs.famfs ${dev}`).rc).toBe(0)
    expect(h.cli(`famfs mount -S /tmp/s ${DEV} ${MPT}`).rc).toBe(0)
    const second = h.cli('famfs mount -S /tmp/s /dev/dax1.0 /mnt/famfs2')
    expect(second).toMatchObject({ rc: 1, err: [expect.stringContaining(said)] })
    expect(treeOf(h, '/tmp/s/root')).toEqual(['.meta', '.meta/.log', '.meta/.superblock'])
    w.close()
  }
})

it('a dummy mount shows superblock and log; with it the device is taken', () => {
  const { w, h } = made()
  const { out } = h.cli(`famfs mount -D ${DEV}`)
  const mpt = /\/tmp\/famfs_dummy_......$/.exec(out[0]!)![0]
  expect(treeOf(h, mpt)).toEqual(['.meta', '.meta/.log', '.meta/.superblock'])
  expect(h.cli(MOUNT).rc).toBe(1)
  expect(h.cli(`famfs fsck ${DEV}`).rc).toBe(16)
  expect(h.cli(`famfs fsck ${mpt}`).rc).toBe(0)
  w.close()
})

it('only root mounts; a device in devdax mode is brought over with -M', () => {
  const { w, h } = made()
  h.daxctl('reconfigure-device', '-m', 'devdax', '-f', 'dax0.0')
  expect(h.cli(MOUNT)).toMatchObject({ rc: 1, err: [expect.stringContaining('--set-daxmode')] })
  expect(h.cli(`famfs fsck ${DEV}`).rc).toBe(1)
  expect(h.cli(`mkfs.famfs -f ${DEV}`).rc).toBe(2)
  expect(h.cli(`famfs mount -M ${DEV} ${MPT}`).rc).toBe(0)
  const uid = { uid: 1000, gid: 1000, caps: [] as never[] }
  const run = (line: string) =>
    h.world.setup(
      h,
      'user',
      function* (sys) {
        return yield* h.sh(sys, line)
      },
      { cred: uid },
    )
  expect(run(MOUNT).rc).toBe(1)
  expect(run(`mkfs.famfs ${DEV}`).rc).toBe(1)
  w.close()
})

it('Q36: a host goes on with the superblock that its cache holds, until it invalidates', () => {
  for (const [server, role] of [
    ['famfs-48', 'Owner'],
    ['fixed', 'Client'],
  ] as const) {
    const { w, h } = made({ server })
    const h1 = w.host('h1')
    tmpfs_mkdir(h1.k, MPT)
    expect(h.cli(MOUNT).rc).toBe(0)
    expect(h1.cli(`mkfs.famfs -f ${DEV}`).rc).toBe(0)
    expect(h.cli(`famfs fsck ${MPT}`).out).toContain(`  role of this node: ${role}`)
    w.close()
  }
})
