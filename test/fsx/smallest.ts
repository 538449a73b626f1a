// A failing list of operations made smaller: halves, quarters and so on are left out as long as what remains fails.
import type { FsxOp } from './draw.ts'
import { FsxError, type FsxOptions, playFsx } from './play.ts'

/** What these come to: the error, or null when all is well. */
export const failure = (ops: Iterable<FsxOp>, count: number, o: FsxOptions): FsxError | null => {
  try {
    playFsx(ops, count, o)
    return null
  } catch (e) {
    if (e instanceof FsxError) return e
    throw e
  }
}

/**
 * Of the first `count` operations, which fail, some that fail too: none can be left out, or as few as `tries` tries made it.
 * The last are tried first: what is wrong shows soon after it happened, mostly.
 */
export function smallest(ops: Iterable<FsxOp>, count: number, o: FsxOptions, tries = 200): readonly FsxOp[] {
  let list: FsxOp[] = []
  for (const op of ops) if (list.push(op) === count) break
  let size = Math.ceil(list.length / 2)
  for (let left = tries; left > 0 && list.length > 1; ) {
    let smaller = false
    for (let at = 0; at < list.length && left > 0; left--) {
      const rest = [...list.slice(0, at), ...list.slice(at + size)]
      const found = rest.length === 0 ? null : failure(rest, rest.length, o)
      if (found === null) at += size
      else {
        // What comes behind the failure is not needed either.
        list = rest.slice(0, rest.indexOf(found.op) + 1)
        smaller = true
      }
    }
    if (size === 1 && !smaller) break
    size = Math.max(1, Math.ceil(size / 2))
  }
  return list
}

/** An operation in a line. */
export const opText = ({ n, what, file, off, len }: FsxOp): string =>
  `${n}: ${what}, file ${file}, ${len} bytes at ${off}`
