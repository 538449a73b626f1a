// What a host finds in its own file system when it starts: the directories and files that programs expect of any Linux.

import { MKDEV } from '../devdax/index.ts'
import {
  type Kernel,
  MEM_MAJOR,
  NULL_MINOR,
  tmpfs_create,
  tmpfs_mkdir,
  tmpfs_mknod,
  ZERO_MINOR,
} from '../kernel/index.ts'

export function furnish(k: Kernel, name: string): void {
  for (const dir of ['/dev', '/etc', '/mnt', '/opt', '/root']) tmpfs_mkdir(k, dir)
  tmpfs_mkdir(k, '/tmp', 0o1777)
  tmpfs_mknod(k, '/dev/null', MKDEV(MEM_MAJOR, NULL_MINOR))
  tmpfs_mknod(k, '/dev/zero', MKDEV(MEM_MAJOR, ZERO_MINOR))
  tmpfs_create(k, '/etc/hostname', `${name}\n`)
  tmpfs_create(k, '/etc/hosts', '127.0.0.1 localhost\n')
  tmpfs_create(k, '/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n')
}
