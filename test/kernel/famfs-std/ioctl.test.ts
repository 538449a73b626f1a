// The ioctls of the standalone famfs: numbers, what each map is answered with, reading a map back, and the defects of that code.

import { describe, expect, it } from 'vitest'
import { map_create } from '../../../src/conform/index.ts'
import { O_CREAT, O_RDWR, type Sys } from '../../../src/kernel/index.ts'
import { MiB, type Step } from '../../../src/sim/index.ts'
import {
  decodeGetFmap,
  E2BIG,
  EBADF,
  EEXIST,
  EFAULT,
  EINVAL,
  ENOSPC,
  ENOTTY,
  encodeMapCreate,
  encodeMapCreateV2,
  FAMFS_LOG,
  FAMFS_SUPERBLOCK,
  type FileMap,
  famfs_ioc_fmap,
  famfs_ioc_get_fmap_size,
  famfs_ioc_interleaved_ext,
  famfs_ioc_map,
  famfs_ioc_simple_extent,
  famfsioc,
  getU64,
  viewOf,
} from '../../../src/wire/index.ts'
import { creat, IOC, MNT, mounted, simple, striped } from './std.ts'

const TWO = MiB(2)
const FILE = `${MNT}/f`

function* empty(sys: Sys, path = FILE): Step<number> {
  return yield* sys.open(path, O_RDWR | O_CREAT)
}

/** What MAP_CREATE_V2 says of a map on an empty file. */
const v2 = (
  map: FileMap,
  change?: (arg: Uint8Array, user: Map<number, Uint8Array>) => void,
  noDefect: string[] = [],
) => {
  const rig = mounted({ switches: { noDefect } })
  const rc = rig.run(function* (sys) {
    const fd = yield* empty(sys)
    const { arg, user } = encodeMapCreateV2(map)
    const memory = new Map(user)
    change?.(arg, memory)
    return yield* sys.ioctl(fd, IOC.MAP_CREATE_V2, arg, memory)
  })
  return { rc, leaks: rig.leaks().filter(l => l !== 'famfs_fs_info'), problems: rig.problems() }
}

describe('the ABI', () => {
  it('has the sizes and numbers that a compiler gives', () => {
    expect(IOC).toEqual({
      MAP_CREATE: 0x40387550,
      MAP_GET: 0x80387551,
      MAP_GETEXT: 0x80107552,
      NOP: 0x7553,
      MAP_CREATE_V2: 0x40207554,
      MAP_GET_V2: 0x81c07555,
    })
    expect([famfs_ioc_map.size, famfs_ioc_fmap.size, famfs_ioc_get_fmap_size]).toEqual([56, 32, 448])
    expect([famfs_ioc_simple_extent.size, famfs_ioc_interleaved_ext.size]).toEqual([24, 32])
  })
  it('B01: the numbers first posted lie where others have theirs, those of now do not', () => {
    // Documentation/userspace-api/ioctl/ioctl-number.rst, letter u, as Randy Dunlap quoted it.
    const taken: [string, number, number][] = [
      ['smb_fs.h', 0x00, 0x1f],
      ['uvcvideo.h', 0x20, 0x3f],
      ['udmabuf.h', 0x40, 0x4f],
    ]
    const clashes = (first: number): string[] => [
      ...new Set(
        Object.values(famfsioc(first)).flatMap(n =>
          taken.filter(([, a, b]) => (n & 0xff) >= a && (n & 0xff) <= b).map(t => t[0]),
        ),
      ),
    ]
    expect([clashes(1), clashes(0x50)]).toEqual([['smb_fs.h'], []])
    const nop = (defect: string[], n: number): number =>
      mounted({ switches: { defect } }).run(function* (sys) {
        return yield* sys.ioctl(yield* empty(sys), n, new Uint8Array(0))
      })
    expect([nop([], IOC.NOP), nop(['B01'], IOC.NOP), nop(['B01'], famfsioc(1).NOP)]).toEqual([0, -ENOTTY, 0])
  })
  it('is of files of famfs only', () => {
    const said = mounted().run(function* (sys) {
      const other = yield* sys.open('/else', O_RDWR | O_CREAT)
      const dir = yield* sys.open(MNT)
      const fd = yield* empty(sys)
      const out: number[] = []
      for (const [f, n] of [
        [other, IOC.NOP],
        [dir, IOC.NOP],
        [77, IOC.NOP],
        [fd, 0x7556],
      ])
        out.push(yield* sys.ioctl(f!, n!, new Uint8Array(0)))
      return out
    })
    expect(said).toEqual([-ENOTTY, -ENOTTY, -EBADF, -ENOTTY])
  })
})

