// famfs files: read, write, mmap and fault (kernel.md 2.10, 2.11). No server is asked here.
import { down_read, kfn, min, type Step, up_read } from '../../sim/index.ts'
import { EFBIG } from '../../wire/index.ts'
import { dax_iomap_fault, dax_iomap_rw } from '../dax/dax.ts'
import { fuse_update_time } from '../fuse/writeback.ts'
import { PMD_ORDER, VM_FAULT_SIGBUS, type VmOps, type vm_fault } from '../mm/mm_struct.ts'
import type { VmArea } from '../mm/vma.ts'
import type { File } from '../vfs/file.ts'
import { inode_lock, inode_lock_shared, inode_unlock, inode_unlock_shared, type Kiocb, S_DAX } from '../vfs/inode.ts'
import { generic_write_checks } from '../vfs/read_write.ts'
import { famfs_file_bad, famfs_iomap_ops } from './famfs_iomap.ts'
import { unsigned } from './famfs_stripe.ts'

/** famfs_fuse_rw_prep(): -errno, or 0 with the count cut to what lies before i_size. */
const famfs_fuse_rw_prep = kfn('famfs_fuse_rw_prep', function* (iocb: Kiocb): Step<number> {
  const inode = iocb.file.f_inode
  const rc = yield* famfs_file_bad(inode)
  if (rc !== 0) return rc
  // The size is unsigned here: one of 2^63 (negative as loff_t) is a very large file (oracle okfmap.size_2^63).
  const left = unsigned(yield* inode.i_size.load()) - iocb.pos
  // B60: the difference is unsigned, so that past the end almost everything is left.
  if (left < 0 && inode.k.profile.has('B60')) return 0
  iocb.count = left <= 0 ? 0 : min(iocb.count, left)
  return 0
})

/** famfs_fuse_read_iter(): bytes (0 at the end), or -errno. */
export const famfs_fuse_read_iter = kfn('famfs_fuse_read_iter', function* (iocb: Kiocb): Step<number> {
  const inode = iocb.file.f_inode
  const locked = !inode.k.profile.has('L06')
  const rc = yield* famfs_fuse_rw_prep(iocb)
  if (rc !== 0 || iocb.count === 0) return rc
  if (locked) yield* inode_lock_shared(inode)
  const n = yield* dax_iomap_rw(iocb, false, famfs_iomap_ops)
  if (locked) yield* inode_unlock_shared(inode)
  return n
})

/** famfs_fuse_write_iter(): bytes (0 at and past the end: the file never grows; without L07 -EFBIG), or -errno. */
export const famfs_fuse_write_iter = kfn('famfs_fuse_write_iter', function* (iocb: Kiocb): Step<number> {
  const inode = iocb.file.f_inode
  const { profile } = inode.k
  const locked = !profile.has('L06')
  if (locked) yield* generic_write_checks(iocb)
  const asked = iocb.count
  const rc = yield* famfs_fuse_rw_prep(iocb)
  if (rc === 0 && asked > 0 && iocb.count === 0 && !profile.has('L07')) return -EFBIG
  if (rc !== 0 || iocb.count === 0) return rc
  if (locked) yield* inode_lock(inode)
  const n = yield* dax_iomap_rw(iocb, true, famfs_iomap_ops)
  if (locked) yield* inode_unlock(inode)
  return n
})

const __famfs_fuse_filemap_fault = kfn(
  '__famfs_fuse_filemap_fault',
  function* (vmf: vm_fault, pmd: boolean): Step<number> {
    const inode = vmf.vma.vm_file!.f_inode
    if (((yield* inode.i_flags.load()) & S_DAX) === 0) return VM_FAULT_SIGBUS
    if (vmf.write && vmf.vma.shared) fuse_update_time(inode)
    const { invalidate_lock } = inode.i_mapping
    if (invalidate_lock === null) return yield* dax_iomap_fault(vmf, pmd, famfs_iomap_ops)
    yield* down_read(invalidate_lock)
    const rc = yield* dax_iomap_fault(vmf, pmd, famfs_iomap_ops)
    yield* up_read(invalidate_lock)
    return rc
  },
)

const famfs_file_vm_ops: VmOps = {
  fault: vmf => __famfs_fuse_filemap_fault(vmf, false),
  huge_fault: vmf => __famfs_fuse_filemap_fault(vmf, true),
}

/** famfs_file_mmap(): 0 or -errno; devices are not looked at (oracle, "Access"). */
export const famfs_file_mmap = kfn('famfs_file_mmap', function* (file: File, vma: VmArea): Step<number> {
  const rc = yield* famfs_file_bad(file.f_inode)
  if (rc !== 0) return rc
  vma.vm_ops = famfs_file_vm_ops
  vma.huge = PMD_ORDER
  return 0
})
