// statx(2): what a name is, and what it refuses.
import { expect, it } from 'vitest'
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_DIRECTORY,
  S_ISLNK,
  STATX_ATTR_DAX,
  STATX_ATTR_MOUNT_ROOT,
  type Statx,
  type Sys,
} from '../../../src/kernel/index.ts'
import type { Step } from '../../../src/sim/index.ts'
import { E, ONE, setUp } from '../../conformance/set-up.ts'

/** Arguments of statx. */
type Ask = [number, string, number?, number?]

it('attributes of files, links, descriptors and roots', () => {
  const { rig } = setUp({ f: ONE })
  const ask = function* (sys: Sys, ...a: Ask): Step<Statx | string | number> {
    const st = yield* sys.statx(...a)
    return typeof st === 'number' ? E(st) : st
  }
  const got = rig.run(function* (sys) {
    yield* sys.symlink('/mnt/f', '/l')
    const before = (yield* ask(sys, AT_FDCWD, '/mnt/f')) as Statx
    const fd = yield* sys.open('/mnt/f')
    const dir = yield* sys.open('/mnt', O_DIRECTORY)
    const of = []
    for (const a of [
      [AT_FDCWD, '/l'],
      [fd, '', AT_EMPTY_PATH],
      [dir, 'f'],
      [dir, '', AT_EMPTY_PATH],
      [AT_FDCWD, '/'],
    ] as Ask[])
      of.push(((yield* ask(sys, ...a)) as Statx).attributes)
    const link = (yield* ask(sys, AT_FDCWD, '/l', AT_SYMLINK_NOFOLLOW)) as Statx
    const bad = []
    for (const a of [
      [AT_FDCWD, '/mnt/f', 1],
      [AT_FDCWD, '/mnt/f', 0x6000],
      [AT_FDCWD, '/mnt/f', 0, 0x80000000],
      [fd, ''],
      [99, 'f'],
      [fd, 'f'],
      [AT_FDCWD, '/mnt/no'],
    ] as Ask[])
      bad.push(yield* ask(sys, ...a))
    return { before: before.attributes, of, link: S_ISLNK(link.mode), size: before.size, bad }
  })
  expect(got).toEqual({
    // Only open(2) makes it a DAX file.
    before: 0,
    of: [STATX_ATTR_DAX, STATX_ATTR_DAX, STATX_ATTR_DAX, STATX_ATTR_MOUNT_ROOT, STATX_ATTR_MOUNT_ROOT],
    link: true,
    size: 2 << 20,
    bad: ['EINVAL', 'EINVAL', 'EINVAL', 'ENOENT', 'EBADF', 'ENOTDIR', 'ENOENT'],
  })
})