describe('MAP_CREATE_V2', () => {
  const GOOD = simple(TWO, [TWO, TWO])
  it.each<[string, FileMap, number]>([
    ['one extent', GOOD, 0],
    ['two extents', simple(2 * TWO, [TWO, TWO], [MiB(64), TWO]), 0],
    ['a size below the extents', simple(1, [TWO, TWO]), 0],
    ['no bytes', simple(0, [TWO, TWO]), 0],
    ['offset 0 of a regular file', simple(TWO, [0, TWO]), 0],
    ['no extent', simple(TWO), -EINVAL],
    ['three extents', simple(TWO, [TWO, TWO], [2 * TWO, TWO], [3 * TWO, TWO]), -E2BIG],
    ['an offset off the grid', simple(TWO, [4096, TWO]), -EINVAL],
    ['a length off the grid', simple(4096, [TWO, 4096]), -EINVAL],
    ['a size above the extents', simple(TWO + 1, [TWO, TWO]), -EINVAL],
    ['another device', { ...GOOD, extents: [{ dev: 1, offset: TWO, len: TWO }] } as FileMap, -EINVAL],
    ['16 strips', striped(MiB(32), 16, TWO, { step: MiB(4) }), 0],
    ['no strips', striped(0, 0, TWO), 0],
    ['strips that hold too little', striped(MiB(16), 4, TWO), -EINVAL],
    ['chunks of 64 KiB', striped(TWO, 2, TWO, { chunkSize: 65536 }), 0],
    ['groups that cover too little', striped(TWO, 1, TWO, { nbytes: 4096 }), -EINVAL],
  ])('%s', (_what, map, rc) => {
    const said = v2(map)
    expect([said.rc, said.problems]).toEqual([rc, []])
    if (rc !== 0) expect(said.leaks).toEqual([])
  })
  it('is refused for a file that has a map, whatever the new one', () => {
    const said = mounted().run(function* (sys) {
      const fd = yield* creat(sys, FILE, GOOD)
      return [
        yield* map_create(sys, fd, GOOD),
        yield* map_create(sys, fd, simple(0)),
        yield* sys.ioctl(fd, IOC.MAP_CREATE, encodeMapCreate(TWO, [{ dev: 0, offset: TWO, len: TWO }])),
      ]
    })
    expect(said).toEqual([-EEXIST, -EEXIST, -EEXIST])
  })
  it('an argument that is not there is EFAULT', () => {
    expect(v2(GOOD).rc).toBe(0)
    const rig = mounted()
    expect(
      rig.run(function* (sys) {
        const fd = yield* empty(sys)
        return [
          yield* sys.ioctl(fd, IOC.MAP_CREATE_V2, new Uint8Array(31)),
          yield* sys.ioctl(fd, IOC.MAP_CREATE, new Uint8Array(55)),
        ]
      }),
    ).toEqual([-EFAULT, -EFAULT])
  })
  it('S07: extents that are not there give a number of bytes, which looks like success', () => {
    const gone = (_: Uint8Array, user: Map<number, Uint8Array>): void => user.clear()
    expect(v2(GOOD, gone)).toEqual({ rc: 24, leaks: [], problems: [] })
    expect(v2(GOOD, gone, ['S07']).rc).toBe(-EFAULT)
    const [strips] = [...encodeMapCreateV2(striped(TWO, 2, TWO)).user.keys()].slice(0, 1)
    const half = (_: Uint8Array, user: Map<number, Uint8Array>): void =>
      void user.set(strips!, user.get(strips!)!.subarray(0, 24))
    expect(v2(striped(TWO, 2, TWO), half).rc).toBe(24)
  })
  it('S05: a type that nobody knows leaks the map it began', () => {
    const typed = (arg: Uint8Array): void => famfs_ioc_fmap.write(viewOf(arg), arg.byteOffset, { fioc_ext_type: 2 })
    expect(v2(GOOD, typed)).toEqual({ rc: -EINVAL, leaks: ['famfs_file_meta'], problems: [] })
    expect(v2(GOOD, typed, ['S05'])).toEqual({ rc: -EINVAL, leaks: [], problems: [] })
  })
  it('S06: 17 strips go over the end of an array on the stack; refused in time they are just refused', () => {
    const many = striped(MiB(34), 17, TWO)
    expect(() => v2(many)).toThrow(/kernel stack is corrupted in famfs_meta_alloc_v2: 17 strips/)
    expect(v2(many, undefined, ['S06'])).toEqual({ rc: -EINVAL, leaks: [], problems: [] })
  })
  it('B44: another device is taken without it', () => {
    const two = { ...GOOD, extents: [{ dev: 1, offset: TWO, len: TWO }] } as FileMap
    expect([v2(two).rc, v2(two, undefined, ['B44']).rc]).toEqual([-EINVAL, 0])
  })
  it('B17: of two groups only the strips of the first are freed', () => {
    const strips = (at: number) => [0, 1].map(j => ({ dev: 0, offset: at + j * MiB(8), len: TWO }))
    const two: FileMap = {
      fileSize: MiB(8),
      kind: 'interleaved',
      groups: [MiB(32), MiB(64)].map(at => ({ chunkSize: TWO, nbytes: MiB(4), strips: strips(at) })),
    }
    const left = (noDefect: string[]): string[] => {
      const rig = mounted({ switches: { noDefect: ['S02', ...noDefect] } })
      rig.run(function* (sys) {
        yield* sys.close(yield* creat(sys, FILE, two))
        yield* sys.unlink(FILE)
        yield* sys.umount(MNT)
      })
      return rig.leaks()
    }
    expect([left([]), left(['B17'])]).toEqual([['famfs_meta_simple_ext[]'], []])
  })
})

