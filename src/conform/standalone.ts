// A standalone famfs mounted on a host of a world, with files whose maps the scenario chooses: what scripted() is for one in FUSE.
import { O_CREAT, O_RDWR, type Sys, tmpfs_mkdir } from '../kernel/index.ts'
import { type Op, type Step, UsageError } from '../sim/index.ts'
import { encodeMapCreateV2, errnoName, FAMFSIOC_FIRST, type FileMap, famfsioc } from '../wire/index.ts'
import type { Host } from '../world/index.ts'

const { MAP_CREATE_V2 } = famfsioc(FAMFSIOC_FIRST)

/** MAP_CREATE_V2 on an open file of a standalone famfs: 0 or -errno. */
export const map_create = (sys: Sys, fd: number, map: FileMap): Op<number> => {
  const { arg, user } = encodeMapCreateV2(map)
  return sys.ioctl(fd, MAP_CREATE_V2, arg, user)
}

/** Mount `device` at `mpt` (made if missing) and give it these files. Throws UsageError when it fails. */
export function standalone(host: Host, mpt: string, device: string, files: Readonly<Record<string, FileMap>>): void {
  const { kabi, name } = host.k.profile.t
  if (kabi === null) throw new UsageError(`${host.name}: kernel ${name} has no standalone famfs; type --kernel std`)
  tmpfs_mkdir(host.k, mpt)
  const body = function* (sys: Sys): Step<number> {
    let rc = yield* sys.mount_dev('famfs', device, mpt)
    for (const [file, map] of Object.entries(files)) {
      if (rc < 0) return rc
      const fd = yield* sys.open(`${mpt}/${file}`, O_CREAT | O_RDWR, 0o644)
      if (fd < 0) return fd
      rc = yield* map_create(sys, fd, map)
      yield* sys.close(fd)
    }
    return rc
  }
  const rc = host.world.setup(host, 'famfs', body)
  if (rc !== 0) throw new UsageError(`${host.name}: standalone famfs at ${mpt}: ${errnoName(-rc)}`)
}
