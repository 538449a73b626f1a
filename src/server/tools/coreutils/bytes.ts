// Reading and writing whole files, and bytes as lines of text.
import type { Sys } from '../../../kernel/index.ts'
import { kfn, min, type Op, type Step } from '../../../sim/index.ts'
import { ENOSPC, getText } from '../../../wire/index.ts'

/** Bytes of one read. */
const CHUNK = 0x20000

/** Hand what is left of an open file to `take`, piece by piece, `limit` bytes at most: how many there were, or -errno of read(2). */
export const each_piece = kfn(
  'read all',
  function* (
    sys: Sys,
    fd: number,
    take: (piece: Uint8Array) => Op<void> | null,
    limit = Number.POSITIVE_INFINITY,
  ): Step<number> {
    for (let done = 0; ; ) {
      const buf = new Uint8Array(min(CHUNK, limit - done))
      const n = buf.length === 0 ? 0 : yield* sys.read(fd, buf)
      if (n <= 0) return n < 0 ? n : done
      const op = take(buf.subarray(0, n))
      if (op !== null) yield* op
      done += n
    }
  },
)

/** write(2) until everything is written: how much that is, or -errno (-ENOSPC: it takes no more). */
export const write_all = kfn('write all', function* (sys: Sys, fd: number, bytes: Uint8Array): Step<number> {
  for (let done = 0; done < bytes.length; ) {
    const n = yield* sys.write(fd, bytes.subarray(done))
    if (n < 0) return n
    if (n === 0) return -ENOSPC
    done += n
  }
  return bytes.length
})

const NEWLINE = 10

/** Bytes as lines of output; what is no UTF-8 survives as lone surrogates. */
export class Lines {
  /** The line that no newline has ended yet, in pieces. */
  private rest: Uint8Array[] = []
  private readonly out: (line: string) => void
  constructor(out: (line: string) => void) {
    this.out = out
  }
  take(piece: Uint8Array): void {
    const at = piece.lastIndexOf(NEWLINE)
    this.rest.push(piece.subarray(0, at < 0 ? piece.length : at))
    if (at < 0) return
    this.flush()
    this.rest = at + 1 < piece.length ? [piece.subarray(at + 1)] : []
  }
  private flush(): void {
    const bytes = concat(this.rest)
    for (const l of getText(bytes, 0, bytes.length).split('\n')) this.out(l)
  }
  /** The last line, if no newline ended it. */
  end(): void {
    if (this.rest.length > 0) this.flush()
  }
}

const concat = (pieces: readonly Uint8Array[]): Uint8Array => {
  const [first] = pieces
  if (pieces.length === 1) return first!
  const all = new Uint8Array(pieces.reduce((n, b) => n + b.length, 0))
  let at = 0
  for (const b of pieces) {
    all.set(b, at)
    at += b.length
  }
  return all
}
