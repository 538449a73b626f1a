// What the tests of the standalone famfs share: a kernel with devices and a mount, and files made as user space makes them.
import { map_create, Rig, type RigOptions } from '../../../src/conform/index.ts'
import { O_CREAT, O_RDWR, type Sys } from '../../../src/kernel/index.ts'
import { MiB, type Step } from '../../../src/sim/index.ts'
import { type FileMap, famfsioc } from '../../../src/wire/index.ts'

export const IOC = famfsioc(0x50)
export const MNT = '/mnt'
/** What the real `famfs mount` asks for. */
export const FLAGS = 'noatime,nosuid,noexec,nodev'

export const simple = (fileSize: number, ...extents: [offset: number, len: number][]): FileMap => ({
  fileSize,
  kind: 'simple',
  extents: extents.map(([offset, len]) => ({ dev: 0, offset, len })),
})

/** n strips of `len` bytes from `base` on, 64 MiB apart. */
export const striped = (
  fileSize: number,
  n: number,
  len: number,
  { base = MiB(64), step = MiB(64), chunkSize = MiB(2), nbytes = fileSize } = {},
): FileMap => ({
  fileSize,
  kind: 'interleaved',
  groups: [
    {
      chunkSize,
      nbytes,
      strips: Array.from({ length: n }, (_, i) => ({ dev: 0, offset: base + i * step, len })),
    },
  ],
})

export const std = (o: RigOptions = {}): Rig => new Rig({ kernel: 'std', kasan: true, devices: [{}], ...o })

/** A new file with a map, open; or -errno. */
export function* creat(sys: Sys, path: string, map: FileMap): Step<number> {
  const fd = yield* sys.open(path, O_RDWR | O_CREAT, 0o644)
  if (fd < 0) return fd
  const rc = yield* map_create(sys, fd, map)
  return rc === 0 ? fd : rc
}

/** A rig that is mounted. */
export function mounted(o: RigOptions = {}, options = FLAGS): Rig {
  const rig = std(o)
  const rc = rig.run(function* (sys) {
    return yield* sys.mount_dev('famfs', '/dev/dax0.0', MNT, options)
  })
  if (rc !== 0) throw new Error(`mount: ${rc}`)
  return rig
}
