// What is still there in the newest text (kernel.md 4.2), the switches of memory ordering, and what-ifs.
import type { Defect } from './defects.ts'
import { kernels, levels, seen_on_v10 } from './runs.ts'

export const LATENT_DEFECTS: readonly Defect[] = [
  {
    id: 'L01',
    story:
      'operation flags are stored as mapping flags: write(2) unmaps what it touches, PTE write faults count as major',
    ...seen_on_v10('std', 'new'),
    shown: 'test/kernel/defects/access.test.ts',
  },
  {
    id: 'L02',
    story: 'the holder counts a failed page as dealt with, so nobody who maps it is unmapped or killed',
    ...seen_on_v10('std', 'new'),
    shown: 'test/kernel/memory-failure.test.ts',
  },
  {
    id: 'L03',
    story: 'one bad page condemns its whole device, for as long as the connection lives',
    ...seen_on_v10('rfc', 'new'),
    shown: 'test/kernel/defects/access.test.ts',
  },
  {
    id: 'L04',
    story:
      'a fault on a failed page is a plain SIGBUS (BUS_ADRERR), not one that says the page is lost (BUS_MCEERR_AR)',
    ...seen_on_v10('std', 'new'),
    shown: 'test/kernel/defects/access.test.ts',
  },
  {
    id: 'L05',
    story: 'a file answers EHWPOISON once: its map is marked, and from then on it is EIO',
    ...seen_on_v10('rfc', 'new'),
    shown: 'test/kernel/defects/access.test.ts',
  },
  {
    id: 'L06',
    story: 'read and write take no i_rwsem, ignore O_APPEND and leave the times alone',
    ...seen_on_v10('std', 'new'),
    shown: 'test/kernel/defects/access.test.ts',
  },
  {
    id: 'L07',
    story: 'a write at or past the end of a file returns 0',
    ...seen_on_v10('rfc', 'new'),
    shown: 'test/kernel/defects/access.test.ts',
  },
  {
    id: 'L08',
    story: 'faults take no invalidate_lock, so nothing holds off a truncate',
    mark: 'source',
    kernels: kernels('std', 'new'),
    shown: 'test/kernel/defects/access.test.ts',
  },
  {
    id: 'L09',
    story: 'an interleaved mapping is not clipped to the end of its group',
    ...seen_on_v10('std', 'new'),
    shown: 'test/kernel/fmap-verdicts.test.ts',
  },
  {
    id: 'L10',
    story: 'chunk_size 0 counts as aligned; the first access divides by it and oopses',
    ...seen_on_v10('std', 'v10'),
    shown: 'test/kernel/fmap-verdicts.test.ts',
  },
  {
    id: 'L11',
    story:
      'O_TRUNC sets the size of a famfs file to 0, which kills it; with write-back caching the open deadlocks with itself',
    ...seen_on_v10('rfc', 'new'),
    shown: 'test/kernel/defects/open.test.ts',
  },
  {
    id: 'L12',
    story: 'a file that CREATE makes gets no map until it is opened again',
    ...seen_on_v10('rfc', 'new'),
    shown: 'test/kernel/defects/open.test.ts',
  },
  {
    id: 'L13',
    story:
      'a device that was missing when its file was opened is not asked for again: the file is dead until its inode goes',
    ...seen_on_v10('rfc', 'new'),
    shown: 'test/kernel/defects/open.test.ts',
  },
  {
    id: 'L14',
    story:
      'a notifier takes the connection of a device with no lock and no reference: gone is an oops, freed a use after free',
    mark: 'inferred',
    kernels: kernels('rfc', 'new'),
    shown: 'test/kernel/defects/races.test.ts',
  },
  {
    id: 'L15',
    story:
      'the device is claimed, under its device_lock, while famfs_devlist_sem is held: unbind takes the two the other way round',
    mark: 'inferred',
    kernels: kernels('rfc', 'new'),
    shown: 'test/kernel/defects/devices.test.ts',
  },
  {
    id: 'L16',
    story: 'the path of a device is walked while famfs_devlist_sem is held for writing',
    mark: 'inferred',
    kernels: kernels('rfc', 'v10'),
    shown: 'test/kernel/defects/devices.test.ts',
  },
  {
    id: 'L17',
    story:
      'fsdev resets folios at unbind under the page tables that still map them: who unmaps then meets a bad page or an oops',
    mark: 'measured',
    kernels: [],
    dax: levels('fsdev-v3', 'fix'),
    shown: 'test/kernel/unbind-race.test.ts',
  },
  {
    id: 'L18',
    story: 'fs_dax_get() does not look again whether the device is alive once it holds it',
    mark: 'inferred',
    kernels: [],
    dax: levels('devdax-6.14', 'fix'),
    shown: 'scenarios/poison/kill-vs-get.ts',
  },
  {
    id: 'L19',
    story: 'a read or write that starts in one range of a device and ends in another gives EFAULT',
    mark: 'inferred',
    kernels: [],
    dax: levels('devdax-6.14', 'fix'),
    shown: 'test/kernel/geometry.test.ts',
  },
  {
    id: 'L20',
    story: 'a device name of 256 bytes with no NUL is read on behind its end',
    mark: 'inferred',
    kernels: kernels('rfc', 'v10'),
    shown: 'test/kernel/defects/devices.test.ts',
  },
  {
    id: 'L21',
    story:
      'a second file on the same memory takes the folio over with a warning; one of 2 MiB then never comes to rest',
    mark: 'measured',
    kernels: [],
    dax: levels('devdax-6.14', 'fix'),
    shown: 'test/kernel/defects/access.test.ts',
  },
  {
    id: 'L22',
    story: 'a size that the server says later replaces that of the map: what is mapped goes, and the file is bad',
    ...seen_on_v10('rfc', 'new'),
    shown: 'test/kernel/defects/access.test.ts',
  },
  {
    id: 'L22w',
    story: 'a what-if: the warning about entries of a DAX file that a truncate still meets is gone',
    mark: 'inferred',
    kernels: [],
    shown: 'test/smoke/test3.test.ts',
  },
  {
    id: 'L23',
    story: 'teardown takes the semaphore of the device table on connections that never had famfs, where nobody made it',
    mark: 'inferred',
    kernels: kernels('new'),
    shown: 'test/kernel/defects/devices.test.ts',
  },
  {
    id: 'L24',
    story:
      'pushing a device asks for no capability: whoever has the descriptor of /dev/fuse can claim what it can open',
    mark: 'source',
    kernels: kernels('new'),
    shown: 'test/kernel/defects/devices.test.ts',
  },
  {
    id: 'L25',
    story:
      'a device that is ours already at another index is refused with EBUSY, and that is not remembered as other failures are',
    mark: 'source',
    kernels: kernels('new'),
    shown: 'test/kernel/defects/devices.test.ts',
  },
  {
    id: 'L26',
    story: 'fmap_version is not looked at: a map of another version is parsed as if it were this one',
    ...seen_on_v10('rfc', 'new'),
    shown: 'test/kernel/defects/open.test.ts',
  },
  {
    id: 'L27',
    story: 'a map is published before the size, the flag and the operations that go with it (R4)',
    mark: 'inferred',
    kernels: kernels('rfc', 'new'),
    shown: 'test/kernel/half-published.test.ts',
  },
  {
    id: 'L28',
    story: 'the extents of a map come in one piece from kcalloc: over 4 MiB of them is ENOMEM and a warning',
    mark: 'inferred',
    kernels: kernels('new'),
    shown: 'test/kernel/big-maps.test.ts',
  },
  {
    id: 'R5',
    story: 'the resolver loads valid with no acquire, so the wmb of whoever filled the slot has no partner',
    mark: 'inferred',
    kernels: kernels('rfc', 'new'),
    shown: 'test/scenarios/torn-slot.test.ts',
  },
  {
    id: 'R5w',
    story: 'a what-if: the wmb before valid = 1 is gone, whoever fills a slot orders nothing',
    mark: 'inferred',
    kernels: [],
    shown: 'test/scenarios/torn-slot.test.ts',
  },
]
