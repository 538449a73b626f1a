// The data of a seed in a file, through a mapping of all of it: written and then flushed, or invalidated and then compared
// (userspace.md c.2, f).
import type { Sys } from '../../kernel/index.ts'
import { kfn, MiB, min, type Step } from '../../sim/index.ts'
import { flush_processor_cache, invalidate_processor_cache } from './cache.ts'
import { first_difference } from './first-difference.ts'
import { type Mapped, mmap_whole_file } from './map-file.ts'
import { RandomBytes } from './random.ts'

const CHUNK = MiB(1)

/** Pieces of a mapping from its start on, as [offset, length]. */
function* pieces(f: Mapped): Generator<[number, number], void, void> {
  for (let at = 0; at < f.len; at += CHUNK) yield [at, min(CHUNK, f.len - at)]
}

/** randomize_file(): the bytes written, or -errno. */
export const randomize_file = kfn('randomize_file', function* (sys: Sys, path: string, seed: number): Step<number> {
  const f = yield* mmap_whole_file(sys, path, true)
  if (typeof f === 'number') return f
  const random = new RandomBytes(seed)
  for (const [at, len] of pieces(f)) {
    const part = new Uint8Array(len)
    random.fill(part)
    yield* sys.store(f.addr + at, part)
  }
  yield* flush_processor_cache(sys, f.addr, f.len)
  yield* sys.munmap(f.addr, f.len)
  return f.len
})

/** Where a file differs from its seed: an offset; null: nowhere; or -errno. */
export const verify_file = kfn('verify_file', function* (sys: Sys, path: string, seed: number): Step<
  { size: number; wrong: number | null } | number
> {
  const f = yield* mmap_whole_file(sys, path, true)
  if (typeof f === 'number') return f
  yield* invalidate_processor_cache(sys, f.addr, f.len)
  const random = new RandomBytes(seed)
  const end = { size: f.len, wrong: null as number | null }
  for (const [at, len] of pieces(f)) {
    const want = new Uint8Array(len)
    const got = new Uint8Array(len)
    random.fill(want)
    yield* sys.load(f.addr + at, got)
    const bad = first_difference(got, want)
    if (bad < 0) continue
    end.wrong = at + bad
    break
  }
  yield* sys.munmap(f.addr, f.len)
  return end
})