describe('MAP_CREATE', () => {
  const ext = (offset: number, len = TWO) => ({ dev: 0, offset, len })
  const v1 = (
    size: number,
    list: ReturnType<typeof ext>[],
    o: { type?: number; count?: number; noDefect?: string[] } = {},
  ) => {
    const rig = mounted({ switches: { noDefect: o.noDefect ?? ['S04'] } })
    const rc = rig.run(function* (sys) {
      const fd = yield* empty(sys)
      const arg = encodeMapCreate(size, list, o.type)
      if (o.count !== undefined) famfs_ioc_map.write(viewOf(arg), arg.byteOffset, { ext_list_count: o.count })
      return yield* sys.ioctl(fd, IOC.MAP_CREATE, arg)
    })
    return { rc, problems: rig.problems() }
  }
  it.each([
    ['one extent', TWO, [ext(TWO)], {}, 0],
    ['a last extent that ends anywhere', 4096, [ext(TWO, 4096)], {}, 0],
    ['a first extent that ends anywhere', TWO, [ext(TWO, 4096), ext(2 * TWO)], {}, -EINVAL],
    ['an offset off the grid', TWO, [ext(4096)], {}, -EINVAL],
    ['more bytes than extents', TWO + 1, [ext(TWO)], {}, -EINVAL],
    ['no extent', TWO, [], {}, -ENOSPC],
    ['three extents', TWO, [ext(TWO)], { count: 3 }, -E2BIG],
    ['-1 extents', TWO, [ext(TWO)], { count: -1 }, -E2BIG],
    ['offset 0 of the superblock', TWO, [ext(0)], { type: FAMFS_SUPERBLOCK }, 0],
  ])('%s: %#', (_what, size, list, o, rc) => {
    expect(v1(size, list, o)).toEqual({ rc, problems: [] })
  })
  it('warns of offset 0 of anything but the superblock', () => {
    const { rc, problems } = v1(TWO, [ext(0)], { type: FAMFS_LOG })
    expect([rc, problems.length]).toEqual([-EINVAL, 1])
    expect(problems[0]).toMatch(/^WARN: .*offset 0/)
  })
  it('S04: two extents are stored where there is room for one', () => {
    const two = [ext(TWO), ext(MiB(8))]
    expect(v1(2 * TWO, two, { noDefect: [] }).problems[0]).toMatch(
      /^out of bounds: 48 bytes are stored to famfs_meta_simple_ext\[\] \(24 bytes\)/,
    )
    expect(v1(2 * TWO, two)).toEqual({ rc: 0, problems: [] })
    expect(v1(TWO, two.slice(0, 1), { noDefect: [] }).problems).toEqual([])
  })
})

describe('reading a map back', () => {
  const back = (map: FileMap) =>
    mounted().run(function* (sys) {
      const fd = yield* creat(sys, FILE, map)
      const [get, getext, getv2] = [new Uint8Array(56), new Uint8Array(32), new Uint8Array(448)]
      const rc = [
        yield* sys.ioctl(fd, IOC.MAP_GET, get),
        yield* sys.ioctl(fd, IOC.MAP_GETEXT, getext),
        yield* sys.ioctl(fd, IOC.MAP_GET_V2, getv2),
      ]
      return {
        rc,
        get: famfs_ioc_map.read(viewOf(get), 0),
        getext: [0, 8, 16, 24].map(at => getU64(viewOf(getext), at)),
        v2: decodeGetFmap(getv2),
      }
    })
  it('of extents', () => {
    const map = simple(2 * TWO - 5, [TWO, TWO], [MiB(64), TWO])
    const r = back(map)
    expect(r.rc).toEqual([0, 0, 0])
    expect(r.get).toMatchObject({ extent_type: 0, file_size: 2 * TWO - 5, ext_list_count: 2 })
    expect(r.getext).toEqual([TWO, TWO, MiB(64), TWO])
    expect(r.v2).toEqual({ ...map, fileType: 0 })
  })
  it('of strips, which MAP_GETEXT has no form for', () => {
    const map = striped(MiB(7), 3, MiB(4))
    const r = back(map)
    expect(r.rc).toEqual([0, -EINVAL, 0])
    expect(r.get).toMatchObject({ extent_type: 1, file_size: MiB(7), ext_list_count: 1 })
    expect(r.v2).toEqual({ ...map, fileType: 0 })
  })
  it('S03: where there is none, MAP_GET says so and the other two follow a NULL pointer', () => {
    const ask =
      (n: number, noDefect: string[] = []) =>
      () =>
        mounted({ switches: { noDefect } }).run(function* (sys) {
          return yield* sys.ioctl(yield* empty(sys), n, new Uint8Array(448))
        })
    expect(ask(IOC.MAP_GET)()).toBe(-EINVAL)
    for (const n of [IOC.MAP_GETEXT, IOC.MAP_GET_V2]) {
      expect(ask(n)).toThrow(/NULL pointer dereference: meta/)
      expect(ask(n, ['S03'])()).toBe(-EINVAL)
    }
  })
})
