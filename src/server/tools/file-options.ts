// Options that creat, cp and mkdir have in common: mode, owner, interleaving.
import { MAX_STRIPS, MiB } from '../../media/index.ts'
import type { Interleave } from '../alloc/index.ts'
import { type LongOption, parse_size, strtoull } from '../lib/index.ts'
import type { Proc } from '../proc.ts'
import { argument, type Option } from './subcommand.ts'

/** Long forms of -m -u -g -v. */
export const ATTR_OPTIONS: readonly LongOption[] = [
  { name: 'mode', arg: 'required', short: 'm' },
  { name: 'uid', arg: 'required', short: 'u' },
  { name: 'gid', arg: 'required', short: 'g' },
  { name: 'verbose', arg: 'none', short: 'v' },
]

/** Long forms of -N -B -C. */
export const INTERLEAVE_OPTIONS: readonly LongOption[] = [
  { name: 'nstrips', arg: 'required', short: 'N' },
  { name: 'nbuckets', arg: 'required', short: 'B' },
  { name: 'chunksize', arg: 'required', short: 'C' },
]

/** A number in octal, as strtol(3) reads it: what is none is 0. */
export const octal = (text: string): number => Number.parseInt(/^[0-7]*/.exec(text)![0] || '0', 8)

/** The bits that new files do not get. */
export function umask_of(p: Proc): number {
  const mask = p.sys.umask(0)
  p.sys.umask(mask)
  return mask
}

/** Owner and group given, or the caller's. */
export function ids(p: Proc, opts: readonly Option[]): { uid: number; gid: number } {
  const { cred } = p.sys.ts
  const [u, g] = [argument(opts, 'u'), argument(opts, 'g')]
  return { uid: u === undefined ? cred.uid : strtoull(u), gid: g === undefined ? cred.gid : strtoull(g) }
}

/** -N, -B, -C: null when none was given, a line when they are not to be had; the chunk size is 2 MiB unless given. */
export function interleave_of(p: Proc, opts: readonly Option[]): Interleave | null | { error: string } {
  const [n, b, c] = [argument(opts, 'N'), argument(opts, 'B'), argument(opts, 'C')]
  if (n === undefined && b === undefined && c === undefined) return null
  const nstrips = strtoull(n ?? '0')
  if (nstrips > MAX_STRIPS) return { error: `nstrips (${nstrips}): expected at most ${MAX_STRIPS}` }
  const chunkSize = c === undefined ? 2 * MiB : parse_size(c, p.site.server.has('Q23'))
  return { nbuckets: strtoull(b ?? '0'), nstrips, chunkSize }
}
