// touch, mkdir, rmdir, mknod, ln: names that appear, and empty directories that go.
import { MKDEV } from '../../../devdax/index.ts'
import { O_CREAT, O_WRONLY, S_IFBLK, S_IFCHR, S_IFIFO, S_ISDIR } from '../../../kernel/index.ts'
import { kfn, local, type Step } from '../../../sim/index.ts'
import { EEXIST, EISDIR, ENOENT, ENOTDIR } from '../../../wire/index.ts'
import { basename } from '../../lib/path.ts'
import { argument, given } from '../subcommand.ts'
import { for_each, program, type Run } from './tool.ts'

/** Permission bits in octal; null after a line. */
export function mode_of(t: Run, text: string): number | null {
  if (/^[0-7]{1,5}$/.test(text)) return Number.parseInt(text, 8)
  t.complain(`invalid mode: '${text}', expected an octal number`)
  return null
}

export const touch_main = program({
  name: 'touch',
  usage: '[-c] FILE...',
  short: 'c',
  least: 1,
  run: kfn('touch', function* (t: Run): Step<number> {
    const { sys } = t.p
    let rc = 0
    for (const path of t.operands) {
      const fd = given(t.opts, 'c') ? -ENOENT : yield* sys.open(path, O_WRONLY | O_CREAT)
      if (fd >= 0) yield* sys.close(fd)
      const now = sys.clock()
      const n = fd >= 0 || fd === -EISDIR || given(t.opts, 'c') ? yield* sys.utimes(path, now, now) : fd
      if (n >= 0 || (n === -ENOENT && given(t.opts, 'c'))) continue
      t.complain(`${n === fd ? 'cannot touch' : 'setting times of'} '${path}'`, n)
      rc = 1
    }
    return rc
  }),
})

/** Every directory on the way, too; those that are there are no mistake. */
const mkdir_parents = kfn('mkdir -p', function* (t: Run, path: string): Step<number> {
  const { sys } = t.p
  for (let at = path.indexOf('/', 1); at > 0; at = path.indexOf('/', at + 1)) {
    const rc = yield* sys.mkdir(path.slice(0, at))
    if (rc < 0 && rc !== -EEXIST) return rc
  }
  const rc = yield* sys.mkdir(path)
  if (rc !== -EEXIST) return rc
  const st = yield* sys.stat(path)
  return typeof st !== 'number' && S_ISDIR(st.mode) ? 0 : rc
})

export const mkdir_main = program({
  name: 'mkdir',
  usage: '[-p] [-m MODE] DIR...',
  short: 'pm:',
  least: 1,
  run: kfn('mkdir', function* (t: Run): Step<number> {
    const { sys } = t.p
    const text = argument(t.opts, 'm')
    const mode = text === undefined ? undefined : mode_of(t, text)
    if (mode === null) return 1
    const make = local('mkdir one', function* (path: string): Step<number> {
      const made = given(t.opts, 'p') ? yield* mkdir_parents(t, path) : yield* sys.mkdir(path, mode ?? 0o777)
      return made === 0 && mode !== undefined ? yield* sys.chmod(path, mode) : made
    })
    return yield* for_each(t, t.operands, make, path => `cannot create directory '${path}'`)
  }),
})

export const rmdir_main = program({
  name: 'rmdir',
  usage: 'DIR...',
  least: 1,
  run: kfn('rmdir', function* (t: Run): Step<number> {
    return yield* for_each(
      t,
      t.operands,
      path => t.p.sys.rmdir(path),
      path => `failed to remove '${path}'`,
    )
  }),
})

const NODES: Readonly<Record<string, number>> = { b: S_IFBLK, c: S_IFCHR, u: S_IFCHR, p: S_IFIFO }

export const mknod_main = program({
  name: 'mknod',
  usage: '[-m MODE] NAME b|c|p [MAJOR MINOR]',
  short: 'm:',
  least: 2,
  most: 4,
  run: kfn('mknod', function* (t: Run): Step<number> {
    const [path, type, major, minor] = t.operands as [string, string, string?, string?]
    const kind = NODES[type]
    const mode = mode_of(t, argument(t.opts, 'm') ?? '666')
    if (mode === null) return 1
    const numbers = [major, minor].filter(n => n !== undefined).map(Number)
    const want = type === 'p' ? 0 : 2
    if (kind === undefined || numbers.length !== want || numbers.some(n => !Number.isSafeInteger(n) || n < 0)) {
      t.complain(`'${t.operands.slice(1).join(' ')}': expected b or c with a major and a minor number, or p alone`)
      return 1
    }
    const n = yield* t.p.sys.mknod(path, kind | mode, want === 0 ? 0 : MKDEV(numbers[0]!, numbers[1]!))
    if (n < 0) t.complain(path, n)
    return n < 0 ? 1 : 0
  }),
})

/** Where something named `from` goes when the last operand is `to`: into it when it is a directory. */
export const target_of = kfn('target', function* (t: Run, from: string, to: string): Step<string> {
  const st = yield* t.p.sys.stat(to)
  const into = typeof st !== 'number' && S_ISDIR(st.mode)
  return into ? `${to.endsWith('/') ? to : `${to}/`}${basename(from)}` : to
})

/** Operands of mv, cp and ln: several go into a directory. False after a line. */
export const may_take_all = kfn('target directory', function* (t: Run): Step<boolean> {
  const to = t.operands[t.operands.length - 1]!
  if (t.operands.length === 2) return true
  const st = yield* t.p.sys.stat(to)
  if (typeof st !== 'number' && S_ISDIR(st.mode)) return true
  t.complain(`target '${to}'`, typeof st === 'number' ? st : -ENOTDIR)
  return false
})

export const ln_main = program({
  name: 'ln',
  usage: '[-s] TARGET... NAME',
  short: 's',
  least: 2,
  run: kfn('ln', function* (t: Run): Step<number> {
    const { sys } = t.p
    const soft = given(t.opts, 's')
    const last = t.operands[t.operands.length - 1]!
    if (!(yield* may_take_all(t))) return 1
    let rc = 0
    for (const from of t.operands.slice(0, -1)) {
      const to = yield* target_of(t, from, last)
      const n = yield* soft ? sys.symlink(from, to) : sys.link(from, to)
      if (n >= 0) continue
      t.complain(`failed to create ${soft ? `symbolic link '${to}'` : `hard link '${to}' => '${from}'`}`, n)
      rc = 1
    }
    return rc
  }),
})
