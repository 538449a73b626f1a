// A host's allocator clears memory that it got as system RAM. The one access to device bytes that a kernel makes for itself;
// legal while the driver kmem has the device, and reported otherwise.
import type { dev_dax } from '../devdax/index.ts'
import { ACCESS_WRITE, Op, OpKind, roundDown } from '../sim/index.ts'

/** ns for each 4 KiB page: clear_page() into the memory. */
const CLEAR_PAGE = 150
const PAGE_SIZE = 4096

/** One step, whatever was written there before: a run must not depend on what other runs left. */
const CLEAR = new OpKind('clear ram', ACCESS_WRITE, 0, false, (t, op: Op) => {
  const dev = op.a as dev_dax
  const [off, len] = op.b as [number, number]
  const { memory } = dev.memory
  if (dev.driver.peek() !== 'kmem')
    t.m.problem('cause', `task ${t.label} clears ${dev.memory.name} as system RAM, which it is not on this host`)
  const { watch } = t.m.journal
  for (const [at, n] of memory.used(off, len)) {
    if (watch !== null) {
      const bytes = new Uint8Array(PAGE_SIZE)
      for (let p = roundDown(at, PAGE_SIZE); p < at + n; p += PAGE_SIZE) {
        memory.read(p, bytes)
        watch.remove(dev.memory.id, bytes, p / PAGE_SIZE)
      }
    }
    memory.fill(at, n, 0)
    if (watch !== null) {
      const zeros = new Uint8Array(PAGE_SIZE)
      for (let p = roundDown(at, PAGE_SIZE); p < at + n; p += PAGE_SIZE) watch.add(dev.memory.id, zeros, p / PAGE_SIZE)
    }
  }
  t.now += CLEAR_PAGE * (len / PAGE_SIZE)
})

/** Set `len` bytes at `off` of a device that is system RAM to zero; whole pages. */
export const ram_clear = (dev: dev_dax, off: number, len: number): Op<void> =>
  new Op<void>(CLEAR, dev.memory, dev, [off, len])
