// A host's allocator clears memory that it got as system RAM. The one access to device bytes that a kernel makes for itself;
// legal while the driver kmem has the device, and reported otherwise. It goes past the host's cache (non-temporal stores), so
// what that held of it is gone; other hosts keep what they have, unless the device takes it from them.
import { type dev_dax, PAGE_SIZE } from '../devdax/index.ts'
import { ACCESS_WRITE, Op, OpKind } from '../sim/index.ts'
import { changing } from './fabric.ts'
import { healed } from './heal.ts'
import { portOf } from './port.ts'

/** ns for each 4 KiB page: clear_page() into the memory. */
const CLEAR_PAGE = 150

/** One step, whatever was written there before: a run must not depend on what other runs left. */
const CLEAR = new OpKind('clear ram', ACCESS_WRITE, 0, false, (t, op: Op) => {
  const dev = op.a as dev_dax
  const [off, len] = op.b as [number, number]
  const { memory } = dev.memory
  if (dev.driver.peek() !== 'kmem')
    t.m.problem('cause', `task ${t.label} clears ${dev.memory.name} as system RAM, which it is not on this host`)
  portOf(t, dev.memory)?.bypass(off, len)
  for (const [at, n] of memory.used(off, len)) changing(t.m.journal, dev.memory, at, n, () => memory.fill(at, n, 0))
  if (dev.memory.poison.any) healed(dev.memory, off, len)
  t.now += CLEAR_PAGE * (len / PAGE_SIZE)
})

/** Set `len` bytes at `off` of a device that is system RAM to zero; whole pages. */
export const ram_clear = (dev: dev_dax, off: number, len: number): Op<void> =>
  new Op<void>(CLEAR, dev.memory, dev, [off, len])
