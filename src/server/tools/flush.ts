// famfs flush: write back and drop every cached line of files, so that what other hosts wrote is seen (userspace.md c.2, f).
import { S_ISREG } from '../../kernel/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { hard_flush_processor_cache } from '../lib/cache.ts'
import { mmap_whole_file } from '../lib/map-file.ts'
import type { Proc } from '../proc.ts'
import type { Option, Subcommand } from './subcommand.ts'

const USAGE = ['usage: famfs flush [-v] FILE...', '  -v --verbose']

/** 0; 1: no regular file; 2: it cannot be mapped; 3: not there. */
export const flush_file = kfn('famfs_flush_file', function* (p: Proc, path: string): Step<number> {
  const { sys } = p
  const st = yield* sys.stat(path)
  const bad = (rc: number, why: string): number => {
    p.err(`famfs flush: ${path}: ${why}`)
    return rc
  }
  if (typeof st === 'number') return bad(3, 'not there')
  if (!S_ISREG(st.mode)) return bad(1, 'no regular file')
  const f = yield* mmap_whole_file(sys, path, true)
  if (typeof f === 'number') return bad(2, 'cannot be mapped')
  yield* hard_flush_processor_cache(sys, f.addr, f.len)
  yield* sys.munmap(f.addr, f.len)
  return 0
})

const run = kfn(
  'do_famfs_cli_flush',
  function* (p: Proc, _opts: readonly Option[], files: readonly string[]): Step<number> {
    if (files.length === 0) {
      for (const line of USAGE) p.err(line)
      return 1
    }
    let errs = 0
    for (const path of files) if ((yield* flush_file(p, path)) !== 0) errs++
    if (errs > 0) p.err(`famfs flush: ${errs} errors`)
    return errs
  },
)

export const flush: Subcommand = {
  name: 'flush',
  usage: USAGE,
  options: { short: 'v', long: [{ name: 'verbose', arg: 'none', short: 'v' }] },
  run,
}
