// The catalogue of known defects that the code can switch: number, one-line story, where it is known from, and the kernels
// that carry it. Kernel code asks `profile.has('B44')`; it never asks for a version. `--defect` and `--no-defect` change the set.

/** How a behaviour is known: measured on a real kernel, read in source, stated on the list, or inferred. */
export type Mark = 'measured' | 'source' | 'list' | 'inferred'

export interface Defect {
  readonly id: string
  readonly story: string
  readonly mark: Mark
  /** Kernel profiles that carry it. */
  readonly kernels: readonly string[]
}

export const DEFECTS: readonly Defect[] = [
  {
    id: 'B08',
    story: 'the reply buffer is not freed when GET_FMAP fails',
    mark: 'source',
    kernels: [],
  },
  {
    id: 'B13',
    story: 'the last unmount gives the devices back but keeps the references of looking them up',
    mark: 'source',
    kernels: [],
  },
  {
    id: 'B14',
    story: 'a failed device is marked in its slot while famfs_devlist_sem is held for reading only',
    mark: 'source',
    kernels: [],
  },
  {
    id: 'B17',
    story: "freeing an interleaved map frees the first group's strip array only",
    mark: 'source',
    kernels: [],
  },
  {
    id: 'B44',
    story: 'an extent or strip that names a device index other than 0 is refused with EINVAL',
    mark: 'measured',
    kernels: ['v10'],
  },
  {
    id: 'B45',
    story: 'the device bitmap is built with a 32-bit shift, so index 32 asks for device 0 and index 31 marks 31 to 63',
    mark: 'measured',
    kernels: ['v10'],
  },
  {
    id: 'B48',
    story: 'a resolver call with i_size unlike the map size triggers WARN_ON',
    mark: 'measured',
    kernels: ['v10'],
  },
  {
    id: 'L01',
    story:
      'operation flags are stored as mapping flags: write(2) unmaps what it touches, PTE write faults count as major',
    mark: 'measured',
    kernels: ['v10'],
  },
  {
    id: 'L06',
    story: 'read and write take no i_rwsem, ignore O_APPEND and leave the times alone',
    mark: 'measured',
    kernels: ['v10'],
  },
  {
    id: 'L09',
    story: 'an interleaved mapping is not clipped to the end of its group',
    mark: 'measured',
    kernels: ['v10'],
  },
  {
    id: 'L10',
    story: 'chunk_size 0 counts as aligned; the first access divides by it and oopses',
    mark: 'measured',
    kernels: ['v10'],
  },
  {
    id: 'R5',
    story: 'the resolver loads valid with no acquire, so the wmb of whoever filled the slot has no partner',
    mark: 'inferred',
    kernels: ['v10'],
  },
  {
    id: 'R5w',
    story: 'a what-if: the wmb before valid = 1 is gone, whoever fills a slot orders nothing',
    mark: 'inferred',
    kernels: [],
  },
]
