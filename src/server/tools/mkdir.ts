// famfs mkdir: one directory, with -p all that are missing above it (userspace.md f).
import { kfn, type Step } from '../../sim/index.ts'
import { mkdir, mkdir_parents } from '../lib/mkdir.ts'
import type { Proc } from '../proc.ts'
import { ATTR_OPTIONS, ids, octal } from './file-options.ts'
import { argument, given, type Option, type Subcommand } from './subcommand.ts'

const USAGE = [
  'usage: famfs mkdir [OPTIONS] DIRECTORY',
  '  -p --parents        directories above it too; no error when it is there',
  '  -m --mode OCTAL     0755 unless given     -u --uid N     -g --gid N     -v --verbose',
]

const run = kfn(
  'do_famfs_cli_mkdir',
  function* (p: Proc, opts: readonly Option[], operands: readonly string[]): Step<number> {
    const [path] = operands
    if (path === undefined) {
      p.err('famfs mkdir: a path expected')
      for (const line of USAGE) p.err(line)
      return 1
    }
    const attr = { mode: octal(argument(opts, 'm') ?? '755'), ...ids(p, opts) }
    return yield* given(opts, 'p') ? mkdir_parents(p, path, attr) : mkdir(p, path, attr)
  },
)

export const mkdir_command: Subcommand = {
  name: 'mkdir',
  usage: USAGE,
  options: { short: 'pm:u:g:v', long: [{ name: 'parents', arg: 'none', short: 'p' }, ...ATTR_OPTIONS] },
  run,
}
