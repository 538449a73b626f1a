// famfs devadd: a further device becomes part of a mounted file system (userspace.md i.4): a superblock of its own, and an entry in
// the log, with size and uuid and no path. Where a host finds it is for that host to find out.
import { kfn, type Step } from '../../sim/index.ts'
import { append_log } from '../lib/append.ts'
import { format_secondary, publish_daxdev } from '../lib/daxdevs.ts'
import { init_locked_log, release_locked_log } from '../lib/locked-log.ts'
import { dirname } from '../lib/path.ts'
import { open_space } from '../lib/space.ts'
import type { Proc } from '../proc.ts'
import { given, type Option, type Subcommand } from './subcommand.ts'

const USAGE = [
  'usage: famfs devadd [-f] MOUNTPOINT DEVICE     (owner only)',
  '  -f --force      also if the device has a famfs superblock',
]

/** Add one device: 0 or 1. */
const devadd_one = kfn('famfs_devadd', function* (p: Proc, path: string, device: string, force: boolean): Step<number> {
  const lp = yield* init_locked_log(p, path)
  if (lp === null) return 1
  let rc = 1
  const { shadow } = lp
  if (shadow === null) p.err(`famfs devadd: ${lp.mpt}: a standalone famfs lies on one device`)
  const space = shadow === null ? null : yield* open_space(p, lp)
  const made = space === null ? null : yield* format_secondary(p, device, lp.sb, force)
  if (space !== null && made !== null && shadow !== null) {
    const index = space.sessions.length
    rc = (yield* append_log(p, lp.log, seqnum => ({ type: 'add_daxdev', seqnum, index, ...made }))) < 0 ? 1 : 0
    if (rc === 0) {
      yield* publish_daxdev(p, dirname(shadow), lp.sb, { index, ...made })
      p.out(`device ${index}: ${device}, ${made.size} bytes, uuid ${made.uuid}`)
    }
  }
  yield* release_locked_log(p, lp)
  return rc
})

export const devadd: Subcommand = {
  name: 'devadd',
  usage: USAGE,
  options: { short: 'f', long: [{ name: 'force', arg: 'none', short: 'f' }] },
  run: kfn(
    'do_famfs_cli_devadd',
    function* (p: Proc, opts: readonly Option[], operands: readonly string[]): Step<number> {
      const [path, device] = operands
      if (path === undefined || device === undefined || operands.length > 2) {
        p.err('famfs devadd: a mount point and a device expected')
        return 1
      }
      if (!p.site.server.several_devices) {
        p.err(`famfs devadd: this user space (${p.site.server.name}) knows one device; try --server fixed`)
        return 1
      }
      return yield* devadd_one(p, path, device, given(opts, 'f'))
    },
  ),
}
