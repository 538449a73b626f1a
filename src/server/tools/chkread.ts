// famfs chkread: does read(2) give what a mapping shows? (userspace.md f)
import { O_RDONLY } from '../../kernel/index.ts'
import { decodeLogHeader, decodeSuperblock } from '../../media/index.ts'
import { kfn, MiB, min, type Step } from '../../sim/index.ts'
import { first_difference } from '../lib/first-difference.ts'
import { mmap_whole_file } from '../lib/map-file.ts'
import type { Proc } from '../proc.ts'
import { given, type Option, type Subcommand } from './subcommand.ts'

const USAGE = [
  'usage: famfs chkread [-s|-l] FILE',
  '  -s --superblock     it must be a superblock, too',
  '  -l --log            it must be a log, too',
]
const CHUNK = MiB(1)

/** Both copies of a file, compared: 0, or 1 after a line. */
const compare = kfn('famfs chkread', function* (p: Proc, path: string, kind: 's' | 'l' | null): Step<number> {
  const { sys } = p
  const bad = (why: string): number => {
    p.err(`famfs chkread: ${path}: ${why}`)
    return 1
  }
  const fd = yield* sys.open(path, O_RDONLY)
  if (fd < 0) return bad('cannot be opened')
  const f = yield* mmap_whole_file(sys, path, false)
  if (typeof f === 'number') return bad('cannot be mapped')
  for (let at = 0; at < f.len; at += CHUNK) {
    const by_read = new Uint8Array(min(CHUNK, f.len - at))
    const by_load = new Uint8Array(by_read.length)
    const n = yield* sys.pread(fd, by_read, at)
    if (n !== by_read.length) return bad(`read gave ${n} of ${by_read.length} bytes at ${at}`)
    yield* sys.load(f.addr + at, by_load)
    const wrong = first_difference(by_read, by_load)
    if (wrong >= 0) return bad(`read and mapping differ at ${at + wrong}`)
    const check = at > 0 || kind === null ? null : kind === 's' ? decodeSuperblock(by_read) : decodeLogHeader(by_read)
    if (check !== null && !check.ok) return bad(check.why)
  }
  yield* sys.munmap(f.addr, f.len)
  yield* sys.close(fd)
  return 0
})

const run = kfn(
  'do_famfs_cli_chkread',
  function* (p: Proc, opts: readonly Option[], operands: readonly string[]): Step<number> {
    const [path] = operands
    if (path === undefined) {
      p.err('famfs chkread: a file expected')
      for (const line of USAGE) p.err(line)
      return 1
    }
    return yield* compare(p, path, given(opts, 's') ? 's' : given(opts, 'l') ? 'l' : null)
  },
)

export const chkread: Subcommand = {
  name: 'chkread',
  usage: USAGE,
  options: {
    short: 'sl',
    long: [
      { name: 'superblock', arg: 'none', short: 's' },
      { name: 'log', arg: 'none', short: 'l' },
    ],
  },
  run,
}
