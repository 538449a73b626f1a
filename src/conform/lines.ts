// Lines of a trace, checked: what is missing or of another kind is told with its number.
import { UsageError } from '../sim/index.ts'
import { FILL, OPEN_FLAGS, WHENCE } from './ops-sequences.ts'
import { errnoOf } from './results.ts'

/** One line as an object, and which one it is. */
export interface Line {
  readonly line: number
  readonly o: Readonly<Record<string, any>>
}

/** Throw UsageError: what is wrong with a line. */
export function bad(line: number, what: string): never {
  throw new UsageError(`line ${line}: ${what}`)
}

type Check = readonly [expected: string, test: (v: any) => boolean]

const whole: Check = ['a whole number', v => Number.isSafeInteger(v)]
const upTo = (low: number, high: number): Check => [
  `a whole number from ${low} to ${high}`,
  v => Number.isSafeInteger(v) && v >= low && v <= high,
]
export const text: Check = ['text', v => typeof v === 'string']
export const oneOf = (words: readonly string[]): Check => [`one of ${words.join(', ')}`, v => words.includes(v)]
const matching = (re: RegExp, example: string): Check => [`e.g. ${example}`, v => typeof v === 'string' && re.test(v)]
const errno: Check = ["an errno's name, or '0'", v => typeof v === 'string' && errnoOf(v) >= 0]
const flags: Check = [
  `some of ${Object.keys(OPEN_FLAGS).join('|')}`,
  v => typeof v === 'string' && v.split('|').every(w => Object.hasOwn(OPEN_FLAGS, w)),
]
const texts: Check = ['an array of text', v => Array.isArray(v) && v.every(x => typeof x === 'string')]
/** The longest buffer that one operation may name. */
export const LONGEST = 0x10000000

/** What each field of a line must be, wherever it appears. */
const FIELDS: Readonly<Record<string, Check>> = {
  seq: whole,
  i: whole,
  op: text,
  fd: upTo(0, 1023),
  map: upTo(0, 1023),
  path: matching(/^[^/\0]+$/, '"a"'),
  file: text,
  flags,
  prot: oneOf(['R', 'RW']),
  whence: oneOf(Object.keys(WHENCE)),
  mode: whole,
  off: whole,
  len: upTo(0, LONGEST),
  fill: matching(FILL, '"(8+i%251)&255"'),
  size: ['a whole number', v => typeof v === 'number' && Number.isInteger(v)],
  set: upTo(0, 255),
  val: upTo(0, 255),
  ret: whole,
  pos: whole,
  err: errno,
  mmap_err: errno,
  fnv: matching(/^[0-9a-f]{16}$/, '"05e73ba40872bee9"'),
  fnv_dev0_first_32M: matching(/^[0-9a-f]{16}$/, '"05e73ba40872bee9"'),
  fnv_dev1_first_32M: matching(/^[0-9a-f]{16}$/, '"05e73ba40872bee9"'),
  signal: text,
  si_code: whole,
  dev: upTo(-1, 1),
  devoff: whole,
  index: upTo(0, 1),
  umount: whole,
  msgs: texts,
  case: whole,
  index0_check: upTo(0, 1),
  mutation: text,
  fmap_len: upTo(0, LONGEST),
  fmap_err: errno,
  daxdev0_err: errno,
  fmap: matching(/^([0-9a-f]{2})*$/, '"0000010000000000"'),
  open: errno,
  setattr: ['accept or an errno', v => v === 'accept' || errno[1](v)],
  attr_valid: upTo(0, 1_000_000),
  atomic_o_trunc: ['true or false', v => typeof v === 'boolean'],
  flush: errno,
}

/** Check fields of an object of a line: those named must be there, the others may. `kinds`: fields of another kind here. */
export function check(
  line: number,
  o: Readonly<Record<string, unknown>>,
  needed: string,
  kinds: Readonly<Record<string, Check>> = {},
): void {
  for (const name of needed.split(' ')) if (name !== '' && !Object.hasOwn(o, name)) bad(line, `no '${name}' here`)
  for (const [name, v] of Object.entries(o)) {
    const kind = kinds[name] ?? FIELDS[name]
    if (kind !== undefined && !kind[1](v)) bad(line, `${name} ${JSON.stringify(v)}: expected ${kind[0]}`)
  }
}

/** Every line of a text that says something. A line with nothing but `source` tells where a trace is from. */
export function* linesOf(content: string): Generator<Line> {
  let line = 0
  for (const s of content.split('\n')) {
    line++
    if (s.trim() === '') continue
    let o: unknown
    try {
      o = JSON.parse(s)
    } catch {
      bad(line, `not JSON: ${s.length > 40 ? `${s.slice(0, 40)}...` : s}`)
    }
    if (typeof o !== 'object' || o === null || Array.isArray(o)) bad(line, 'expected a JSON object')
    if (Object.keys(o).join() !== 'source') yield { line, o }
  }
}
