// famfs fsck: by device and by path, both ways to read, and the exit codes that tell too little (Q17) or never come (Q16, Q20).
import { expect, it } from 'vitest'
import { tmpfs_mkdir } from '../../../src/kernel/index.ts'
import { encodeEntry, encodeLogHeader, entryOffset, freshLogHeader, LOG_OFFSET } from '../../../src/media/index.ts'
import { MiB } from '../../../src/sim/index.ts'
import { asProgram, oneHost } from './on-host.ts'

const DEV = '/dev/dax0.0'
const MPT = '/mnt/famfs'

/** A file system whose log has one file of 2 MiB at `offset`, its CRC good. */
function withFile(server: string, offset: number, next = 1) {
  const { w, h } = oneHost({ server, fabric: { caches: false } })
  tmpfs_mkdir(h.k, MPT)
  expect(h.cli(`mkfs.famfs ${DEV}`).rc).toBe(0)
  const { memory } = w.memory('dax0.0')!
  const fmap = { kind: 'simple' as const, extents: [{ dev: 0, offset, len: MiB(2) }] }
  const file = { type: 'file' as const, path: 'f', size: 4096, flags: 2, uid: 0, gid: 0, mode: 0o644, fmap }
  memory.write(LOG_OFFSET, encodeLogHeader({ ...freshLogHeader(MiB(8)), nextIndex: next, nextSeqnum: next }))
  memory.write(LOG_OFFSET + entryOffset(0), encodeEntry({ ...file, seqnum: 0 }))
  const mounted = (): number =>
    asProgram(h, function* ({ sys }) {
      return sys
        .proc_mounts()
        .split('\n')
        .filter(l => l.startsWith(DEV)).length
    }).value
  return { w, h, memory, mounted }
}

it('by device, by any path, by read(2), in GiB, with buckets: clean', () => {
  const { w, h } = withFile('famfs-48', MiB(10))
  const dev = h.cli(`famfs fsck ${DEV}`)
  expect(dev.rc).toBe(0)
  expect(h.cli(`famfs mount ${DEV} ${MPT}`).rc).toBe(0)
  const path = h.cli(`famfs fsck ${MPT}/f`)
  expect(path.out.slice(6)).toEqual(dev.out.slice(6))
  expect(path.out.slice(0, 4)).toEqual([
    'famfs fsck:',
    `  mount point: ${MPT}`,
    '  mount type:  FAMFS_FUSE',
    `  backing dev: ${DEV}`,
  ])
  expect(h.cli(`famfs fsck -r ${MPT}`).out).toEqual(path.out)
  expect(h.cli(`famfs fsck -h ${MPT}`).out).toContain('  Device capacity:        4.00G')
  expect(h.cli(`famfs fsck -v -B 4 ${MPT}`).out).toContain('Stripe bucket info:')
  w.close()
})

it('Q17: a bad entry is counted and forgotten', () => {
  for (const [server, rc] of [
    ['famfs-48', 0],
    ['fixed', 1],
  ] as const) {
    const { w, h, memory } = withFile(server, MiB(10))
    memory.write(LOG_OFFSET + entryOffset(0) + 100, Uint8Array.of(1))
    const end = h.cli(`famfs fsck ${DEV}`)
    expect(end.rc).toBe(rc)
    expect(end.out).toContain('  1 bad log entries detected')
    w.close()
  }
})

it('Q16 and Q20: an extent that starts on no unit aborts, and the dummy mount stays', () => {
  const real = withFile('famfs-48', MiB(10) + 4096)
  expect(real.h.cli(`famfs fsck ${DEV}`)).toMatchObject({ rc: 134, signal: 'SIGABRT' })
  expect(real.mounted()).toBe(1)
  expect(real.h.cli(`famfs fsck ${DEV}`).rc).toBe(16)
  expect(real.h.cli(`famfs mount ${DEV} ${MPT}`).rc).toBe(1)
  real.w.close()
  const fixed = withFile('fixed', MiB(10) + 4096)
  expect(fixed.h.cli(`famfs fsck ${DEV}`)).toMatchObject({
    rc: 1,
    err: [expect.stringContaining('expected a multiple')],
  })
  expect(fixed.mounted()).toBe(0)
  fixed.w.close()
})

it('Q16: a next_index past the log is followed off its mapping', () => {
  const real = withFile('famfs-48', MiB(10), 99999)
  expect(real.h.cli(`famfs fsck ${DEV}`)).toMatchObject({ rc: 139, signal: 'SIGSEGV' })
  real.w.close()
  const fixed = withFile('fixed', MiB(10), 99999)
  const end = fixed.h.cli(`famfs fsck ${DEV}`)
  expect(end.rc).toBeGreaterThan(0)
  expect(end.err[0]).toContain('next_index 99999, expected at most 15420')
  fixed.w.close()
})
