// Copying the bytes of a file into a famfs file, or comparing them: the source is read in chunks, the destination is mapped, and the
// caches are flushed when a piece is done (userspace.md c.2, f). With threads a file is cut into pieces.
import { O_RDONLY, type Sys } from '../../kernel/index.ts'
import { Cell, kfn, MiB, min, type Step } from '../../sim/index.ts'
import type { Proc } from '../proc.ts'
import { flush_processor_cache } from './cache.ts'
import { first_difference } from './first-difference.ts'
import { type Mapped, mmap_whole_file } from './map-file.ts'
import type { ThreadPool } from './threads.ts'

/** Bytes of one read. */
const CHUNK = MiB(1)
/** Bytes for one thread. */
const PIECE = MiB(128)

/** One file on its way: both ends open, and what is left to do. */
interface Copying {
  readonly src: string
  readonly dst: string
  readonly fd: number
  readonly to: Mapped
  readonly compare: boolean
  /** Pieces that are not done. */
  readonly pieces: Cell<number>
  /** Pieces that went wrong. */
  readonly failed: Cell<number>
}

const count = (c: Cell<number>, by: number): void => c.poke(c.peek() + by)

/** The chunks of one piece, then its flush: 0, or 1 after a line. Q9: each flushes from the start of the file. */
const copy_piece = kfn(
  '__famfs_threaded_copy',
  function* (p: Proc, sys: Sys, c: Copying, start: number, len: number): Step<number> {
    const buf = new Uint8Array(min(CHUNK, len))
    const there = c.compare ? new Uint8Array(buf.length) : buf
    for (let at = start; at < start + len; ) {
      const part = buf.subarray(0, min(CHUNK, start + len - at))
      const n = yield* sys.pread(c.fd, part, at)
      if (n <= 0) {
        p.err(`${c.src}: cannot be read at ${at}`)
        return 1
      }
      if (c.compare) {
        const other = there.subarray(0, n)
        yield* sys.load(c.to.addr + at, other)
        if (first_difference(other, part.subarray(0, n)) >= 0) {
          p.err(`${c.dst}: miscompare in chunk at ${at}`)
          return 1
        }
      } else yield* sys.store(c.to.addr + at, part.subarray(0, n))
      at += n
    }
    if (!c.compare) yield* flush_processor_cache(sys, c.to.addr + (p.site.server.has('Q9') ? 0 : start), len)
    return 0
  },
)

/** A piece, and the end of the file when it was the last. */
const do_piece = kfn(
  'famfs copy piece',
  function* (p: Proc, sys: Sys, c: Copying, start: number, len: number): Step<number> {
    const rc = yield* copy_piece(p, sys, c, start, len)
    count(c.failed, rc)
    count(c.pieces, -1)
    if (c.pieces.peek() > 0) return rc
    if (c.failed.peek() === 0) p.out(`famfs cp: 100%: ${c.dst}`)
    yield* sys.munmap(c.to.addr, c.to.len)
    yield* sys.close(c.fd)
    return rc
  },
)

/**
 * All bytes of `src` to or against `dst`, which is there and as large. Without a pool they are when this returns; with one they
 * may be on their way, and the pool counts what goes wrong. 0, or 1 after a line.
 */
export const copy_data = kfn(
  '__famfs_copy_data',
  function* (
    p: Proc,
    src: string,
    dst: string,
    size: number,
    o: { compare: boolean; pool: ThreadPool | null },
  ): Step<number> {
    const { sys } = p
    const fd = yield* sys.open(src, O_RDONLY)
    if (fd < 0) {
      p.err(`${src}: cannot be opened`)
      return 1
    }
    const to = yield* mmap_whole_file(sys, dst, true)
    if (typeof to === 'number') {
      p.err(`${dst}: cannot be mapped`)
      yield* sys.close(fd)
      return 1
    }
    const { pool, compare } = o
    const piece = pool === null ? size : PIECE
    const { m } = sys.ts.k
    const pieces = new Cell(m, 'famfs cp pieces', 0)
    const failed = new Cell(m, 'famfs cp failed', 0)
    const c: Copying = { src, dst, fd, to, compare, pieces, failed }
    const starts: number[] = []
    for (let at = 0; at < size; at += piece) starts.push(at)
    pieces.poke(starts.length)
    for (const start of starts) {
      const len = min(piece, size - start)
      if (pool === null) yield* do_piece(p, sys, c, start, len)
      else pool.add(own => do_piece(p, own, c, start, len))
    }
    return failed.peek() > 0 && pool === null ? 1 : 0
  },
)
