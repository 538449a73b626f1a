// dd: bytes from here to there, block by block.
import { O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY, S_ISREG, SEEK_CUR } from '../../../kernel/index.ts'
import { kfn, type Step } from '../../../sim/index.ts'
import { parse_size } from '../../lib/index.ts'
import { Lines, write_all } from './bytes.ts'
import { program, type Run } from './tool.ts'

const NUMBERS = ['bs', 'count', 'skip', 'seek']
const CONV = ['notrunc', 'fsync']

interface Plan {
  readonly from: string
  /** Null: standard output. */
  readonly to: string | null
  readonly bs: number
  readonly count: number
  readonly skip: number
  readonly seek: number
  readonly conv: readonly string[]
}

/** The operands, or null after a line. */
function plan_of(t: Run): Plan | null {
  const words = new Map<string, string>()
  for (const word of t.operands) {
    const at = word.indexOf('=')
    const key = word.slice(0, at)
    const value = word.slice(at + 1)
    const known = at > 0 && ['if', 'of', 'conv', 'status', ...NUMBERS].includes(key)
    if (!known) t.complain(`unrecognized operand '${word}'`)
    else if (
      NUMBERS.includes(key) &&
      (parse_size(value, false) < 0 || (key === 'bs' && parse_size(value, false) === 0))
    )
      t.complain(`invalid number: '${value}'`)
    else if (key === 'conv' && value.split(',').some(c => !CONV.includes(c)))
      t.complain(`invalid conversion: '${value}'`)
    else {
      words.set(key, value)
      continue
    }
    return null
  }
  const from = words.get('if')
  if (from === undefined) {
    t.complain('no if=FILE: there is no standard input here')
    return null
  }
  const number = (key: string, otherwise: number): number => {
    const v = words.get(key)
    return v === undefined ? otherwise : parse_size(v, false)
  }
  return {
    from,
    to: words.get('of') ?? null,
    bs: number('bs', 512),
    count: number('count', Number.POSITIVE_INFINITY),
    skip: number('skip', 0),
    seek: number('seek', 0),
    conv: words.get('conv')?.split(',') ?? [],
  }
}

/** The output, opened and ready at `seek`: a descriptor, -1 for standard output, null after a line. */
const open_output = kfn('dd output', function* (t: Run, d: Plan): Step<number | null> {
  const { sys } = t.p
  if (d.to === null) return -1
  const keep = d.conv.includes('notrunc')
  const fd = yield* sys.open(d.to, O_WRONLY | O_CREAT | (keep || d.seek > 0 ? 0 : O_TRUNC))
  if (fd < 0) {
    t.complain(`failed to open '${d.to}'`, fd)
    return null
  }
  const st = d.seek === 0 ? 0 : yield* sys.fstat(fd)
  if (!keep && typeof st !== 'number' && S_ISREG(st.mode)) {
    const rc = yield* sys.ftruncate(fd, d.seek * d.bs)
    if (rc < 0) {
      t.complain(`failed to truncate to ${d.seek * d.bs} bytes in output file '${d.to}'`, rc)
      yield* sys.close(fd)
      return null
    }
  }
  if (d.seek > 0) yield* sys.lseek(fd, d.seek * d.bs, SEEK_CUR)
  return fd
})

export const dd_main = program({
  name: 'dd',
  usage: 'if=FILE [of=FILE] [bs=N] [count=N] [skip=N] [seek=N] [conv=notrunc,fsync] [status=none]',
  run: kfn('dd', function* (t: Run): Step<number> {
    const { sys } = t.p
    const d = plan_of(t)
    if (d === null) return 1
    const start = sys.clock()
    const input = yield* sys.open(d.from, O_RDONLY)
    if (input < 0) {
      t.complain(`failed to open '${d.from}'`, input)
      return 1
    }
    const output = yield* open_output(t, d)
    if (output === null) {
      yield* sys.close(input)
      return 1
    }
    if (d.skip > 0) yield* sys.lseek(input, d.skip * d.bs, SEEK_CUR)
    const lines = new Lines(l => t.p.out(l))
    const read = { whole: 0, part: 0 }
    const written = { whole: 0, part: 0 }
    let bytes = 0
    let rc = 0
    const tell = (what: string, n: number): void => {
      t.complain(what, n)
      rc = 1
    }
    while (rc === 0 && read.whole + read.part < d.count) {
      const buf = new Uint8Array(d.bs)
      const n = yield* sys.read(input, buf)
      if (n < 0) tell(`error reading '${d.from}'`, n)
      if (n <= 0) break
      read[n === d.bs ? 'whole' : 'part']++
      const piece = buf.subarray(0, n)
      let done = n
      if (output < 0) lines.take(piece)
      else done = yield* write_all(sys, output, piece)
      if (done < 0) tell(`error writing '${d.to}'`, done)
      if (done <= 0) break
      written[done === d.bs ? 'whole' : 'part']++
      bytes += done
    }
    lines.end()
    if (rc === 0 && output >= 0 && d.conv.includes('fsync')) {
      const n = yield* sys.fsync(output)
      if (n < 0) tell(`fsync failed for '${d.to}'`, n)
    }
    if (output >= 0) {
      const n = yield* sys.close(output)
      if (n < 0) tell(`closing output file '${d.to}'`, n)
    }
    yield* sys.close(input)
    if (t.operands.includes('status=none')) return rc
    t.p.err(`${read.whole}+${read.part} records in`)
    t.p.err(`${written.whole}+${written.part} records out`)
    t.p.err(`${bytes} bytes copied, ${((sys.clock() - start) / 1e9).toFixed(6)} s`)
    return rc
  }),
})
