// Ends of a connection: the server's open device file, and what happens when the last reference goes (kernel.md 2.13).
import { kfn, refcount_dec_and_test, type Step } from '../../sim/index.ts'
import { famfs_teardown } from '../famfs/famfs_devlist.ts'
import { fuse_abort_conn } from './abort.ts'
import { type fuse_conn, fuse_mount } from './fuse_i.ts'

/** fuse_conn_put(): drop a reference; the last one gives the devices back (kernel.md 2.13) and frees the connection. */
export const fuse_conn_put = kfn('fuse_conn_put', function* (fc: fuse_conn): Step<void> {
  if (!(yield* refcount_dec_and_test(fc.count))) return
  yield* famfs_teardown(fc)
  const shadow = fc.kept_options.get('shadow')
  if (shadow !== undefined && !fc.k.profile.has('B07')) yield* fc.k.kfree(shadow)
  yield* fc.k.kfree(fc.alloc)
})

/** open("/dev/fuse"): a connection end for a server. It becomes a file system when somebody mounts it. */
export class FuseDev {
  readonly fc: fuse_conn
  readonly fm: fuse_mount
  constructor(fc: fuse_conn) {
    this.fc = fc
    this.fm = new fuse_mount(fc)
    fc.count.inc()
  }
}

/** fuse_dev_release(): the server closed its end (or died): the connection aborts. */
export const fuse_dev_release = kfn('fuse_dev_release', function* (dev: FuseDev): Step<void> {
  yield* fuse_abort_conn(dev.fc)
  // Never mounted: nobody else will drop the superblock's reference.
  if (dev.fm.sb === null) yield* fuse_conn_put(dev.fc)
  yield* fuse_conn_put(dev.fc)
})
