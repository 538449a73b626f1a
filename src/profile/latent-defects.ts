// What is still there in the newest text (kernel.md 4.2), the switches of memory ordering, and what-ifs.
import type { Defect } from './defects.ts'
import { kernels, levels, seen_on_v10 } from './runs.ts'

export const LATENT_DEFECTS: readonly Defect[] = [
  {
    id: 'L01',
    story:
      'operation flags are stored as mapping flags: write(2) unmaps what it touches, PTE write faults count as major',
    ...seen_on_v10('std', 'new'),
  },
  {
    id: 'L02',
    story: 'the holder counts a failed page as dealt with, so nobody who maps it is unmapped or killed',
    ...seen_on_v10('std', 'new'),
  },
  {
    id: 'L06',
    story: 'read and write take no i_rwsem, ignore O_APPEND and leave the times alone',
    ...seen_on_v10('std', 'new'),
  },
  {
    id: 'L09',
    story: 'an interleaved mapping is not clipped to the end of its group',
    ...seen_on_v10('std', 'new'),
  },
  {
    id: 'L10',
    story: 'chunk_size 0 counts as aligned; the first access divides by it and oopses',
    ...seen_on_v10('std', 'v10'),
  },
  {
    id: 'L18',
    story: 'fs_dax_get() does not look again whether the device is alive once it holds it',
    mark: 'inferred',
    kernels: [],
    dax: levels('devdax-6.14', 'fix'),
  },
  {
    id: 'L19',
    story: 'a read or write that starts in one range of a device and ends in another gives EFAULT',
    mark: 'inferred',
    kernels: [],
    dax: levels('devdax-6.14', 'fix'),
  },
  {
    id: 'L28',
    story: 'the extents of a map come in one piece from kcalloc: over 4 MiB of them is ENOMEM and a warning',
    mark: 'inferred',
    kernels: kernels('new'),
  },
  {
    id: 'R5',
    story: 'the resolver loads valid with no acquire, so the wmb of whoever filled the slot has no partner',
    mark: 'inferred',
    kernels: kernels('rfc', 'new'),
  },
  {
    id: 'R5w',
    story: 'a what-if: the wmb before valid = 1 is gone, whoever fills a slot orders nothing',
    mark: 'inferred',
    kernels: [],
  },
]
