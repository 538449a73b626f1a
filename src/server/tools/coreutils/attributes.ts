// chmod, chown, truncate, fallocate, getfattr, setfattr: what is known of a file besides its bytes.
import { O_CREAT, O_RDWR, O_WRONLY } from '../../../kernel/index.ts'
import { kfn, type Step } from '../../../sim/index.ts'
import { getText, putText, textLength } from '../../../wire/index.ts'
import { parse_size } from '../../lib/index.ts'
import { argument, given } from '../subcommand.ts'
import { mode_of } from './make.ts'
import { for_each, program, type Run } from './tool.ts'

export const chmod_main = program({
  name: 'chmod',
  usage: 'MODE FILE...',
  least: 2,
  run: kfn('chmod', function* (t: Run): Step<number> {
    const mode = mode_of(t, t.operands[0]!)
    if (mode === null) return 1
    return yield* for_each(
      t,
      t.operands.slice(1),
      path => t.p.sys.chmod(path, mode),
      path => `changing permissions of '${path}'`,
    )
  }),
})

/** A number, or root; undefined: nothing said; null: neither. */
const id_of = (text: string): number | undefined | null =>
  text === '' ? undefined : text === 'root' ? 0 : /^\d+$/.test(text) ? Number(text) : null

export const chown_main = program({
  name: 'chown',
  usage: '[USER][:[GROUP]] FILE...',
  least: 2,
  run: kfn('chown', function* (t: Run): Step<number> {
    const [user = '', group = ''] = t.operands[0]!.split(':')
    const uid = id_of(user)
    const gid = id_of(group)
    if (uid === null || gid === null) {
      t.complain(`invalid ${uid === null ? 'user' : 'group'}: '${t.operands[0]}', expected numbers`)
      return 1
    }
    return yield* for_each(
      t,
      t.operands.slice(1),
      path => t.p.sys.chown(path, uid, gid),
      path => `changing ownership of '${path}'`,
    )
  }),
})

export const truncate_main = program({
  name: 'truncate',
  usage: '-s SIZE FILE...',
  short: 's:',
  least: 1,
  run: kfn('truncate', function* (t: Run): Step<number> {
    const { sys } = t.p
    const text = argument(t.opts, 's')
    const size = parse_size(text ?? '', false)
    if (size < 0) {
      t.complain(text === undefined ? "you must specify '-s'" : `invalid number: '${text}'`)
      return 1
    }
    let rc = 0
    for (const path of t.operands) {
      const fd = yield* sys.open(path, O_WRONLY | O_CREAT)
      const n = fd < 0 ? fd : yield* sys.ftruncate(fd, size)
      if (fd >= 0) yield* sys.close(fd)
      if (n >= 0) continue
      t.complain(fd < 0 ? `cannot open '${path}' for writing` : `failed to truncate '${path}' at ${size} bytes`, n)
      rc = 1
    }
    return rc
  }),
})

export const fallocate_main = program({
  name: 'fallocate',
  usage: '-l LENGTH [-o OFFSET] FILE',
  short: 'l:o:n',
  least: 1,
  most: 1,
  run: kfn('fallocate', function* (t: Run): Step<number> {
    const { sys } = t.p
    const [path] = t.operands as [string]
    const len = parse_size(argument(t.opts, 'l') ?? '', false)
    const off = parse_size(argument(t.opts, 'o') ?? '0', false)
    if (len <= 0 || off < 0) {
      t.complain('expected a length: -l LENGTH')
      return 1
    }
    const fd = yield* sys.open(path, O_RDWR | O_CREAT)
    const n = fd < 0 ? fd : yield* sys.fallocate(fd, given(t.opts, 'n') ? 1 : 0, off, len)
    if (fd >= 0) yield* sys.close(fd)
    if (n < 0) t.complain(fd < 0 ? `cannot open ${path}` : 'fallocate failed', n)
    return n < 0 ? 1 : 0
  }),
})

/** Attributes of one file, in lines. */
const show_attributes = kfn('getfattr', function* (t: Run, path: string, name: string | undefined): Step<number> {
  const { sys } = t.p
  const names = name === undefined ? yield* sys.listxattr(path) : [name]
  if (typeof names === 'number') return names
  const lines: string[] = []
  for (const n of names) {
    const value = yield* sys.getxattr(path, n)
    if (typeof value === 'number') return value
    lines.push(`${n}="${getText(value, 0, value.length)}"`)
  }
  if (lines.length === 0) return 0
  t.p.out(`# file: ${path.replace(/^\/+/, '')}`)
  for (const l of lines) t.p.out(l)
  return 0
})

export const getfattr_main = program({
  name: 'getfattr',
  usage: '[-d] [-m PATTERN] [-n NAME] FILE...',
  short: 'dm:n:',
  least: 1,
  run: t =>
    for_each(
      t,
      t.operands,
      path => show_attributes(t, path, argument(t.opts, 'n')),
      path => path,
    ),
})

export const setfattr_main = program({
  name: 'setfattr',
  usage: '-n NAME [-v VALUE] FILE... | -x NAME FILE...',
  short: 'n:v:x:',
  least: 1,
  run: kfn('setfattr', function* (t: Run): Step<number> {
    const { sys } = t.p
    const name = argument(t.opts, 'n')
    const gone = argument(t.opts, 'x')
    if ((name === undefined) === (gone === undefined)) {
      t.complain('expected -n NAME or -x NAME')
      return 1
    }
    const text = argument(t.opts, 'v') ?? ''
    const value = new Uint8Array(textLength(text))
    putText(value, 0, text)
    return yield* for_each(
      t,
      t.operands,
      path => (gone === undefined ? sys.setxattr(path, name!, value) : sys.removexattr(path, gone)),
      path => path,
    )
  }),
})
