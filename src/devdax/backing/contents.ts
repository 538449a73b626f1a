/**
 * What lies on a storage before a world gets it. A world starts on zeros, so that its trace does not depend on what was there;
 * what was there is not lost unless somebody says so.
 */
import { decodeSuperblock, SB_MAGIC, SB_SIZE } from '../../media/index.ts'
import { type Backing, SIZE_UNIT } from './backing.ts'

const ZEROS = new Uint8Array(SIZE_UNIT)

/** A famfs that the first bytes of a storage belong to, in words; null when they do not. */
export const famfsText = (first: Uint8Array): string | null => {
  const { sb } = decodeSuperblock(first.subarray(0, SB_SIZE))
  return sb?.magic === SB_MAGIC ? `holds a famfs (${sb.fsUuid})` : null
}

/** Pieces of a backing that are not all zeros, each within one window. */
function* pieces(backing: Backing): Generator<{ piece: Uint8Array; at: number }> {
  for (let at = 0; at < backing.size; at += SIZE_UNIT) {
    const i = Math.floor(at / backing.windowSize)
    const start = at - i * backing.windowSize
    const piece = backing.window(i).subarray(start, start + SIZE_UNIT)
    if (Buffer.compare(piece, ZEROS) !== 0) yield { piece, at }
  }
}

/** What a backing holds, in words; null when every byte is zero. Reads all of it. */
export const contentText = (backing: Backing): string | null => {
  const famfs = famfsText(backing.window(0))
  if (famfs !== null) return famfs
  for (const { piece, at } of pieces(backing)) return `holds data (at ${at + piece.findIndex(byte => byte !== 0)})`
  return null
}

/** Make every byte zero; what is zero is not written. */
export const wipe = (backing: Backing): void => {
  for (const { piece } of pieces(backing)) piece.fill(0)
}
