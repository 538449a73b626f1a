// The program famfs: a table of subcommands, the options before them, and exit codes (userspace.md f).
import { kfn, min, type Step } from '../../sim/index.ts'
import { getopt } from '../lib/index.ts'
import type { Proc } from '../proc.ts'
import { chkread } from './chkread.ts'
import { cp } from './cp.ts'
import { creat } from './creat.ts'
import { daxdev } from './daxdev.ts'
import { devadd } from './devadd.ts'
import { flush } from './flush.ts'
import { fsck } from './fsck.ts'
import { logplay } from './logplay.ts'
import { mkdir_command } from './mkdir.ts'
import { mount } from './mount.ts'
import type { Option, Subcommand } from './subcommand.ts'
import { check, clone, getmap, mkmeta } from './v1.ts'
import { verify } from './verify.ts'

export const COMMANDS: readonly Subcommand[] = [
  mount,
  fsck,
  mkdir_command,
  cp,
  creat,
  verify,
  mkmeta,
  logplay,
  getmap,
  clone,
  chkread,
  flush,
  check,
  devadd,
  daxdev,
]

const MAX_EXIT = 127

const usage_of_all = (): string[] => [
  'famfs: user space of the famfs shared file system',
  'usage: famfs [-h|-?] COMMAND [OPTIONS] ...',
  '       famfs -h COMMAND     its help',
  `commands: ${COMMANDS.map(c => c.name).join(' ')}`,
]

const print = (lines: readonly string[], to: (line: string) => void): void => {
  for (const line of lines) to(line)
}

/** Run one subcommand with `words` (its own name first). A wrong option prints the help, and is no failure to the real one (Q21). */
export const run_subcommand = kfn(
  'famfs subcommand',
  function* (p: Proc, c: Subcommand, words: readonly string[]): Step<number> {
    const { short, long } = c.options
    const { opts, rest } = getopt(words, { short: `+${short}h?`, long: [...(long ?? []), HELP] })
    const good: Option[] = []
    for (const o of opts) {
      if ('error' in o) {
        p.err(o.error)
        print(c.usage, p.err)
        return p.site.server.has('Q21') ? 0 : 1
      }
      if (o.opt === '?' || (o.opt === 'h' && !short.includes('h'))) {
        print(c.usage, p.out)
        return 0
      }
      good.push(o)
    }
    return yield* c.run(p, good, rest)
  },
)

const HELP = { name: 'help', arg: 'none', short: '?' } as const

/** main() of famfs. */
export const famfs_main = kfn('famfs', function* (p: Proc): Step<number> {
  const { opts, rest } = getopt(p.argv, { short: '+h?', long: [HELP] })
  const [name] = rest
  const command = COMMANDS.find(c => c.name === name)
  if (opts.length > 0) {
    const wrong = opts.find(o => 'error' in o)
    if (wrong !== undefined && 'error' in wrong) p.err(wrong.error)
    print(command?.usage ?? usage_of_all(), p.out)
    return wrong === undefined || p.site.server.has('Q21') ? 0 : 1
  }
  if (name === undefined) {
    print(usage_of_all(), p.err)
    return 1
  }
  if (command === undefined) {
    p.err(`famfs: unknown command '${name}'; famfs -h lists them`)
    return 3
  }
  const rc = yield* run_subcommand(p, command, rest)
  return min(rc < 0 ? -rc : rc, MAX_EXIT)
})
