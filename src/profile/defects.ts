// The catalogue of known defects that the code can switch: number, one-line story, where it is known from, and the kernels
// that carry it. Kernel code asks `profile.has('B44')`; it never asks for a version. `--defect` and `--no-defect` change the set.
import { SERVER_DEFECTS } from './server-defects.ts'

/** How a behaviour is known: measured on a real kernel, read in source, stated on the list, or inferred. */
export type Mark = 'measured' | 'source' | 'list' | 'inferred'

export interface Defect {
  readonly id: string
  readonly story: string
  readonly mark: Mark
  /** Kernel profiles that carry it. */
  readonly kernels: readonly string[]
  /** DAX levels that carry it. */
  readonly dax?: readonly string[]
  /** Server profiles that carry it. */
  readonly servers?: readonly string[]
  /** Those of them for which that is only concluded: their text was not readable there, or nobody saw it at work. */
  readonly inferred?: readonly string[]
}

/** The levels before the fixes of June 2026, and those of them that have fsdev. */
const BEFORE_FIX = ['devdax-6.14', 'devdax-6.15', 'fsdev-v3', 'fsdev-v8']
const FSDEV_BEFORE_FIX = ['fsdev-v3', 'fsdev-v8']
const ALL_DAX = [...BEFORE_FIX, 'fix']
const BEFORE_V8 = ['devdax-6.14', 'devdax-6.15', 'fsdev-v3']

