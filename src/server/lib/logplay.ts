// Log play: every entry of a file system's log made into a file or directory of its shadow tree, by system calls (userspace.md d), or of
// the mount itself where famfs stands alone. It may be played again and again: what is there stays. The log is read entry by entry, so
// memory grows with the tree alone.
import { O_RDONLY, S_ISDIR, S_ISREG } from '../../kernel/index.ts'
import {
  type AddDaxdevEntry,
  checkEntry,
  counterProblems,
  decodeEntry,
  decodeLogHeader,
  ENTRY_SIZE,
  type EntryCheck,
  type FileEntry,
  type LogHeader,
  LogValidator,
  type MkdirEntry,
  type Superblock,
  skipReason,
} from '../../media/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { EINVAL, errnoName } from '../../wire/index.ts'
import type { Proc } from '../proc.ts'
import { LOG_PATH, type MetaFile, map_superblock_by_path, open_relpath } from './by-path.ts'
import { publish_daxdev } from './daxdevs.ts'
import { file_is_famfs } from './is-famfs.ts'
import { type LogSource, mapped_source, read_source } from './log-source.ts'
import { dirname, realpath } from './path.ts'
import { get_role } from './role.ts'
import { shadow_of_mount, shadow_root, write_shadow_file } from './shadow.ts'
import { emit_file_yaml, type FileMeta, parse_file_yaml, YAML_MAX } from './shadow-yaml.ts'
import { create_mapped } from './v1-file.ts'

export interface LogPlayOptions {
  /** Any path in the file system whose log is played. */
  readonly path: string
  /** The shadow tree, with or without its `root`; that of the mount unless given. */
  readonly shadow?: string
  /** By read(2) instead of loads. */
  readonly read?: boolean
  /** Count, and make nothing. */
  readonly dryRun?: boolean
  readonly verbose?: boolean
  /** As a client, whatever the superblock says. */
  readonly client?: boolean
  /** Compare the files that are there with what the log says. */
  readonly shadowtest?: boolean
}

export interface LogPlayed {
  /** 0; -1: the log is not to be played, or not on; else how many entries and files are wrong. */
  readonly rc: number
  /** Nothing is wrong but the end: an append was cut off, and everything before it is there. Never so with Q19. */
  readonly torn: boolean
}

const LIMITS = { extents: 16, strips: 16 }
/** It tells how far it is every so many entries. */
const PROGRESS = 10_000

/** What one play has come to. */
class Play {
  readonly p: Proc
  readonly o: LogPlayOptions
  readonly src: LogSource
  readonly sb: Superblock
  /** The shadow tree's root; the mount point of a standalone famfs (`v1`), whose files are made in it. */
  readonly root: string
  readonly v1: boolean
  /** Files of a client are not for writing (in a shadow tree, without Q28). */
  readonly readonly: boolean
  entries = 0
  files = 0
  dirs = 0
  files_existed = 0
  dirs_existed = 0
  file_errs = 0
  dir_errs = 0
  yaml_errs = 0
  /** Result buffer of realpath(), which is not cleared between entries (Q13). */
  rpath = ''

  constructor(p: Proc, o: LogPlayOptions, src: LogSource, sb: Superblock, root: string, ro: boolean, v1: boolean) {
    this.p = p
    this.o = o
    this.src = src
    this.sb = sb
    this.root = root
    this.readonly = ro
    this.v1 = v1
  }
}

/** famfs_validate_log_entry(), with its second try. With Q11 that one looks at the copy made before. */
const validate_entry = kfn(
  'famfs_validate_log_entry',
  function* (a: Play, i: number, buf: Uint8Array): Step<EntryCheck> {
    const first = checkEntry(buf, i)
    if (first.errs === 0) return first
    if (a.p.site.server.has('Q11')) a.p.err(first.why)
    else yield* a.src.again(i, buf)
    return checkEntry(buf, i)
  },
)

