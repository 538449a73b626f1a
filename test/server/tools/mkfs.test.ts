// mkfs.famfs: on every DAX level, its order of checks, who may, killing, and what it leaves behind.
import { describe, expect, it } from 'vitest'
import { decodeLogHeader, decodeSuperblock, LOG_OFFSET, SB_MAGIC } from '../../../src/media/index.ts'
import { DAX_LEVELS } from '../../../src/profile/index.ts'
import { SYSTEM_UUID_FILE } from '../../../src/server/lib/role.ts'
import { GiB, MiB } from '../../../src/sim/index.ts'
import type { World } from '../../../src/world/index.ts'
import { asProgram, oneHost, treeOf } from './on-host.ts'

const DEV = '/dev/dax0.0'
const bytes = (w: World, at: number, len: number): Uint8Array => {
  const b = new Uint8Array(len)
  w.memory('dax0.0')!.memory.read(at, b)
  return b
}
const superblock = (w: World) => decodeSuperblock(bytes(w, 0, 200))

describe.each(DAX_LEVELS.map(l => l.name))('on %s', dax => {
  it('makes a file system that is in the memory when it ends, and fsck finds it clean', () => {
    const { w, h } = oneHost({ dax })
    w.memory('dax0.0')!.memory.write(LOG_OFFSET + 4096, new Uint8Array(4096).fill(255))
    const end = h.cli(`mkfs.famfs --loglen 16m ${DEV}`)
    expect(end).toMatchObject({ rc: 0, err: [] })
    expect(end.out).toEqual(
      expect.arrayContaining([
        'loglen: 16777216',
        `devsize: ${GiB(4)}`,
        '  role of this node: Owner',
        '  # of log entries in use: 0 of 30840',
      ]),
    )
    const check = superblock(w)
    const uuid = asProgram(h, function* ({ sys }) {
      const fd = yield* sys.open(SYSTEM_UUID_FILE)
      const b = new Uint8Array(36)
      yield* sys.read(fd, b)
      return String.fromCharCode(...b)
    }).value
    expect(check).toMatchObject({
      ok: true,
      sb: { systemUuid: uuid, logLen: MiB(16), daxdevName: DEV, daxdevSize: GiB(4) },
    })
    expect(decodeLogHeader(bytes(w, LOG_OFFSET, 48)).ok).toBe(true)
    expect(bytes(w, LOG_OFFSET + 4096, 4096).every(b => b === 0)).toBe(true)
    expect(h.cli(`famfs fsck ${DEV}`).rc).toBe(0)
    expect(h.cli(`mkfs.famfs ${DEV}`)).toMatchObject({
      rc: 2,
      err: [expect.stringContaining('already has a famfs superblock')],
    })
    expect(h.cli(`mkfs.famfs -k -f ${DEV}`).out).toContain('Famfs superblock killed')
    expect(superblock(w).sb!.magic).not.toBe(SB_MAGIC)
    expect(h.cli(`famfs fsck ${DEV}`).rc).toBe(1)
    w.close()
  })
})

it('another host may not, but by force; then it owns it', () => {
  // Coherent caches: else the first host would go on with the superblock in its own (Q36).
  const { w, h } = oneHost({ fabric: { caches: false } })
  const h1 = w.host('h1')
  expect(h.cli(`mkfs.famfs ${DEV}`).rc).toBe(0)
  for (const line of [`mkfs.famfs ${DEV}`, `mkfs.famfs -k ${DEV}`])
    expect(h1.cli(line)).toMatchObject({ rc: 2, err: [expect.stringContaining('owned by another host')] })
  expect(h1.cli(`famfs fsck ${DEV}`).out).toContain('  role of this node: Client')
  expect(h1.cli(`mkfs.famfs -f ${DEV}`).rc).toBe(0)
  expect(h.cli(`famfs fsck ${DEV}`).out).toContain('  role of this node: Client')
  w.close()
})

it('a small device is refused; so are a file, a node that is no dax device, and what is not there', () => {
  const { w, h } = oneHost({ size: GiB(2) })
  for (const [line, said] of [
    [DEV, 'expected at least 4294967296'],
    ['/etc/hosts', 'no dax device'],
    ['/dev/null', 'no dax device'],
    ['/dev/none', 'ENOENT'],
  ] as const)
    expect(h.cli(`mkfs.famfs ${line}`)).toMatchObject({ rc: 2, err: [expect.stringContaining(said)] })
  w.close()
})

it('Q21 and Q22: -v prints the help and succeeds, -k without -f makes a file system', () => {
  for (const [server, v, k] of [
    ['famfs-48', 0, 0],
    ['fixed', 0, 2],
  ] as const) {
    const { w, h } = oneHost({ server })
    expect(h.cli(`mkfs.famfs -k ${DEV}`).rc).toBe(k)
    expect(superblock(w).ok).toBe(k === 0)
    expect(h.cli(`mkfs.famfs -k -f ${DEV}`).rc).toBe(0)
    expect(h.cli(`mkfs.famfs -v -f ${DEV}`).rc).toBe(v)
    expect(superblock(w).ok).toBe(server === 'fixed')
    expect(h.cli(`mkfs.famfs -x ${DEV}`).rc).toBe(server === 'fixed' ? 1 : 0)
    w.close()
  }
})

it('Q31: what dummy mounts need stays behind', () => {
  for (const [server, left] of [
    ['famfs-48', 2],
    ['fixed', 0],
  ] as const) {
    const { w, h } = oneHost({ server })
    expect(h.cli(`mkfs.famfs ${DEV}`).rc).toBe(0)
    expect(treeOf(h, '/tmp').filter(n => !n.includes('/'))).toHaveLength(left)
    w.close()
  }
})
