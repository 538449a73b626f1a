// Counterparts of the real programs' unit tests for mkfs, superblock, log header, devices, roles and modes, under their names
// (userspace.md h.1).
import { describe, expect, it } from 'vitest'
import { O_RDONLY, tmpfs_create, tmpfs_mkdir } from '../../../src/kernel/index.ts'
import {
  decodeLogHeader,
  decodeSuperblock,
  encodeLogHeader,
  encodeSuperblock,
  freshLogHeader,
  LOG_OFFSET,
  mkfsPlan,
} from '../../../src/media/index.ts'
import { LOG_PATH, map_superblock_by_path, open_relpath } from '../../../src/server/lib/by-path.ts'
import { device_size } from '../../../src/server/lib/daxdev.ts'
import { famfs_select_mode } from '../../../src/server/lib/mode.ts'
import { ROLE_NAME } from '../../../src/server/lib/role.ts'
import { told_mode } from '../../../src/server/tools/mount.ts'
import { GiB, MiB } from '../../../src/sim/index.ts'
import { asProgram, oneHost } from './on-host.ts'

const DEV = '/dev/dax0.0'
const MPT = '/mnt/famfs'

const plan = () => {
  const uuid = (n: number) => `00000000-0000-0000-0000-00000000000${n}`
  const p = mkfsPlan({
    deviceSize: GiB(4),
    logLen: MiB(8),
    devName: DEV,
    fsUuid: uuid(1),
    devUuid: uuid(2),
    systemUuid: uuid(3),
  })
  if ('error' in p) throw new Error(p.error)
  return p
}

it('famfs_mkfs: not over a file system, whatever the log length; killed by force, made anew; then not again, but by force', () => {
  const { w, h } = oneHost({ fabric: { caches: false } })
  const rc = (words: string) => h.cli(`mkfs.famfs ${words} ${DEV}`).rc
  expect([rc(''), rc(''), rc('-l 1'), rc('-k -f'), rc(''), rc(''), rc('-f')]).toEqual([0, 2, 2, 0, 0, 2, 0])
  w.close()
})

describe('famfs_super_test', () => {
  const good = encodeSuperblock(plan().superblock)
  const code = (b: Uint8Array) => {
    const c = decodeSuperblock(b)
    return c.ok ? 0 : c.code
  }
  const bent = (at: number): Uint8Array => good.map((b, i) => (i === at ? b ^ 1 : b))
  it('no superblock, a bad magic, another version, a bad CRC, and the good one', () => {
    expect([new Uint8Array(0), bent(0), bent(8), bent(96), good].map(code)).toEqual([-1, -1, 1, -1, 0])
  })
  it('a log header with a bad magic, a bad CRC, and the good one', () => {
    const header = encodeLogHeader(freshLogHeader(MiB(8)))
    const bad = (at: number) => decodeLogHeader(header.map((b, i) => (i === at ? b ^ 1 : b))).ok
    expect([bad(0), bad(24), decodeLogHeader(header).ok]).toEqual([false, false, true])
  })
  it('what a program makes of each, on a mount', () => {
    const { w, h } = oneHost({ fabric: { caches: false } })
    tmpfs_mkdir(h.k, MPT)
    expect([h.cli(`mkfs.famfs ${DEV}`).rc, h.cli(`famfs mount ${DEV} ${MPT}`).rc]).toEqual([0, 0])
    const { memory } = w.memory('dax0.0')!
    const sb = () =>
      asProgram(h, function* (p) {
        return yield* map_superblock_by_path(p, MPT)
      })
    expect(sb().value).not.toBe(null)
    for (const [at, said] of [
      [0, 'magic'],
      [8, "not of this library's format"],
      [96, 'crc'],
    ] as const) {
      const b = new Uint8Array(1)
      memory.read(at, b)
      memory.write(
        at,
        b.map(x => x ^ 1),
      )
      const { value, err } = sb()
      expect([value, err.length]).toEqual([null, 1])
      expect(err[0]).toContain(said)
      memory.write(at, b)
    }
    const magic = new Uint8Array(1)
    memory.read(LOG_OFFSET, magic)
    memory.write(
      LOG_OFFSET,
      magic.map(x => x ^ 1),
    )
    expect([h.cli(`famfs fsck ${MPT}`).rc, h.cli(`famfs logplay ${MPT}`).rc]).toEqual([1, 1])
    memory.write(LOG_OFFSET, magic)
    expect([h.cli(`famfs fsck ${MPT}`).rc, h.cli(`famfs logplay ${MPT}`).rc]).toEqual([0, 0])
    w.close()
  })
})

it('famfs_open_relpath: up from any path, also one that is not there; not from outside', () => {
  const { w, h } = oneHost()
  tmpfs_mkdir(h.k, '/a/.meta')
  tmpfs_mkdir(h.k, '/a/b/c')
  tmpfs_create(h.k, `/a/${LOG_PATH}`, 'log')
  const from = (path: string) =>
    asProgram(h, function* ({ sys }) {
      const f = yield* open_relpath(sys, path, LOG_PATH, O_RDONLY)
      return typeof f === 'number' ? null : [f.mpt, f.size]
    }).value
  for (const path of ['/a', '/a/', '/a/b/c', '/a/b/c/d/e/f', '/a/.meta/.log', '/a/b/../b/none'])
    expect([path, from(path)]).toEqual([path, ['/a', 3]])
  for (const path of ['', '/', 'garbage', '/tmp', '/tmp/none', '/none'])
    expect([path, from(path)]).toEqual([path, null])
  w.close()
})

it('famfs_get_device_size: of a dax device; not of /dev/zero, a file, or what is not there', () => {
  const { w, h } = oneHost()
  const size = (path: string) =>
    asProgram(h, function* (p) {
      return yield* device_size(p, path)
    }).value
  expect(size(DEV)).toBe(GiB(4))
  for (const path of ['/dev/zero', '/etc/hosts', '/nonexist']) expect(size(path)).toBeLessThan(0)
  w.close()
})

it('famfs_print_role_string', () => {
  expect(Object.values(ROLE_NAME)).toEqual(['Owner', 'Client', 'Invalid superblock'])
})

it.each([
  ['', 'fuse'],
  ['fuse', 'fuse'],
  ['v1', 'v1'],
  ['bogus', 'fuse'],
])('famfs_select_mode: FAMFS_MODE=%j', (env, mode) => {
  const { w, h } = oneHost()
  const { value, err } = asProgram(h, function* (p) {
    const told = { ...p, env: new Map(env === '' ? [] : [['FAMFS_MODE', env]]) }
    return [[], [{ opt: 'F', value: null }], [{ opt: 'f', value: null }]].map(opts =>
      famfs_select_mode(told, told_mode(opts, 'f')),
    )
  })
  expect(value).toEqual([mode, 'v1', 'fuse'])
  expect(err.length).toBe(env === 'bogus' ? 1 : 0)
  w.close()
})