/** --shadowtest: does the file that is there say what the log says? */
const compare_yaml = kfn('famfs_shadow_test', function* (a: Play, path: string, meta: FileMeta): Step<void> {
  const { sys } = a.p
  const buf = new Uint8Array(YAML_MAX)
  const fd = yield* sys.open(path, O_RDONLY)
  const n = fd < 0 ? fd : yield* sys.read(fd, buf)
  if (fd >= 0) yield* sys.close(fd)
  const got = parse_file_yaml(decoder.decode(buf.subarray(0, n < 0 ? 0 : n)), LIMITS)
  if (got.ok && emit_file_yaml(got.meta) === emit_file_yaml(meta)) return
  a.p.err(`${path}: ${got.ok ? `is not what the log says of ${meta.path}` : got.why}`)
  a.yaml_errs++
  a.file_errs++
})
const decoder = new TextDecoder()

/** The path in the shadow tree that an entry's file gets. Q13: whatever realpath() left behind. */
const target_of = kfn('realpath target', function* (a: Play, path: string): Step<string> {
  if (!a.p.site.server.has('Q13')) return `${a.root}/${path}`
  a.rpath = (yield* realpath(a.p.sys, `${a.root}/${path}`)).path ?? a.rpath
  return a.rpath
})

/** The file of an entry in a standalone famfs, with its map: 0, or -errno after a line. */
const play_v1_file = kfn(
  'famfs_play_v1_file',
  function* (a: Play, path: string, e: FileEntry, mode: number): Step<number> {
    const { size, uid, gid, fmap } = e
    if (fmap.kind === 'bad') {
      a.p.err(`${path}: map: ${fmap.why}`)
      return -EINVAL
    }
    const fd = yield* create_mapped(a.p, path, size, fmap, { mode, uid, gid })
    if (fd >= 0) yield* a.p.sys.close(fd)
    return fd < 0 ? fd : 0
  },
)

/** A FILE entry: one shadow file. What is there already is never touched. */
const play_file = kfn('famfs_shadow_file_create', function* (a: Play, e: FileEntry): Step<void> {
  const { sys } = a.p
  const { path, size, flags, uid, gid, fmap } = e
  const mode = a.readonly ? e.mode & ~0o222 : e.mode
  const meta = fmap.kind === 'bad' ? null : { path, size, flags, mode, uid, gid, fmap }
  if (a.o.verbose) {
    a.p.out(`log entry ${e.seqnum}: file ${path}, ${size} bytes`)
    if (meta !== null) for (const l of (emit_file_yaml(meta) ?? '').trimEnd().split('\n')) a.p.out(l)
  }
  if (a.o.dryRun) return
  const target = yield* target_of(a, path)
  const st = yield* sys.stat(target)
  if (typeof st !== 'number') {
    if (S_ISREG(st.mode)) {
      a.files_existed++
      if (a.o.shadowtest && meta !== null) yield* compare_yaml(a, target, meta)
      return
    }
    a.p.err(`${target}: something else is there, where the log has a file`)
    a.file_errs++
    return
  }
  const rc = yield* a.v1 ? play_v1_file(a, target, e, mode) : write_shadow_file(sys, target, meta)
  if (rc === 0 || (rc === -EINVAL && !a.v1)) {
    a.files++
    if (meta === null) a.p.err(`${path}: map: ${fmap.kind === 'bad' ? fmap.why : ''}`)
    if (a.o.shadowtest && meta !== null) yield* compare_yaml(a, target, meta)
    return
  }
  if (!a.v1) a.p.err(`${target}: cannot be made (${errnoName(-rc)})`)
  a.file_errs++
})

/** A MKDIR entry: one directory, its owner set when neither id is root's. */
const play_mkdir = kfn('famfs_dir_create', function* (a: Play, e: MkdirEntry): Step<void> {
  const { sys } = a.p
  if (a.o.verbose) a.p.out(`log entry ${e.seqnum}: directory ${e.path}, ${e.mode.toString(8)} ${e.uid}:${e.gid}`)
  if (a.o.dryRun) return
  const target = `${a.root}/${e.path}`
  const st = yield* sys.stat(target)
  if (typeof st !== 'number') {
    if (S_ISDIR(st.mode)) a.dirs_existed++
    else {
      a.p.err(`${target}: a file is there, where the log has a directory`)
      a.dir_errs++
    }
    return
  }
  const rc = yield* sys.mkdir(target, e.mode)
  if (rc < 0) {
    a.p.err(`${target}: directory cannot be made (${errnoName(-rc)})`)
    a.dir_errs++
    return
  }
  if (e.uid !== 0 && e.gid !== 0) yield* sys.chown(target, e.uid, e.gid)
  a.dirs++
})

