// The host's own small file system: directories, device nodes, empty files, symbolic links.
import { assert } from '../../sim/index.ts'
import type { Kernel } from '../kernel.ts'
import { Dentry } from './dcache.ts'
import { Inode, new_attr, S_IFCHR, S_IFDIR, S_IFLNK, S_IFREG } from './inode.ts'

export function tmpfs_root(k: Kernel): Dentry {
  return new Dentry(k, '', null, new Inode(k, k.new_ino(), new_attr(S_IFDIR | 0o755, 2, 0)))
}

const add = (k: Kernel, path: string, mode: number, o: { rdev?: number; link?: string }): Inode => {
  const names = path.split('/').filter(s => s !== '')
  assert(names.length > 0, `a node needs a name: ${path}`)
  let d = k.root
  for (const n of names.slice(0, -1)) d = d.children.get(n) ?? mkdir_in(k, d, n)
  const inode = new Inode(k, k.new_ino(), new_attr(mode, 1, 0), { rdev: o.rdev })
  inode.i_link = o.link ?? null
  const name = names[names.length - 1]!
  d.children.set(name, new Dentry(k, name, d, inode))
  return inode
}

const mkdir_in = (k: Kernel, parent: Dentry, name: string): Dentry => {
  const d = new Dentry(k, name, parent, new Inode(k, k.new_ino(), new_attr(S_IFDIR | 0o755, 2, 0)))
  parent.children.set(name, d)
  return d
}

/** mkdir -p */
export function tmpfs_mkdir(k: Kernel, path: string): Dentry {
  let d = k.root
  for (const n of path.split('/').filter(s => s !== '')) d = d.children.get(n) ?? mkdir_in(k, d, n)
  return d
}
/** A character device node. */
export const tmpfs_mknod = (k: Kernel, path: string, rdev: number): Inode => add(k, path, S_IFCHR | 0o600, { rdev })
/** An empty regular file. */
export const tmpfs_create = (k: Kernel, path: string): Inode => add(k, path, S_IFREG | 0o644, {})
/** A symbolic link to an absolute path. */
export const tmpfs_symlink = (k: Kernel, path: string, to: string): Inode => add(k, path, S_IFLNK | 0o777, { link: to })
