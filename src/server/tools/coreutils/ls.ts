// ls and stat: what a name leads to.
import { MAJOR, MINOR } from '../../../devdax/index.ts'
import {
  O_DIRECTORY,
  O_RDONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  S_ISDIR,
  S_ISLNK,
  type Stat,
} from '../../../kernel/index.ts'
import { kfn, max, type Step } from '../../../sim/index.ts'
import { argument, given } from '../subcommand.ts'
import { program, type Run } from './tool.ts'

/** Letter of `ls -l` and words of `stat`, by type. */
const TYPES: ReadonlyMap<number, readonly [string, string]> = new Map([
  [S_IFREG, ['-', 'regular file']],
  [S_IFDIR, ['d', 'directory']],
  [S_IFLNK, ['l', 'symbolic link']],
  [S_IFCHR, ['c', 'character special file']],
  [S_IFBLK, ['b', 'block special file']],
  [S_IFIFO, ['p', 'fifo']],
  [S_IFSOCK, ['s', 'socket']],
])
const type_of = (mode: number): readonly [string, string] => TYPES.get(mode & S_IFMT) ?? ['?', 'weird file']

/** The ten letters of a mode. */
function mode_text(mode: number): string {
  let text = type_of(mode)[0]
  for (const [shift, special, letter] of [
    [6, 0o4000, 's'],
    [3, 0o2000, 's'],
    [0, 0o1000, 't'],
  ] as const) {
    const bits = (mode >> shift) & 7
    const x = (bits & 1) !== 0
    const set = (mode & special) !== 0
    text += (bits & 4 ? 'r' : '-') + (bits & 2 ? 'w' : '-')
    text += set ? (x ? letter : letter.toUpperCase()) : x ? 'x' : '-'
  }
  return text
}

const user = (id: number): string => (id === 0 ? 'root' : String(id))
/** Virtual time has no calendar: seconds since the host started. */
const seconds = (ns: number): string => (ns / 1e9).toFixed(6)

/** A name and what lstat(2) says of it; null: nothing, which has been told. */
interface Entry {
  readonly name: string
  readonly st: Stat | null
  readonly link: string
}

const look = kfn('ls entry', function* (t: Run, path: string, name: string): Step<Entry> {
  const { sys } = t.p
  const st = yield* sys.lstat(path)
  if (typeof st === 'number') {
    t.complain(`cannot access '${path}'`, st)
    return { name, st: null, link: '' }
  }
  const to = S_ISLNK(st.mode) && given(t.opts, 'l') ? yield* sys.readlink(path) : ''
  return { name, st, link: typeof to === 'string' && to !== '' ? ` -> ${to}` : '' }
})

const size_text = (st: Stat): string =>
  [S_IFCHR, S_IFBLK].includes(st.mode & S_IFMT) ? `${MAJOR(st.rdev)}, ${MINOR(st.rdev)}` : String(st.size)

/** Lines of entries, in columns with -l. */
function print(t: Run, entries: readonly Entry[]): void {
  if (!given(t.opts, 'l')) {
    for (const e of entries) t.p.out(e.name)
    return
  }
  const rows = entries.map(({ name, st, link }) =>
    st === null
      ? ['-?????????', '?', '?', '?', '?', '?', name]
      : [
          mode_text(st.mode),
          String(st.nlink),
          user(st.uid),
          user(st.gid),
          size_text(st),
          seconds(st.mtime),
          name + link,
        ],
  )
  const widths = [0, 1, 2, 3, 4, 5].map(c => rows.reduce((w, r) => max(w, r[c]!.length), 0))
  const right = [1, 4, 5]
  for (const r of rows)
    t.p.out(
      r
        .map((cell, c) => (c === 6 ? cell : right.includes(c) ? cell.padStart(widths[c]!) : cell.padEnd(widths[c]!)))
        .join(' '),
    )
}

const join = (dir: string, name: string): string => (dir.endsWith('/') ? dir + name : `${dir}/${name}`)

