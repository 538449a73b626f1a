// The seam between the server and whoever sends it requests: the simulated kernel in the same world, or (later) a socket
// or the real /dev/fuse. Messages are whole FUSE messages.
import type { Op } from '../../../sim/index.ts'

export interface Transport {
  /** The next request, or -errno (-ENODEV: unmounted or aborted). */
  recv(): Op<Uint8Array | number>
  /** Send one reply; bytes taken or -errno of the writer. */
  send(reply: Uint8Array): Op<number>
  /** Open a device and push it under an index; 0, or -errno of open or ioctl. */
  push(path: string, index: number): Op<number>
  /** Our end is closed for good. */
  close(): Op<void>
}
