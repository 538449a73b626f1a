// In-sim transport: the other end is the simulated kernel's /dev/fuse of the same world.
import { type FuseDev, fuse_dev_do_read, fuse_dev_do_write, fuse_dev_release } from '../../kernel/index.ts'
import type { Transport } from './transport.ts'

export const insim = (dev: FuseDev): Transport => ({
  recv: () => fuse_dev_do_read(dev.fc),
  send: reply => fuse_dev_do_write(dev.fc, reply),
  close: () => fuse_dev_release(dev),
})
