// The life of a standalone famfs, of which one allocation fails (fail-nth.ts): nobody serves it, so its files are made anew by each
// mount, and are gone with it.
import { MAP_SHARED, O_CREAT, O_RDWR, PROT_READ, PROT_WRITE } from '../../src/kernel/index.ts'
import { MiB, type Step } from '../../src/sim/index.ts'
import { EEXIST, encodeMapCreate, encodeMapCreateV2, type FileMap } from '../../src/wire/index.ts'
import type { Sys } from '../../src/world/index.ts'
import type { Plan } from './fail-nth.ts'
import { names, TWO, use } from './fail-nth-use.ts'
import { FLAGS, IOC, MNT, striped } from './famfs-std/std.ts'

/** Two groups of two strips. */
const GROUPS: FileMap = {
  fileSize: MiB(8),
  kind: 'interleaved',
  groups: [1, 2].map(i => ({
    chunkSize: TWO,
    nbytes: MiB(4),
    strips: [0, 1].map(j => ({ dev: 0, offset: MiB(16) * (2 * i + j), len: TWO })),
  })),
}
const EXTENTS = [0, 1].map(i => ({ dev: 0, offset: MiB(8) * (i + 1), len: TWO }))

/** Makes a file and gives it its map, which it cannot have twice; true when that is what happened. */
const make = (path: string, map: FileMap | null) =>
  function* (sys: Sys): Step<boolean> {
    const fd = yield* sys.open(path, O_CREAT | O_RDWR, 0o644)
    if (fd < 0) return false
    const v2 = map === null ? null : encodeMapCreateV2(map)
    const arg = encodeMapCreate(2 * TWO, EXTENTS)
    const create = () =>
      v2 === null ? sys.ioctl(fd, IOC.MAP_CREATE, arg) : sys.ioctl(fd, IOC.MAP_CREATE_V2, v2.arg, v2.user)
    const first = yield* create()
    const second = yield* create()
    yield* sys.close(fd)
    return first === 0 && second === -EEXIST
  }

/** Stores through a mapping while the name goes: the inode is evicted with the last reference. True when all of it succeeded. */
const gone = (path: string) =>
  function* (sys: Sys): Step<boolean> {
    const fd = yield* sys.open(path, O_RDWR)
    if (fd < 0) return false
    const at = yield* sys.mmap(0, TWO, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
    const unlinked = yield* sys.unlink(path)
    yield* sys.close(fd)
    if (at <= 0) return false
    const end = yield* sys.store_or_signal(at, new Uint8Array([1]))
    yield* sys.munmap(at, TWO)
    return unlinked === 0 && end === null
  }

/** Make files of both kinds of map, use them, list and make names, evict a file, use another again. */
export const STANDALONE: Plan = {
  mount: rig =>
    rig.run(function* (sys) {
      return yield* sys.mount_dev('famfs', '/dev/dax0.0', MNT, FLAGS)
    }) === 0,
  parts: [
    [
      'mkdir',
      function* (sys) {
        return (yield* sys.mkdir(`${MNT}/d`, 0o755)) === 0
      },
    ],
    ['make', make(`${MNT}/simple`, null)],
    ['make', make(`${MNT}/d/two`, striped(2 * TWO, 2, TWO))],
    ['make', make(`${MNT}/d/striped`, GROUPS)],
    ['use', use(`${MNT}/simple`)],
    ['use', use(`${MNT}/d/striped`)],
    ['names', names],
    ['unlink', gone(`${MNT}/d/two`)],
    ['use again', use(`${MNT}/d/striped`)],
  ],
}
