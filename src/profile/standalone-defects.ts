// What is wrong with the standalone file system and in no list of others: read in its texts, the posting of Apr 2024 and the later
// KABI 43. The numbers are this catalogue's own.
import type { Defect } from './defects.ts'
import { kernels } from './runs.ts'

export const STANDALONE_DEFECTS: readonly Defect[] = [
  {
    id: 'S01',
    story: 'the standalone famfs only prints that its device failed, and the mount goes on',
    mark: 'source',
    kernels: [],
    shown: 'test/kernel/famfs-std/device.test.ts',
  },
  {
    id: 'S02',
    story: "the standalone famfs does not free a file's map when its inode goes",
    mark: 'source',
    kernels: kernels('std'),
    shown: 'test/kernel/famfs-std/ioctl.test.ts',
  },
  {
    id: 'S03',
    story: 'MAP_GETEXT and MAP_GET_V2 of a file without a map follow a NULL pointer',
    mark: 'source',
    kernels: kernels('std'),
    shown: 'test/kernel/famfs-std/ioctl.test.ts',
  },
  {
    id: 'S04',
    story: 'MAP_CREATE makes room for one extent and stores as many as it is given',
    mark: 'source',
    kernels: kernels('std'),
    shown: 'test/kernel/famfs-std/ioctl.test.ts',
  },
  {
    id: 'S05',
    story: 'MAP_CREATE_V2 with an extent type that nobody knows leaks the map it began',
    mark: 'source',
    kernels: kernels('std'),
    shown: 'test/kernel/famfs-std/ioctl.test.ts',
  },
  {
    id: 'S06',
    story: 'MAP_CREATE_V2 copies any number of strips to an array of 16 on the stack, and refuses more afterwards',
    mark: 'source',
    kernels: kernels('std'),
    shown: 'test/kernel/famfs-std/ioctl.test.ts',
  },
  {
    id: 'S07',
    story: 'MAP_CREATE_V2 with a bad pointer to its extents returns how many bytes it did not get, and no map',
    mark: 'source',
    kernels: kernels('std'),
    shown: 'test/kernel/famfs-std/ioctl.test.ts',
  },
]