/** An ADD_DAXDEV entry: where the daemon looks for the device. One that is not on this host is no error of the log. */
const play_daxdev = kfn('famfs_shadow_daxdev', function* (a: Play, e: AddDaxdevEntry): Step<void> {
  if (a.o.dryRun || a.v1 || !a.p.site.server.several_devices) return
  const rc = yield* publish_daxdev(a.p, dirname(a.root), a.sb, e)
  if (typeof rc !== 'number') return
  a.p.err(`device ${e.index}: cannot be published (${errnoName(-rc)})`)
  a.file_errs++
})

/** Play entries 0 to n-1: the sum of what is wrong, or -1 at the first that does not check. */
const play = kfn('__famfs_logplay', function* (a: Play, n: number): Step<number> {
  const { p, src, o } = a
  if (o.verbose) p.out(`log play: the log has ${n} entries`)
  // One for all entries: what is decoded from it has nothing of it.
  const buf = new Uint8Array(ENTRY_SIZE)
  for (let i = 0; i < n; i++) {
    yield* src.entry(i, buf)
    const check = yield* validate_entry(a, i, buf)
    if (check.errs > 0) {
      p.err(check.why)
      p.err(`log play: invalid log entry at index ${i} of ${n}; stopped there`)
      return -1
    }
    a.entries++
    if (a.entries % PROGRESS === 0) p.site.tell(`log play: ${a.entries} of ${n} entries`)
    const e = decodeEntry(buf)
    const skip = skipReason(buf)
    if (skip !== null) {
      p.err(`log entry ${i}: ${skip.why}; passed over`)
      if (e.type === 'mkdir') a.dir_errs += skip.errors
      else a.file_errs += skip.errors
    } else if (e.type === 'file') yield* play_file(a, e)
    else if (e.type === 'mkdir') yield* play_mkdir(a, e)
    else if (e.type === 'add_daxdev') yield* play_daxdev(a, e)
    else if (e.type === 'other' && o.verbose) p.err(`log entry ${i}: ${e.why}; passed over`)
  }
  return a.file_errs + a.dir_errs + a.yaml_errs
})

/** What is good of a log: the entries to play, and what to say of the rest. */
interface Survey {
  readonly good: number
  /** Anything wrong but a cut-off append. */
  readonly damage: readonly string[]
  /** The append that was cut off. */
  readonly torn: string | null
}

/** Look at the whole log before anything is made of it. */
const survey = kfn('survey log', function* (a: Play, sb: Superblock, header: LogHeader): Step<Survey> {
  const validator = new LogValidator(sb, sb.daxdevSize)
  const damage = validator.header(header)
  if (a.src.len !== header.logLen)
    damage.push(`log header: log_len ${header.logLen}, expected ${a.src.len}, the length of the log file`)
  if (damage.length > 0) return { good: 0, damage, torn: null }
  let torn = counterProblems(header)[0] ?? null
  const buf = new Uint8Array(ENTRY_SIZE)
  for (let i = 0; i < header.nextIndex; i++) {
    yield* a.src.entry(i, buf)
    const check = yield* validate_entry(a, i, buf)
    if (check.errs > 0 && i === header.nextIndex - 1) torn = check.why
    else damage.push(...(check.errs > 0 ? [check.why] : validator.entry(i, buf)))
    if (damage.length > 0) return { good: i, damage, torn: null }
    if (check.errs > 0) return { good: i, damage, torn }
  }
  return { good: header.nextIndex, damage, torn }
})