/** A directory's names, and with -R those below. 0; 1: something in it could not be looked at; 2: it could not be read. */
const list = kfn('ls directory', function* (t: Run, dir: string, titled: boolean): Step<number> {
  const { sys } = t.p
  const fd = yield* sys.open(dir, O_RDONLY | O_DIRECTORY)
  if (fd < 0) {
    t.complain(`cannot open directory '${dir}'`, fd)
    return 2
  }
  const got = yield* sys.getdents(fd)
  yield* sys.close(fd)
  if (titled) t.p.out(`${dir}:`)
  if (typeof got === 'number') {
    t.complain(`reading directory '${dir}'`, got)
    return 2
  }
  const all = given(t.opts, 'a')
  const found = got.map(e => e.name).filter(n => n !== '.' && n !== '..' && (all || !n.startsWith('.')))
  const names = [...(all ? ['.', '..'] : []), ...found.sort()]
  const detailed = given(t.opts, 'l') || given(t.opts, 'R')
  const entries: Entry[] = []
  for (const n of names) entries.push(detailed ? yield* look(t, join(dir, n), n) : { name: n, st: null, link: '' })
  // In blocks of 1024 bytes.
  if (given(t.opts, 'l')) t.p.out(`total ${entries.reduce((n, e) => n + (e.st?.blocks ?? 0), 0) / 2}`)
  print(t, entries)
  let rc = detailed && entries.some(e => e.st === null) ? 1 : 0
  if (given(t.opts, 'R'))
    for (const e of entries)
      if (e.st !== null && S_ISDIR(e.st.mode) && e.name !== '.' && e.name !== '..') {
        t.p.out('')
        if ((yield* list(t, join(dir, e.name), true)) !== 0) rc = 1
      }
  return rc
})

export const ls_main = program({
  name: 'ls',
  usage: '[-l] [-a] [-R] [-d] [FILE...]',
  short: 'laRd1',
  trouble: 2,
  run: kfn('ls', function* (t: Run): Step<number> {
    const paths = t.operands.length === 0 ? ['.'] : t.operands
    const files: Entry[] = []
    const dirs: string[] = []
    let rc = 0
    for (const path of paths) {
      // A link to a directory is the directory, but with -l.
      const st = yield* given(t.opts, 'l') || given(t.opts, 'd') ? t.p.sys.lstat(path) : t.p.sys.stat(path)
      if (typeof st === 'number') {
        t.complain(`cannot access '${path}'`, st)
        rc = 2
      } else if (S_ISDIR(st.mode) && !given(t.opts, 'd')) dirs.push(path)
      else files.push(yield* look(t, path, path))
    }
    print(t, files)
    const titled = paths.length > 1 || given(t.opts, 'R')
    for (const [i, dir] of dirs.entries()) {
      if (i > 0 || files.length > 0) t.p.out('')
      rc = max(rc, yield* list(t, dir, titled))
    }
    return rc
  }),
})

/** What each letter of a format stands for. */
const FORMAT: Readonly<Record<string, (st: Stat, name: string) => string | number>> = {
  n: (_st, name) => name,
  s: st => st.size,
  b: st => st.blocks,
  B: () => 512,
  o: st => st.blksize,
  i: st => st.ino,
  h: st => st.nlink,
  a: st => (st.mode & 0o7777).toString(8),
  A: st => mode_text(st.mode),
  f: st => st.mode.toString(16),
  F: st => (st.size === 0 && (st.mode & S_IFMT) === S_IFREG ? 'regular empty file' : type_of(st.mode)[1]),
  u: st => st.uid,
  U: st => user(st.uid),
  g: st => st.gid,
  G: st => user(st.gid),
  X: st => seconds(st.atime),
  Y: st => seconds(st.mtime),
  Z: st => seconds(st.ctime),
  t: st => MAJOR(st.rdev).toString(16),
  T: st => MINOR(st.rdev).toString(16),
}
const WHOLE = [
  '  File: %n',
  '  Size: %s  Blocks: %b  IO Block: %o  %F',
  ' Inode: %i  Links: %h',
  'Access: (%a/%A)  Uid: (%u/%U)  Gid: (%g/%G)',
  'Access: %X',
  'Modify: %Y',
  'Change: %Z',
]

export const stat_main = program({
  name: 'stat',
  usage: '[-L] [-c FORMAT] FILE...',
  short: 'Lc:',
  least: 1,
  run: kfn('stat', function* (t: Run): Step<number> {
    const format = argument(t.opts, 'c')
    let rc = 0
    for (const path of t.operands) {
      const st = yield* given(t.opts, 'L') ? t.p.sys.stat(path) : t.p.sys.lstat(path)
      if (typeof st === 'number') {
        t.complain(`cannot statx '${path}'`, st)
        rc = 1
      } else
        for (const line of format === undefined ? WHOLE : [format])
          t.p.out(line.replace(/%(.)/g, (_, c: string) => (c === '%' ? '%' : String(FORMAT[c]?.(st, path) ?? '?'))))
    }
    return rc
  }),
})
