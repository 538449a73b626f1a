// famfs devadd: a further device becomes part of the file system, by an entry in its log (userspace.md a.4, i.4). The entry
// has size and uuid and no path: where a host finds the device is for that host to say when it mounts.
import type { Sys } from '../../kernel/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { append_log, build_bitmap, type Done, with_log } from './creat.ts'
import type { FamfsMount } from './mount.ts'

/** Add a device of `size` bytes under the next index. */
export const famfs_devadd = kfn(
  'famfs_devadd',
  function* (sys: Sys, mt: FamfsMount, size: number, uuid: string): Step<Done> {
    return yield* with_log(sys, mt, function* (sb, log, used): Step<Done> {
      const { account } = yield* build_bitmap(sys, sb, log, used)
      const index = account.further.length + 1
      if (index > mt.devices.length) return { rc: 1, error: `device ${index}: the mount knows no path for it` }
      return yield* append_log(sys, log, used, seqnum => ({ type: 'add_daxdev', seqnum, size, uuid, index }))
    })
  },
)
