// What famfs programs ask of a dax device before they touch it: how large it is, and whether it is in famfs mode, into which they
// bring it when told to (userspace.md b, i.4).
import { MAJOR, MINOR } from '../../devdax/index.ts'
import { S_ISCHR } from '../../kernel/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { EINVAL, ENXIO, EPERM, errnoName } from '../../wire/index.ts'
import type { Proc } from '../proc.ts'
import { basename } from './path.ts'

const DEVICES = '/sys/bus/dax/devices'
const DRIVERS = '/sys/bus/dax/drivers'

/** famfs_get_device_size(): bytes, or -errno after a line. */
export const device_size = kfn('famfs_get_device_size', function* (p: Proc, path: string): Step<number> {
  const st = yield* p.sys.stat(path)
  if (typeof st === 'number') {
    p.err(`${path}: ${errnoName(-st)}; expected a dax device such as /dev/dax0.0`)
    return st
  }
  const size = S_ISCHR(st.mode)
    ? yield* p.sys.sysfs_read(`/sys/dev/char/${MAJOR(st.rdev)}:${MINOR(st.rdev)}/size`)
    : -EINVAL
  if (typeof size === 'string') return Number(size)
  p.err(`${path}: no dax device; expected one such as /dev/dax0.0`)
  return size
})

/** From 6.15 on a device is not mapped raw: programs reach superblock and log through a mount that only shows these two. */
export function dummy_mounts(p: Proc): boolean {
  const [major, minor] = p.sys.ts.k.profile.dax.linux
  return major > 6 || (major === 6 && minor >= 15)
}

/**
 * famfs_check_or_set_daxmode(): 0 when the device is in the mode that file systems need, or was brought into it because `set`
 * says so; -EPERM when it is in another, -ENXIO when there is no such device.
 */
export const check_daxmode = kfn(
  'famfs_check_or_set_daxmode',
  function* (p: Proc, path: string, set: boolean): Step<number> {
    const { sys } = p
    const dev = basename(path)
    const wanted = sys.ts.k.profile.dax.fs_driver
    if (typeof (yield* sys.sysfs_list(`${DEVICES}/${dev}`)) === 'number') {
      p.err(`${path}: no dax device of that name in ${DEVICES}`)
      return -ENXIO
    }
    const bound = yield* sys.sysfs_read(`${DEVICES}/${dev}/driver`)
    if (bound === wanted) return 0
    if (!set) {
      p.err(
        `${path}: driver ${typeof bound === 'string' ? bound : 'none'}, a file system needs ${wanted}; try --set-daxmode`,
      )
      return -EPERM
    }
    if (typeof bound === 'string') yield* sys.sysfs_write(`${DRIVERS}/${bound}/unbind`, dev)
    yield* sys.sysfs_write(`${DRIVERS}/${wanted}/new_id`, dev)
    yield* sys.sysfs_write(`${DRIVERS}/${wanted}/bind`, dev)
    if ((yield* sys.sysfs_read(`${DEVICES}/${dev}/driver`)) === wanted) return 0
    p.err(`${path}: cannot be brought under the driver ${wanted}`)
    return -EPERM
  },
)
