// `famfs mount`: mount a device that holds a famfs (userspace.md e.7, f).
import { kfn, type Step } from '../../sim/index.ts'
import { check_daxmode, dummy_mounts } from '../lib/daxdev.ts'
import { dummy_mount } from '../lib/dummy-mount.ts'
import { famfs_logplay, type LogPlayOptions } from '../lib/logplay.ts'
import { famfs_select_mode, type Mode } from '../lib/mode.ts'
import { type CacheWord, famfs_mount_fuse } from '../lib/mount-fuse.ts'
import { famfs_mount_v1 } from '../lib/mount-v1.ts'
import { realpath } from '../lib/path.ts'
import type { Proc } from '../proc.ts'
import { argument, given, type Option, type Subcommand } from './subcommand.ts'

const USAGE = [
  'usage: famfs mount [OPTIONS] DEVICE MOUNTPOINT      (as root)',
  '       famfs mount -D DEVICE          dummy mount: superblock and log only',
  '  -f --fuse  -F --nofuse              which famfs; else as FAMFS_MODE says',
  '  -t --timeout SECONDS                attributes and names hold so long (1 year)',
  '  -c --cache always|normal|never      instead of a timeout',
  '  -S --shadow DIR                     shadow tree goes below it; made in /tmp else',
  '  -u --nouseraccess  -p --nodefaultperm',
  '  -m --mmap  -r --read                how the log is read',
  '  -M --set-daxmode                    bring the device into famfs mode first',
  '  -d --debug  -v --verbose  -L --load-module  -R --remount',
]

const CACHE: readonly string[] = ['always', 'normal', 'never']

/** What the options say: --nofuse (-F), --fuse (for mount -f). */
export function told_mode(opts: readonly Option[], fuse = 'fuse'): Mode | undefined {
  const flag = opts.findLast(o => o.opt === fuse || o.opt === 'F')
  return flag === undefined ? undefined : flag.opt === 'F' ? 'v1' : 'fuse'
}

/** Operands as they are in the file system, or null after a line. */
const resolve = kfn('famfs mount operands', function* (p: Proc, dev: string, mpt: string | null): Step<{
  device: string
  mpt: string
} | null> {
  const device = yield* realpath(p.sys, dev)
  const at = mpt === null ? null : yield* realpath(p.sys, mpt)
  if (device.rc !== 0) p.err(`famfs mount: device ${dev} not found`)
  else if (at !== null && at.rc !== 0) p.err(`famfs mount: mount point ${mpt} not found`)
  else return { device: device.path!, mpt: at?.path ?? '' }
  return null
})

/** What is wrong with the options, or null. */
function wrong_options(opts: readonly Option[]): string | null {
  const cache = argument(opts, 'c')
  if (cache !== undefined && !CACHE.includes(cache)) return `--cache ${cache}: expected ${CACHE.join(', ')}`
  if (given(opts, 'r') && given(opts, 'm')) return '--mmap and --read are mutually exclusive'
  if (cache !== undefined && given(opts, 't')) return '--timeout and --cache are mutually exclusive'
  const timeout = argument(opts, 't')
  if (timeout !== undefined && !(Number.parseFloat(timeout) >= 0)) return `--timeout ${timeout}: expected seconds`
  return null
}

/** The log played into a new tree. What an append that was cut off left behind is no reason not to mount. */
const play_at_mount = kfn('famfs_mount_fuse play', function* (p: Proc, o: LogPlayOptions): Step<number> {
  const { rc, torn } = yield* famfs_logplay(p, o)
  return torn ? 0 : rc
})

export const mount: Subcommand = {
  name: 'mount',
  usage: USAGE,
  options: {
    short: 'fFt:dvupS:MLrmDRc:b',
    long: [
      { name: 'fuse', arg: 'none', short: 'f' },
      { name: 'nofuse', arg: 'none', short: 'F' },
      { name: 'timeout', arg: 'required', short: 't' },
      { name: 'debug', arg: 'none', short: 'd' },
      { name: 'verbose', arg: 'none', short: 'v' },
      { name: 'nouseraccess', arg: 'none', short: 'u' },
      { name: 'nodefaultperm', arg: 'none', short: 'p' },
      { name: 'shadow', arg: 'required', short: 'S' },
      { name: 'set-daxmode', arg: 'none', short: 'M' },
      { name: 'load-module', arg: 'none', short: 'L' },
      { name: 'read', arg: 'none', short: 'r' },
      { name: 'mmap', arg: 'none', short: 'm' },
      { name: 'dummy', arg: 'none', short: 'D' },
      { name: 'remount', arg: 'none', short: 'R' },
      { name: 'cache', arg: 'required', short: 'c' },
    ],
  },
  run: kfn(
    'do_famfs_cli_mount',
    function* (p: Proc, opts: readonly Option[], operands: readonly string[]): Step<number> {
      if (given(opts, 'r')) p.err('famfs mount: what is read by read(2) may be stale in a cache')
      const wrong = wrong_options(opts)
      if (wrong !== null) {
        p.err(`famfs mount: ${wrong}`)
        return 1
      }
      const dummy = given(opts, 'D')
      if (operands.length !== (dummy ? 1 : 2)) {
        p.err(`famfs mount: ${dummy ? 'a device' : 'a device and a mount point'} expected`)
        for (const line of USAGE) p.err(line)
        return 1
      }
      if (p.sys.ts.cred.uid !== 0) {
        p.err('famfs mount: only root mounts')
        return 1
      }
      const at = yield* resolve(p, operands[0]!, operands[1] ?? null)
      if (at === null) return 1
      const how = famfs_select_mode(p, told_mode(opts, 'f'))
      if (how === null) {
        p.err('famfs mount: the kernel has no famfs; a standalone one may have to be loaded: -F -L')
        return 1
      }
      if (how === 'v1' && dummy && !dummy_mounts(p)) {
        p.err('famfs mount: a dummy mount of the standalone famfs is for kernels from 6.15 on')
        return 1
      }
      const mode = dummy_mounts(p) ? yield* check_daxmode(p, at.device, given(opts, 'M')) : 0
      if (mode < 0) return mode
      const debug = given(opts, 'd')
      if (dummy) {
        const mpt = yield* dummy_mount(p, at.device, { debug, mode: how, loadModule: given(opts, 'L') })
        if (typeof mpt === 'number') return mpt
        p.out(`dummy mount of ${at.device} at ${mpt}`)
        return 0
      }
      const log = { path: at.mpt, read: given(opts, 'r'), verbose: given(opts, 'v') }
      if (how === 'v1')
        return yield* famfs_mount_v1(p, { ...at, loadModule: given(opts, 'L'), play: () => play_at_mount(p, log) })
      p.out(`daxdev=${at.device}, mpt=${at.mpt}`)
      const timeout = argument(opts, 't')
      return yield* famfs_mount_fuse(p, {
        ...at,
        shadow: argument(opts, 'S'),
        timeout: timeout === undefined ? undefined : Number.parseFloat(timeout),
        cache: argument(opts, 'c') as CacheWord | undefined,
        debug,
        nouseraccess: given(opts, 'u'),
        nodefaultperm: given(opts, 'p'),
        play: shadow => play_at_mount(p, { ...log, shadow }),
      })
    },
  ),
}
