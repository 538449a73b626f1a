// alloc: where a new file's bytes go. Pure over a session's bitmap; appends nothing to the log (userspace.md c.6 to c.8).

import type { AllocDefects, AllocSession } from './bitmap.ts'
import { type Allocated, allocSimple, allocStrided, type Draw, type Interleave, wantsInterleave } from './strided.ts'

export {
  type AllocDefects,
  type AllocSession,
  buildBitmap,
  type LogUsage,
  openSession,
  openUsage,
  useEntry,
} from './bitmap.ts'
export { allocContiguous } from './contiguous.ts'
export {
  type Allocated,
  allocStrided,
  type Draw,
  type Interleave,
  shuffledBuckets,
  validateInterleave,
  wantsInterleave,
} from './strided.ts'
export { allocStriped, type Stripe } from './striped.ts'

/** No interleaving. */
export const CONTIGUOUS: Interleave = { nbuckets: 0, nstrips: 0, chunkSize: 0 }

/** Room for a file of `size` bytes: interleaved when any parameter of `p` is set, contiguous otherwise (c.8). */
export function allocFile(
  s: AllocSession,
  size: number,
  p: Interleave,
  deviceSize: number,
  next: Draw,
  defects: AllocDefects = {},
): Allocated {
  return wantsInterleave(p) ? allocStrided(s, size, p, deviceSize, next, defects) : allocSimple(s, size, defects)
}
