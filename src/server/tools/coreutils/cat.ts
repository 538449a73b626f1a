// cat, head -c, wc -c: a file's bytes as text, or how many there are.
import { O_RDONLY } from '../../../kernel/index.ts'
import { kfn, type Op, type Step } from '../../../sim/index.ts'
import { parse_size } from '../../lib/index.ts'
import { argument } from '../subcommand.ts'
import { each_piece, Lines } from './bytes.ts'
import { program, type Run } from './tool.ts'

/** Read each operand; what cannot be read is told, and makes the exit code 1. */
const each_file = kfn(
  'each file',
  function* (
    t: Run,
    read: (fd: number, path: string) => Op<number>,
    open: (path: string, rc: number) => string,
  ): Step<number> {
    const { sys } = t.p
    let rc = 0
    for (const path of t.operands) {
      const fd = yield* sys.open(path, O_RDONLY)
      const n = fd < 0 ? fd : yield* read(fd, path)
      if (fd >= 0) yield* sys.close(fd)
      if (n >= 0) continue
      t.complain(fd < 0 ? open(path, n) : path, n)
      rc = 1
    }
    return rc
  },
)

const print = kfn('print', function* (t: Run, fd: number, limit: number): Step<number> {
  const lines = new Lines(l => t.p.out(l))
  const n = yield* each_piece(
    t.p.sys,
    fd,
    piece => {
      lines.take(piece)
      return null
    },
    limit,
  )
  lines.end()
  return n
})

export const cat_main = program({
  name: 'cat',
  usage: 'FILE...',
  least: 1,
  run: t =>
    each_file(
      t,
      fd => print(t, fd, Number.POSITIVE_INFINITY),
      path => path,
    ),
})

export const head_main = program({
  name: 'head',
  usage: '-c BYTES FILE...',
  short: 'c:',
  least: 1,
  run: kfn('head', function* (t: Run): Step<number> {
    const given = argument(t.opts, 'c')
    const limit = parse_size(given ?? '', false)
    if (limit < 0) {
      t.complain(`invalid number of bytes: '${given ?? ''}'`)
      return 1
    }
    return yield* each_file(
      t,
      fd => print(t, fd, limit),
      path => `cannot open '${path}' for reading`,
    )
  }),
})

const count = kfn('count', function* (t: Run, fd: number, path: string): Step<number> {
  const n = yield* each_piece(t.p.sys, fd, () => null)
  if (n >= 0) t.p.out(`${n} ${path}`)
  return n
})

export const wc_main = program({
  name: 'wc',
  usage: '-c FILE...',
  short: 'c',
  least: 1,
  run: t =>
    each_file(
      t,
      (fd, path) => count(t, fd, path),
      path => path,
    ),
})
