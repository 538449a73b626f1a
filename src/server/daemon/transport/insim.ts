// In-sim transport: the other end is the simulated kernel's /dev/fuse of the same world.
import {
  type FuseDev,
  fuse_dev_do_read,
  fuse_dev_do_write,
  fuse_dev_release,
  O_RDWR,
  Sys,
} from '../../../kernel/index.ts'
import { kfn, type Step } from '../../../sim/index.ts'
import { encodeDaxdevOpen, FUSE_DEV_IOC_DAXDEV_OPEN } from '../../../wire/index.ts'
import type { Transport } from './transport.ts'

/** fuse_daxdev_open() of the library, with the open and the close around it. Runs in the worker that pushes. */
const push = kfn('fuse_daxdev_open', function* (dev: FuseDev, path: string, index: number): Step<number> {
  const sys = new Sys(dev.fc.k.current)
  const fd = yield* sys.open(path, O_RDWR)
  if (fd < 0) return fd
  const rc = yield* sys.ioctl(dev, FUSE_DEV_IOC_DAXDEV_OPEN, encodeDaxdevOpen(fd, index))
  yield* sys.close(fd)
  return rc
})

export const insim = (dev: FuseDev): Transport => ({
  recv: () => fuse_dev_do_read(dev.fc),
  send: reply => fuse_dev_do_write(dev.fc, reply),
  push: (path, index) => push(dev, path, index),
  close: () => fuse_dev_release(dev),
})
