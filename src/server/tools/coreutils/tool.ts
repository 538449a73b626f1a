// What the small tools have in common: options by getopt(3), a help of one line, and errors in the words and with the exit codes
// of the GNU ones. Everything else a tool does by system calls.
import { kfn, type Op, type Step } from '../../../sim/index.ts'
import { getopt, type LongOption } from '../../lib/index.ts'
import { strerror } from '../../lib/strerror.ts'
import type { Proc, Program } from '../../proc.ts'
import type { Option } from '../subcommand.ts'

export interface Tool {
  readonly name: string
  /** Behind the name in the help: `[-p] DIR...`. */
  readonly usage: string
  /** Options as for getopt(3); a `+` in front: the first operand ends them. */
  readonly short?: string
  readonly long?: readonly LongOption[]
  /** Exit code for wrong options and operands; 1 unless given. */
  readonly trouble?: number
  /** Fewest operands; 0 unless given. */
  readonly least?: number
  /** Most operands. */
  readonly most?: number
  /** Exit code. */
  readonly run: (t: Run) => Op<number>
}

/** One run of a tool. */
export interface Run {
  readonly p: Proc
  readonly opts: readonly Option[]
  readonly operands: readonly string[]
  /** A line of complaint behind the tool's name: `cannot remove 'x': No such file or directory`; rc is -errno, 0 for none. */
  complain(what: string, rc?: number): void
}

const HELP: LongOption = { name: 'help', arg: 'none', short: '?' }

/** The program of a tool. */
export function program(t: Tool): Program {
  const { name, usage, short = '', long = [], trouble = 1, least = 0, most = Number.POSITIVE_INFINITY } = t
  return kfn(name, function* (p: Proc): Step<number> {
    const complain = (what: string, rc = 0): void => p.err(`${name}: ${what}${rc === 0 ? '' : `: ${strerror(rc)}`}`)
    const wrong = (line: string): number => {
      p.err(line)
      p.err(`usage: ${name} ${usage}`)
      return trouble
    }
    const { opts, rest } = getopt([name, ...p.argv.slice(1)], { short, long: [...long, HELP] })
    const good: Option[] = []
    for (const o of opts) {
      if ('error' in o) return wrong(o.error)
      if (o.opt === '?') {
        p.out(`usage: ${name} ${usage}`)
        return 0
      }
      good.push(o)
    }
    if (rest.length < least)
      return wrong(`${name}: missing operand${rest.length === 0 ? '' : ` after '${rest[rest.length - 1]}'`}`)
    if (rest.length > most) return wrong(`${name}: extra operand '${rest[most]}'`)
    return yield* t.run({ p, opts: good, operands: rest, complain })
  })
}

/** Do it with each path; exit code 1 when any fails. */
export const for_each = kfn(
  'for each',
  function* (
    t: Run,
    paths: readonly string[],
    act: (path: string) => Op<number>,
    what: (path: string) => string,
  ): Step<number> {
    let rc = 0
    for (const path of paths) {
      const n = yield* act(path)
      if (n >= 0) continue
      t.complain(what(path), n)
      rc = 1
    }
    return rc
  },
)
