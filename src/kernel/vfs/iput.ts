// Dropping inodes, and dropping caches. An inode nobody opens or maps stays cached under its dentry until memory pressure.
import { kfn, type Step } from '../../sim/index.ts'
import type { Kernel } from '../kernel.ts'
import type { Dentry } from './dcache.ts'
import type { Inode, SuperBlock } from './inode.ts'

/** iput(): drop a reference; the last one evicts. */
export const iput = kfn('iput', function* (inode: Inode): Step<void> {
  inode.i_count.poke(inode.i_count.peek() - 1)
  if (inode.i_count.peek() === 0) yield* inode_evict(inode, true)
})

const inode_evict = kfn('evict', function* (inode: Inode, forget: boolean): Step<void> {
  if (inode.i_sb?.evict_inode) yield* inode.i_sb.evict_inode(inode, forget)
})

/**
 * prune_dcache_sb(): of the names below `dir` that nobody uses, `nr` go, the oldest first, and the inodes of those that had one
 * with them (FUSE keeps no inode without a name, so there is no prune_icache_sb of its own). How many went.
 */
export const shrink_dcache = kfn(
  'shrink_dcache_parent',
  function* (dir: Dentry, nr = Number.MAX_SAFE_INTEGER): Step<number> {
    let n = 0
    for (const d of [...dir.children.values()]) {
      if (n >= nr) break
      if (d.in_lookup.peek() || d.mounted.peek()) continue
      n += yield* shrink_dcache(d, nr - n)
      const inode = d.d_inode.peek()
      if (n >= nr || d.children.size > 0 || (inode !== null && inode.i_count.peek() !== 1)) continue
      if (dir.children.get(d.d_name) !== d) continue
      dir.children.delete(d.d_name)
      if (inode !== null) yield* iput(inode)
      n++
    }
    return n
  },
)

/** Memory is short, or echo 2 > /proc/sys/vm/drop_caches: `nr` names go of file systems that can be asked again (not tmpfs). */
export const drop_caches = kfn('drop_caches', function* (k: Kernel, nr?: number): Step<number> {
  let n = 0
  for (const sb of k.supers) if (sb.fuse !== null) n += yield* shrink_dcache(sb.s_root, nr === undefined ? nr : nr - n)
  return n
})

/** Everything cached of a file system goes, without telling the server (umount). */
export const evict_inodes = kfn('evict_inodes', function* (sb: SuperBlock): Step<void> {
  const walk = [sb.s_root]
  while (walk.length > 0) {
    const d = walk.pop()!
    for (const c of d.children.values()) walk.push(c)
    const inode = d.d_inode.peek()
    if (inode !== null) {
      inode.i_count.poke(0)
      yield* inode_evict(inode, false)
    }
    for (const name of [...d.children.keys()]) d.children.delete(name)
  }
})