/** Those of the kernel and the DAX levels. */
const KERNEL_DEFECTS: readonly Defect[] = [
  {
    id: 'B03',
    story: 'a failing fs_dax_get() answers -1 and keeps the reference it took',
    mark: 'source',
    kernels: [],
    dax: ['devdax-6.14', 'devdax-6.15'],
  },
  {
    id: 'B04',
    story: 'raw mapping of a device leaves folio->mapping and the compound order behind',
    mark: 'source',
    kernels: [],
    dax: ALL_DAX,
  },
  {
    id: 'B04w',
    story: "a what-if: the warning about a folio left behind is gone, as in the RFC's patch that drops it",
    mark: 'list',
    kernels: [],
    dax: [],
  },
  {
    id: 'B05',
    story: 'the fsdev driver resets folios when it is bound only, so the next driver finds what it left',
    mark: 'source',
    kernels: [],
    dax: ['fsdev-v3'],
  },
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
    id: 'B20',
    story: 'fs_dax_get() looks at the driver without device_lock',
    mark: 'source',
    kernels: [],
    dax: BEFORE_V8,
  },
  {
    id: 'B21',
    story: 'a range outside the device is translated to a bogus address instead of refused',
    mark: 'source',
    kernels: [],
    dax: BEFORE_V8,
  },
  {
    id: 'B25',
    story: 'unbind is refused with EBUSY while a file system holds the device',
    mark: 'list',
    kernels: [],
    dax: ['fsdev-v3'],
  },
  {
    id: 'B30',
    story: 'memory_failure tells the holder an offset counted from the first range',
    mark: 'source',
    kernels: [],
    dax: FSDEV_BEFORE_FIX,
  },
  {
    id: 'B32',
    story: 'fsdev leaves the vmemmap_shift that device_dax set on a static pgmap',
    mark: 'source',
    kernels: [],
    dax: FSDEV_BEFORE_FIX,
  },
  {
    id: 'B33',
    story: 'dev_dax->pgmap is set before the probe is over and stays when it fails, so the next one gets EINVAL',
    mark: 'source',
    kernels: [],
    dax: FSDEV_BEFORE_FIX,
  },
  {
    id: 'B34',
    story: 'pgmap->ops and owner survive unbind on a static pgmap',
    mark: 'source',
    kernels: [],
    dax: FSDEV_BEFORE_FIX,
  },
  {
    id: 'B35',
    story: 'the kernel address is counted from the start of the pgmap, not from the physical address',
    mark: 'source',
    kernels: [],
    dax: FSDEV_BEFORE_FIX,
  },
  {
    id: 'B36',
    story: 'fsdev goes on probing when the pgmap starts behind the data',
    mark: 'source',
    kernels: [],
    dax: FSDEV_BEFORE_FIX,
  },
  {
    id: 'B37',
    story: 'dax_holder_notify_failure() fetches holder_ops twice',
    mark: 'source',
    kernels: [],
    dax: BEFORE_FIX,
  },
  {
    id: 'B38',
    story: "fs_put_dax() clears holder_data before holder_ops, so a new holder's ops can be wiped",
    mark: 'source',
    kernels: [],
    dax: BEFORE_FIX,
  },
  {
    id: 'B39',
    story: 'fs_put_dax() warns when kill_dax has already cleared the holder',
    mark: 'list',
    kernels: [],
    dax: BEFORE_FIX,
  },
  {
    id: 'B40',
    story: 'a number that is no dax device gets a dax_device made up, marked alive',
    mark: 'measured',
    kernels: ['v10'],
  },
  {
    id: 'B42',
    story: 'teardown takes the device table away with no lock; a notifier that comes then oopses (R8)',
    mark: 'source',
    kernels: ['v10'],
  },
  {
    id: 'B43',
    story: 'a device that could not be claimed counts as fetched: EIO for the life of the mount, and nobody asks again',
    mark: 'measured',
    kernels: ['v10'],
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
    id: 'B47',
    story: 'strips are only added up: a short one among long ones is read beyond its end',
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
    id: 'B54',
    story: 'the daemon takes the 0 of a push that went well for a failure, and pushes again at every look-up',
    mark: 'source',
    kernels: [],
  },
  {
    id: 'L01',
    story:
      'operation flags are stored as mapping flags: write(2) unmaps what it touches, PTE write faults count as major',
    mark: 'measured',
    kernels: ['v10', 'new'],
    inferred: ['new'],
  },
  {
    id: 'L02',
    story: 'the holder counts a failed page as dealt with, so nobody who maps it is unmapped or killed',
    mark: 'measured',
    kernels: ['v10', 'new'],
    inferred: ['new'],
  },
  {
    id: 'L06',
    story: 'read and write take no i_rwsem, ignore O_APPEND and leave the times alone',
    mark: 'measured',
    kernels: ['v10', 'new'],
    inferred: ['new'],
  },
  {
    id: 'L09',
    story: 'an interleaved mapping is not clipped to the end of its group',
    mark: 'measured',
    kernels: ['v10', 'new'],
    inferred: ['new'],
  },
  {
    id: 'L10',
    story: 'chunk_size 0 counts as aligned; the first access divides by it and oopses',
    mark: 'measured',
    kernels: ['v10'],
  },
  {
    id: 'L18',
    story: 'fs_dax_get() does not look again whether the device is alive once it holds it',
    mark: 'inferred',
    kernels: [],
    dax: ALL_DAX,
  },
  {
    id: 'L19',
    story: 'a read or write that starts in one range of a device and ends in another gives EFAULT',
    mark: 'inferred',
    kernels: [],
    dax: ALL_DAX,
  },
  {
    id: 'L28',
    story: 'the extents of a map come in one piece from kcalloc: over 4 MiB of them is ENOMEM and a warning',
    mark: 'inferred',
    kernels: ['new'],
  },
  {
    id: 'R5',
    story: 'the resolver loads valid with no acquire, so the wmb of whoever filled the slot has no partner',
    mark: 'inferred',
    kernels: ['v10', 'new'],
  },
  {
    id: 'R5w',
    story: 'a what-if: the wmb before valid = 1 is gone, whoever fills a slot orders nothing',
    mark: 'inferred',
    kernels: [],
  },
]

export const DEFECTS: readonly Defect[] = [...KERNEL_DEFECTS, ...SERVER_DEFECTS]
