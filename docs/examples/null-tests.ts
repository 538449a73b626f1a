// A change to try with --with: a failure notice looks whether connection and table are still there before it uses them (R8).
// The search says whether that is enough:
//   famsim explore test/explore/fixtures/poison-umount.ts --with docs/examples/null-tests.ts
import type { dax_device } from '../../src/devdax/index.ts'
import type { BadRange } from '../../src/kernel/famfs/famfs_kfmap.ts'
import type { fuse_conn } from '../../src/kernel/fuse/fuse_i.ts'
import { replace, type Step } from '../../src/world/index.ts'

export default [
  replace(
    'famfs_dax_notify_failure',
    original =>
      function* (dax_devp: dax_device, offset: number, len: number, mf_flags: number): Step<number> {
        if ((yield* dax_devp.holder_data.READ_ONCE()) === null) return 0
        return yield* original(dax_devp, offset, len, mf_flags)
      },
  ),
  replace(
    'famfs_set_daxdev_err',
    original =>
      function* (fc: fuse_conn, dax_devp: dax_device, bad: BadRange): Step<void> {
        if ((yield* fc.dax_devlist.READ_ONCE()) === null) return
        yield* original(fc, dax_devp, bad)
      },
  ),
]
