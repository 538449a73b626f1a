// A line that is written whole has nothing left of what was lost.
import { type DaxMemory, POISON_LINE } from '../devdax/index.ts'
import { roundDown, roundUp } from '../sim/index.ts'

/** These bytes have reached the memory: lines that they cover whole are sound again. */
export function healed(mem: DaxMemory, off: number, len: number): void {
  const from = roundUp(off, POISON_LINE)
  const to = roundDown(off + len, POISON_LINE)
  if (to > from) mem.poison.clearRange(from, to - from)
}
