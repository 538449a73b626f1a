// cmp and md5sum: are two files the same, also on different hosts.
import { O_RDONLY } from '../../../kernel/index.ts'
import { kfn, min, type Step } from '../../../sim/index.ts'
import { Md5 } from '../../lib/md5.ts'
import { each_piece } from './bytes.ts'
import { program, type Run } from './tool.ts'

const TROUBLE = 2

/** All bytes of a file, or null after a line. */
const whole = kfn('read whole', function* (t: Run, path: string): Step<Uint8Array | null> {
  const { sys } = t.p
  const fd = yield* sys.open(path, O_RDONLY)
  const st = fd < 0 ? fd : yield* sys.fstat(fd)
  let n = typeof st === 'number' ? st : 0
  let bytes = new Uint8Array(typeof st === 'number' ? 0 : st.size)
  if (typeof st !== 'number') {
    let at = 0
    n = yield* each_piece(sys, fd, piece => {
      if (at + piece.length > bytes.length) {
        const grown = new Uint8Array(at + piece.length)
        grown.set(bytes)
        bytes = grown
      }
      bytes.set(piece, at)
      at += piece.length
      return null
    })
  }
  if (fd >= 0) yield* sys.close(fd)
  if (n >= 0) return bytes.subarray(0, n)
  t.complain(path, n)
  return null
})

export const cmp_main = program({
  name: 'cmp',
  usage: '[-s] FILE1 FILE2',
  short: 's',
  trouble: TROUBLE,
  least: 2,
  most: 2,
  run: kfn('cmp', function* (t: Run): Step<number> {
    const [one, two] = t.operands as [string, string]
    const a = yield* whole(t, one)
    const b = a === null ? null : yield* whole(t, two)
    if (a === null || b === null) return TROUBLE
    const silent = t.opts.length > 0
    const n = min(a.length, b.length)
    let line = 1
    for (let i = 0; i < n; i++) {
      if (a[i] !== b[i]) {
        if (!silent) t.p.out(`${one} ${two} differ: byte ${i + 1}, line ${line}`)
        return 1
      }
      if (a[i] === 10) line++
    }
    if (a.length === b.length) return 0
    if (!silent) t.complain(`EOF on ${a.length < b.length ? one : two} after byte ${n}`)
    return 1
  }),
})

export const md5sum_main = program({
  name: 'md5sum',
  usage: 'FILE...',
  least: 1,
  run: kfn('md5sum', function* (t: Run): Step<number> {
    let rc = 0
    for (const path of t.operands) {
      const fd = yield* t.p.sys.open(path, O_RDONLY)
      const sum = new Md5()
      const n =
        fd < 0
          ? fd
          : yield* each_piece(t.p.sys, fd, piece => {
              sum.update(piece)
              return null
            })
      if (fd >= 0) yield* t.p.sys.close(fd)
      if (n >= 0) t.p.out(`${sum.hex()}  ${path}`)
      else {
        t.complain(path, n)
        rc = 1
      }
    }
    return rc
  }),
})
