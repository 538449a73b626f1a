/**
 * Bytes in a memory file: sparse, nameless, gone with the process. The usual kind.
 * With advice the kernel may back each touched 2 MiB with one huge page where its shmem setting allows it; without, memory
 * is taken 4 KiB at a time, which is what a huge and thinly touched device wants.
 */
import { readFileSync } from 'node:fs'
import { MFD_CLOEXEC, nativeAvailable } from '../../native/index.ts'
import { type Backing, BackingError, checkSize, whyText } from './backing.ts'
import { MappedBacking } from './mapped.ts'
import { sealedMemfd } from './sealed.ts'

const SHMEM_SETTING = '/sys/kernel/mm/transparent_hugepage/shmem_enabled'

/** The value in brackets of the kernel's shmem huge page setting, or 'unknown'. */
const shmemSetting = (): string => {
  try {
    return /\[(\w+)\]/.exec(readFileSync(SHMEM_SETTING, 'utf8'))?.[1] ?? 'unknown'
  } catch {
    return 'unknown'
  }
}

/** Huge pages are advised for devices up to this size, unless the caller says. A larger one is never touched all over. */
const ADVISED_SIZE = 64 * 2 ** 30

/** `refused`: what kept better kinds away, for the `why` line. */
export type MemfdOptions = { hugePageAdvice?: boolean; refused?: readonly string[] }

/** Open a memfd backing of `size` bytes. Throws BackingError: bad size, no native calls, refused by the kernel. */
export const openMemfd = (size: number, options: MemfdOptions = {}): Backing => {
  checkSize(size)
  const native = nativeAvailable()
  if (!native.ok) throw new BackingError(`memfd backing: no native calls: ${native.why}`)
  const hugePageAdvice = options.hugePageAdvice ?? size <= ADVISED_SIZE
  const fd = sealedMemfd('memfd backing', 'famsim-memfd', MFD_CLOEXEC, size)
  const pages = hugePageAdvice ? `huge pages advised (shmem_enabled is ${shmemSetting()})` : '4 KiB pages'
  const why = whyText(`sparse memory file, ${pages}`, options.refused)
  return new MappedBacking('memfd', fd, size, why, { hugePageAdvice })
}
