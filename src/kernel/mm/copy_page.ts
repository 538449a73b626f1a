// Copying a page of a device for a private store.
import { type DaxMemory, PAGE_SIZE } from '../../devdax/index.ts'
import { fabric_read } from '../../fabric/index.ts'
import { kfn, Panic, type Step } from '../../sim/index.ts'

/** copy_user_page(): fill `to`, a page, from byte `off` of the memory. There is no way back from a machine check in the kernel. */
export const copy_user_page = kfn(
  'copy_user_page',
  function* (memory: DaxMemory, off: number, to: Uint8Array): Step<void> {
    if ((yield* fabric_read(memory, off, to, 'load')) < PAGE_SIZE)
      throw new Panic(`machine check while ${memory.name} at 0x${off.toString(16)} is copied`)
  },
)
