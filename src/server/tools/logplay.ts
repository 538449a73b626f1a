// `famfs logplay`: bring a shadow tree up to the log; the one of a mount, or one that is no mount's, from a device (userspace.md d, f).
import { S_ISDIR, type Stat } from '../../kernel/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { EACCES, EINVAL, ENOTDIR } from '../../wire/index.ts'
import { check_daxmode, dummy_mounts } from '../lib/daxdev.ts'
import { dummy_mount, dummy_umount } from '../lib/dummy-mount.ts'
import { famfs_logplay } from '../lib/logplay.ts'
import type { Proc } from '../proc.ts'
import { argument, given, type Option, type Subcommand } from './subcommand.ts'

const USAGE = [
  'usage: famfs logplay [OPTIONS] PATH            PATH: any in a mounted famfs',
  '       famfs logplay --shadow DIR --daxdev DEV [OPTIONS]',
  '  -n --dryrun     count, make nothing      -v --verbose',
  '  -m --mmap       read the log by loads (default)',
  '  -r --read       read it by read(2); may be stale',
  '  -c --client     as a client, whoever this host is',
  '  --shadow DIR    the tree to play into, with or without its root',
  '  --shadowtest    compare the files that are there with the log',
  '  -d --daxdev DEV play the log of a device that is not mounted',
  '  -M --set-daxmode   bring the device into famfs mode first',
]

/** access(2) for writing. */
const may_write = (p: Proc, st: Stat): boolean => {
  const { ts } = p.sys
  const bits = ts.cred.uid === st.uid ? st.mode >> 6 : ts.cred.gid === st.gid ? st.mode >> 3 : st.mode
  return ts.capable('CAP_DAC_OVERRIDE') || (bits & 2) !== 0
}

/** famfs_dax_shadow_logplay(): the log of a device, through a dummy mount, into a directory. */
const dax_shadow_logplay = kfn(
  'famfs_dax_shadow_logplay',
  function* (p: Proc, dev: string, shadow: string, opts: readonly Option[]): Step<number> {
    const st = yield* p.sys.stat(shadow)
    const rc = typeof st === 'number' ? st : !S_ISDIR(st.mode) ? -ENOTDIR : may_write(p, st) ? 0 : -EACCES
    if (rc < 0) {
      p.err(`famfs logplay: shadow path ${shadow} is no directory to write into`)
      return rc
    }
    const mode = dummy_mounts(p) ? yield* check_daxmode(p, dev, given(opts, 'M')) : 0
    if (mode < 0) return mode
    const mpt = yield* dummy_mount(p, dev, {})
    if (typeof mpt === 'number') return mpt
    const played = yield* famfs_logplay(p, { ...playOptions(opts), path: mpt, shadow })
    const gone = yield* dummy_umount(p, mpt)
    return played.rc !== 0 ? played.rc : gone
  },
)

const playOptions = (opts: readonly Option[]) => ({
  read: given(opts, 'r'),
  dryRun: given(opts, 'n'),
  verbose: given(opts, 'v'),
  client: given(opts, 'c'),
  shadowtest: given(opts, 'shadowtest'),
})

export const logplay: Subcommand = {
  name: 'logplay',
  usage: USAGE,
  options: {
    short: 'nvmrcSd:M',
    long: [
      { name: 'dryrun', arg: 'none', short: 'n' },
      { name: 'verbose', arg: 'none', short: 'v' },
      { name: 'mmap', arg: 'none', short: 'm' },
      { name: 'read', arg: 'none', short: 'r' },
      { name: 'client', arg: 'none', short: 'c' },
      { name: 'shadow', arg: 'required' },
      { name: 'shadowtest', arg: 'none' },
      { name: 'daxdev', arg: 'required', short: 'd' },
      { name: 'set-daxmode', arg: 'none', short: 'M' },
    ],
  },
  run: kfn(
    'do_famfs_cli_logplay',
    function* (p: Proc, opts: readonly Option[], [path]: readonly string[]): Step<number> {
      if (opts.filter(o => o.opt === 'shadow').length > 1) {
        p.err('famfs logplay: --shadow was given more than once')
        return EINVAL
      }
      // Q21: the short form takes no argument, so there is none, and it is as if it were not given.
      if (given(opts, 'S') && !p.site.server.has('Q21')) {
        p.err('famfs logplay: -S takes no directory; try --shadow DIR')
        return 1
      }
      if (given(opts, 'r')) p.err('famfs logplay: what is read by read(2) may be stale in a cache')
      if (given(opts, 'r') && given(opts, 'm')) {
        p.err('famfs logplay: --mmap and --read are mutually exclusive')
        return 1
      }
      const dev = argument(opts, 'd')
      const shadow = argument(opts, 'shadow')
      if (dev !== undefined && shadow === undefined) {
        p.err('famfs logplay: --daxdev goes with --shadow only')
        return 1
      }
      if (dev !== undefined && shadow !== undefined) return yield* dax_shadow_logplay(p, dev, shadow, opts)
      if (path === undefined) {
        p.err('famfs logplay: a path in a famfs expected')
        for (const line of USAGE) p.err(line)
        return 1
      }
      return (yield* famfs_logplay(p, { ...playOptions(opts), path, shadow })).rc
    },
  ),
}
