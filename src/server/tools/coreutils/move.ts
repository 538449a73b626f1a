// rm, mv, cp: names that go, and files that come from elsewhere.
import {
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  S_ISDIR,
  S_ISLNK,
  S_ISREG,
  type Stat,
} from '../../../kernel/index.ts'
import { kfn, type Step } from '../../../sim/index.ts'
import { EEXIST, EISDIR, ENOENT, EXDEV } from '../../../wire/index.ts'
import { basename, realpath } from '../../lib/path.ts'
import { given } from '../subcommand.ts'
import { each_piece, write_all } from './bytes.ts'
import { may_take_all, target_of } from './make.ts'
import { program, type Run } from './tool.ts'

/** Names in a directory, or -errno. */
const names_in = kfn('readdir', function* (t: Run, path: string): Step<string[] | number> {
  const fd = yield* t.p.sys.open(path, O_RDONLY | O_DIRECTORY)
  if (fd < 0) return fd
  const got = yield* t.p.sys.getdents(fd)
  yield* t.p.sys.close(fd)
  return typeof got === 'number' ? got : got.map(e => e.name).filter(n => n !== '.' && n !== '..')
})

/** Remove a name, with all below it if asked to; complaints count. */
const remove = kfn('remove', function* (t: Run, path: string, recursive: boolean, force: boolean): Step<number> {
  const { sys } = t.p
  const st = yield* sys.lstat(path)
  if (typeof st === 'number') {
    if (st === -ENOENT && force) return 0
    t.complain(`cannot remove '${path}'`, st)
    return 1
  }
  const dir = S_ISDIR(st.mode)
  let failed = 0
  if (dir && recursive) {
    const names = yield* names_in(t, path)
    if (typeof names === 'number') {
      t.complain(`cannot remove '${path}'`, names)
      return 1
    }
    for (const name of names) failed += yield* remove(t, `${path}/${name}`, true, force)
    if (failed > 0) return failed
  }
  const n = dir && !recursive ? -EISDIR : yield* dir ? sys.rmdir(path) : sys.unlink(path)
  if (n < 0) t.complain(`cannot remove '${path}'`, n)
  return n < 0 ? 1 : 0
})

export const rm_main = program({
  name: 'rm',
  usage: '[-f] [-r] FILE...',
  short: 'frR',
  run: kfn('rm', function* (t: Run): Step<number> {
    const force = given(t.opts, 'f')
    if (t.operands.length === 0 && !force) {
      t.complain('missing operand')
      return 1
    }
    let failed = 0
    for (const path of t.operands) {
      if (['.', '..', '/'].includes(basename(path))) {
        t.complain(`refusing to remove '.', '..' or '/': skipping '${path}'`)
        failed++
      } else failed += yield* remove(t, path, given(t.opts, 'r') || given(t.opts, 'R'), force)
    }
    return failed > 0 ? 1 : 0
  }),
})

/** The bytes of a regular file into another: 0, or 1 after a line. */
const copy_file = kfn('copy_reg', function* (t: Run, from: string, to: string, st: Stat): Step<number> {
  const { sys } = t.p
  const tell = (what: string, rc: number): number => {
    t.complain(what, rc)
    return 1
  }
  const input = yield* sys.open(from, O_RDONLY)
  if (input < 0) return tell(`cannot open '${from}' for reading`, input)
  let output = yield* sys.open(to, O_WRONLY | O_CREAT | O_EXCL, st.mode & 0o777)
  if (output === -EEXIST) output = yield* sys.open(to, O_WRONLY | O_TRUNC)
  let failed = output < 0 ? tell(`cannot create regular file '${to}'`, output) : 0
  if (failed === 0) {
    let wrote = 0
    const piece = kfn('copy piece', function* (bytes: Uint8Array): Step<void> {
      if (wrote >= 0) wrote = yield* write_all(sys, output, bytes)
    })
    const read = yield* each_piece(sys, input, piece)
    if (wrote < 0) failed = tell(`error writing '${to}'`, wrote)
    else if (read < 0) failed = tell(`error reading '${from}'`, read)
    const closed = yield* sys.close(output)
    if (closed < 0) failed = tell(`failed to close '${to}'`, closed)
  }
  yield* sys.close(input)
  return failed
})

const copy = kfn('copy', function* (t: Run, from: string, to: string, recursive: boolean): Step<number> {
  const { sys } = t.p
  const tell = (what: string, rc = 0): number => {
    t.complain(what, rc)
    return 1
  }
  const st = yield* recursive ? sys.lstat(from) : sys.stat(from)
  if (typeof st === 'number') return tell(`cannot stat '${from}'`, st)
  if (S_ISREG(st.mode)) {
    const [a, b] = [yield* realpath(sys, from), yield* realpath(sys, to)]
    if (b.rc === 0 && a.path === b.path) return tell(`'${from}' and '${to}' are the same file`)
    return yield* copy_file(t, from, to, st)
  }
  if (S_ISLNK(st.mode)) {
    const link = yield* sys.readlink(from)
    const n = typeof link === 'number' ? link : yield* sys.symlink(link, to)
    return n < 0 ? tell(`cannot create symbolic link '${to}'`, n) : 0
  }
  if (!S_ISDIR(st.mode)) return tell(`'${from}' is no regular file, directory or link`)
  if (!recursive) return tell(`-r not specified; omitting directory '${from}'`)
  const names = yield* names_in(t, from)
  if (typeof names === 'number') return tell(`cannot access '${from}'`, names)
  const made = yield* sys.mkdir(to, st.mode & 0o777)
  if (made < 0 && made !== -EEXIST) return tell(`cannot create directory '${to}'`, made)
  let failed = 0
  for (const name of names) failed += yield* copy(t, `${from}/${name}`, `${to}/${name}`, true)
  return failed
})

export const cp_main = program({
  name: 'cp',
  usage: '[-r] SOURCE... TARGET',
  short: 'rR',
  least: 2,
  run: kfn('cp', function* (t: Run): Step<number> {
    if (!(yield* may_take_all(t))) return 1
    const last = t.operands[t.operands.length - 1]!
    let failed = 0
    for (const from of t.operands.slice(0, -1))
      failed += yield* copy(t, from, yield* target_of(t, from, last), t.opts.length > 0)
    return failed > 0 ? 1 : 0
  }),
})

export const mv_main = program({
  name: 'mv',
  usage: 'SOURCE... TARGET',
  least: 2,
  run: kfn('mv', function* (t: Run): Step<number> {
    const { sys } = t.p
    if (!(yield* may_take_all(t))) return 1
    const last = t.operands[t.operands.length - 1]!
    let failed = 0
    for (const from of t.operands.slice(0, -1)) {
      const to = yield* target_of(t, from, last)
      const st = yield* sys.lstat(from)
      const n = typeof st === 'number' ? st : yield* sys.rename(from, to)
      if (n === -EXDEV) failed += (yield* copy(t, from, to, true)) || (yield* remove(t, from, true, false))
      else if (n < 0) {
        t.complain(typeof st === 'number' ? `cannot stat '${from}'` : `cannot move '${from}' to '${to}'`, n)
        failed++
      }
    }
    return failed > 0 ? 1 : 0
  }),
})