/** The lines at the end. */
function summary(a: Play): void {
  const { out } = a.p
  out(
    `famfs_logplay(${a.v1 ? 'v1' : 'shadow'}): ${a.entries} log entries; ${a.files} new files; ${a.dirs} new directories`,
  )
  if (a.o.verbose) {
    out(`\tCreated:  ${a.files} files, ${a.dirs} directories`)
    out(`\tExisted: ${a.files_existed} files, ${a.dirs_existed} directories`)
  }
  if (a.file_errs + a.dir_errs > 0) out(`\t${a.file_errs} file errors and ${a.dir_errs} dir errors`)
  if (a.yaml_errs > 0) out(`\tthere were ${a.yaml_errs} yaml errors detected`)
}

/** Play a log that is open, and say how it went. */
const play_log = kfn('play log', function* (a: Play, sb: Superblock): Step<LogPlayed> {
  const { p, src } = a
  const failed = { rc: -1, torn: false }
  const check = decodeLogHeader(src.header)
  if (!check.ok) {
    p.err(check.why)
    return failed
  }
  let n = check.header.nextIndex
  let torn: string | null = null
  // The real one takes entries as they come; who knows better looks first, and plays all or nothing but a cut-off end.
  if (!p.site.server.has('Q16')) {
    const found = yield* survey(a, sb, check.header)
    const [first, ...more] = found.damage
    if (first !== undefined) {
      p.err(`log play: ${first}${more.length > 0 ? ` (and ${more.length} more)` : ''}; nothing was played`)
      return failed
    }
    n = found.good
    torn = found.torn
  }
  const rc = yield* play(a, n)
  if (rc < 0) return failed
  summary(a)
  if (torn === null) return { rc, torn: false }
  p.err(`log play: stopped behind entry ${n - 1}, the last good one: ${torn}`)
  return { rc: rc + 1, torn: rc === 0 }
})

/** famfs_logplay(): find log, superblock and shadow tree of a path, and play. */
export const famfs_logplay = kfn('famfs_logplay', function* (p: Proc, o: LogPlayOptions): Step<LogPlayed> {
  const { sys } = p
  const failed = { rc: -1, torn: false }
  const log = yield* open_relpath(sys, o.path, LOG_PATH, O_RDONLY)
  if (typeof log === 'number') {
    p.err(`log play: cannot open the log of the famfs that ${o.path} lies in; is it on a mounted famfs?`)
    return failed
  }
  const sb = yield* map_superblock_by_path(p, o.path)
  if (sb === null) {
    yield* sys.close(log.fd)
    return failed
  }
  const played = yield* with_superblock(p, o, log, sb.sb)
  yield* sys.close(log.fd)
  // Q4: after a failure the superblock stays mapped, and the file system busy, until this process ends.
  if (played.rc === 0 || !p.site.server.has('Q4')) yield* sys.munmap(sb.addr, sb.len)
  return played
})

const with_superblock = kfn(
  'famfs_logplay with superblock',
  function* (p: Proc, o: LogPlayOptions, log: MetaFile, sb: Superblock): Step<LogPlayed> {
    const failed = { rc: -1, torn: false }
    const client = o.client === true || (yield* get_role(p, sb)) !== 'owner'
    const shadow = o.shadow ?? (yield* shadow_of_mount(p.sys, log.mpt))
    const v1 = shadow === null && (yield* file_is_famfs(p, log.mpt)) === 'v1'
    if (shadow === null && !v1) {
      p.err(`log play: ${log.mpt} tells no shadow tree; is its daemon alive?`)
      return failed
    }
    const root = shadow === null ? log.mpt : yield* shadow_root(p, shadow)
    if (root === null) return failed
    const src = yield* (o.read ? read_source : mapped_source)(p, log)
    if (typeof src === 'number') {
      p.err(`log play: ${log.mpt}/${LOG_PATH} cannot be ${o.read ? 'read' : 'mapped'} (${errnoName(-src)})`)
      return failed
    }
    const ro = client && (v1 || !p.site.server.has('Q28'))
    const played = yield* play_log(new Play(p, o, src, sb, root, ro, v1), sb)
    yield* src.close()
    return played
  },
)
