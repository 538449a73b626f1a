/**
 * Bytes on reserved 2 MiB pages: what a real devdax mapping looks like to the page tables. Best kind, seldom there.
 * Chosen only when the free pages cover the whole size, and mapped whole at once so that the kernel reserves them:
 * a touch beyond what is reserved would kill the process with SIGBUS.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MFD_CLOEXEC, MFD_HUGE_2MB, MFD_HUGETLB, nativeAvailable } from '../../native/index.ts'
import { type Backing, BackingError, bytesText, checkSize, SIZE_UNIT } from './backing.ts'
import { MappedBacking } from './mapped.ts'
import { sealedMemfd } from './sealed.ts'

/** Where the kernel counts its 2 MiB pages. */
const COUNTERS = '/sys/kernel/mm/hugepages/hugepages-2048kB'

/**
 * How many 2 MiB pages can still be taken: free ones less those already promised to a mapping. 0 when not told.
 * `counters`: the folder that holds `free_hugepages` and `resv_hugepages`.
 */
export const freeHugePages = (counters: string = COUNTERS): number => {
  try {
    const free = Number(readFileSync(join(counters, 'free_hugepages'), 'utf8'))
    const promised = Number(readFileSync(join(counters, 'resv_hugepages'), 'utf8'))
    return Number.isSafeInteger(free - promised) ? Math.max(0, free - promised) : 0
  } catch {
    return 0
  }
}

/** Open a hugetlb backing of `size` bytes. Throws BackingError: bad size, no native calls, too few pages. */
export const openHugetlb = (size: number, options: { counters?: string } = {}): Backing => {
  checkSize(size)
  const native = nativeAvailable()
  if (!native.ok) throw new BackingError(`hugetlb backing: no native calls: ${native.why}`)
  const need = size / SIZE_UNIT
  const free = freeHugePages(options.counters)
  if (free < need)
    throw new BackingError(
      `hugetlb backing: ${free} free 2 MiB pages of the ${need} that ${bytesText(size)} takes; reserve: sysctl vm.nr_hugepages=${need}`,
    )
  const flags = MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB
  const fd = sealedMemfd('hugetlb backing', 'famsim-hugetlb', flags, size)
  return new MappedBacking('hugetlb', fd, size, `${need} of ${free} free 2 MiB pages taken`, { eager: true })
}
