// The command line of famfs_fused (userspace.md e.1), as fuse_opt reads it: comma lists after -o, exact words, and whatever is
// no option of the daemon, the library or mount(2) is an error.

import { LOG_DEBUG, LOG_NOTICE } from './log.ts'

/** Whether file data and attributes may be cached by the kernel. */
export type CacheMode = 'never' | 'auto' | 'always'

export interface FusedOptions {
  /** The shadow tree's directory, with or without its `root`. */
  readonly shadow: string
  readonly mountpoint: string
  /** Path of the first device; null: famfs is not asked for. */
  readonly daxdev: string | null
  /** Attribute and entry timeout, seconds. */
  readonly timeout: number
  readonly cache: CacheMode
  readonly flock: boolean
  /** Level up to which it logs. */
  readonly logLevel: number
  /** Threads that serve. */
  readonly threads: number
  /** What /proc/mounts shows as the source. */
  readonly fsname: string
  /** Options of mount(2), as they were given. */
  readonly mountOptions: readonly string[]
}

/** Seconds a cache mode gives when no timeout is given. */
const TIMEOUT: Readonly<Record<CacheMode, number>> = { never: 0, auto: 1, always: 86400 }

/** For mount(2). */
const MOUNT = new Set(
  (
    'allow_other default_permissions ro rw suid nosuid dev nodev exec noexec async sync dirsync noatime nodiratime atime ' +
    'relatime norelatime strictatime nostrictatime blkdev auto_unmount'
  ).split(' '),
)
/** For mount(2) or the library, with a value. */
const MOUNT_VALUE = ['subtype=', 'max_read=', 'rootmode=', 'user_id=', 'group_id=', 'fd=']
const LIBRARY = ['clone_fd', 'max_idle_threads=']
/** How many threads serve unless told otherwise: enough to show what one thread would not. */
const THREADS = 2
const MAX_THREADS = 64
/** Read and never used. */
const UNUSED = ['readdirplus', 'no_readdirplus', 'pass_yaml']

export const USAGE = [
  'usage: famfs_fused -o daxdev=DEVICE,shadow=DIR[,OPTION...] MOUNTPOINT',
  '    -o daxdev=DEVICE       the device',
  '    -o shadow=DIR          the shadow tree; also source=DIR',
  '    -o timeout=SECONDS     how long names and attributes hold',
  '    -o cache=never|auto|always',
  '    -o flock, no_flock     whether flock(2) comes here',
  '    -o debug=LEVEL         how much it logs, 0 to 7',
  '    -d                     the same as -o debug=7, and stay in the foreground',
  '    -f, -s                 stay in the foreground; one thread',
  '    -h, -V                 this text; the version',
]

export type Parsed =
  | { readonly options: FusedOptions }
  | { readonly exit: number; readonly out: readonly string[]; readonly err: readonly string[] }

const fail = (...err: string[]): Parsed => ({ exit: 1, out: [], err })

/** A list after -o: commas part it, a backslash keeps the next character. */
const split = (list: string): string[] => {
  const out = ['']
  for (let i = 0; i < list.length; i++) {
    if (list[i] === ',') out.push('')
    else out[out.length - 1] += list[i] === '\\' && i + 1 < list.length ? list[++i] : list[i]
  }
  return out.filter(o => o !== '')
}

/** `%lf` and `%d`: the whole text is a number, or null. */
const number = (text: string, whole: boolean): number | null =>
  (whole ? /^[-+]?\d+$/ : /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i).test(text) ? Number(text) : null

/** The options, or what it prints and exits with. */
export function parse_options(argv: readonly string[]): Parsed {
  const given: string[] = []
  const operands: string[] = []
  let single = false
  let threads = THREADS
  let logLevel = LOG_NOTICE
  const args = argv.slice(1)
  for (let i = 0; i < args.length; i++) {
    const a = args[i]!
    if (a === '--') {
      operands.push(...args.slice(i + 1))
      break
    }
    if (a === '-h' || a === '--help') return { exit: 0, out: USAGE, err: [] }
    if (a === '-V' || a === '--version') return { exit: 0, out: ['famfs_fused: FUSE library version 3.18.2'], err: [] }
    if (a === '-s') single = true
    else if (a === '-d') logLevel = LOG_DEBUG
    else if (a === '-o') {
      const list = args[++i]
      if (list === undefined) return fail("famfs_fused: missing argument after '-o'")
      given.push(...split(list))
    } else if (a.startsWith('-o')) given.push(...split(a.slice(2)))
    else if (a.startsWith('-') && a !== '-f') return fail(`famfs_fused: unknown option '${a}'; try --help`)
    else if (a !== '-f') operands.push(a)
  }

  let daxdev: string | null = null
  const mountOptions: string[] = []
  let shadow: string | null = null
  let fsname: string | null = null
  let timeout: number | null = null
  let cache: CacheMode = 'auto'
  let flock = true
  for (const o of given) {
    const at = o.indexOf('=')
    const key = at < 0 ? o : o.slice(0, at)
    const value = o.slice(at + 1)
    if (at >= 0 && (key === 'shadow' || key === 'source')) shadow = value
    else if (at >= 0 && key === 'daxdev') daxdev = value
    else if (at >= 0 && key === 'fsname') fsname = value
    else if (at >= 0 && (key === 'timeout' || key === 'debug' || key === 'max_threads')) {
      const n = number(value, key !== 'timeout')
      if (n === null) return fail(`famfs_fused: invalid parameter in option '${o}'; expected a number`)
      if (key === 'timeout') timeout = n
      else if (key === 'debug') logLevel = n
      else threads = n
    } else if (o === 'cache=never' || o === 'cache=auto' || o === 'cache=always') cache = value as CacheMode
    else if (o === 'flock' || o === 'no_flock') flock = o === 'flock'
    else if (o === 'debug') logLevel = LOG_DEBUG
    else if (MOUNT.has(o) || MOUNT_VALUE.some(v => o.startsWith(v))) mountOptions.push(o)
    else if (!UNUSED.includes(o) && !LIBRARY.some(l => (l.endsWith('=') ? o.startsWith(l) : o === l)))
      return fail(`famfs_fused: unknown option '-o ${o}'; try --help`)
  }

  const [mountpoint, extra] = operands
  if (mountpoint === undefined) return fail('famfs_fused: no mountpoint specified', ...USAGE)
  if (extra !== undefined) return fail(`famfs_fused: invalid argument '${extra}'; expected one mountpoint`)
  if (shadow === null || shadow === '') return fail('famfs_fused: must supply a shadow path: -o shadow=DIR')
  if (threads < 1 || threads > MAX_THREADS)
    return fail(`famfs_fused: max_threads=${threads}: expected 1 to ${MAX_THREADS}`)
  if (timeout !== null && timeout < 0) return fail(`famfs_fused: timeout ${timeout} is negative`)
  return {
    options: {
      shadow,
      mountpoint,
      daxdev,
      timeout: timeout ?? TIMEOUT[cache],
      cache,
      flock,
      logLevel,
      threads: single ? 1 : threads,
      fsname: fsname ?? 'famfs_fused',
      mountOptions,
    },
  }
}
