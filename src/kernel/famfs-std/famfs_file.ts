// Files of the standalone famfs: read, write, mmap and fault (fs/famfs/famfs_file.c). There is nobody to be asked.
import { kfn, min, type Step } from '../../sim/index.ts'
import { ENODEV } from '../../wire/index.ts'
import { dax_iomap_fault, dax_iomap_rw } from '../dax/dax.ts'
import { unsigned } from '../famfs/famfs_stripe.ts'
import { PMD_ORDER, VM_FAULT_SIGBUS, type VmOps, type vm_fault } from '../mm/mm_struct.ts'
import type { VmArea } from '../mm/vma.ts'
import type { File } from '../vfs/file.ts'
import {
  type FileOps,
  inode_lock,
  inode_lock_shared,
  inode_unlock,
  inode_unlock_shared,
  type Kiocb,
  S_DAX,
} from '../vfs/inode.ts'
import { noop_fsync } from '../vfs/libfs.ts'
import { generic_write_checks } from '../vfs/read_write.ts'
import { famfs_count_fault } from './famfs_fault_count.ts'
import { fsi_of } from './famfs_internal.ts'
import { famfs_file_ioctl } from './famfs_ioctl.ts'
import { famfs_file_invalid, famfs_iomap_ops } from './famfs_iomap.ts'

/** famfs_rw_prep(): -errno, or 0 with the count cut to what lies before i_size; B60: past the end it is not cut at all. */
const famfs_rw_prep = kfn('famfs_rw_prep', function* (iocb: Kiocb): Step<number> {
  const inode = iocb.file.f_inode
  const i_size = unsigned(yield* inode.i_size.load())
  if (yield* fsi_of(inode).deverror.load()) return -ENODEV
  const rc = yield* famfs_file_invalid(inode)
  if (rc !== 0) return rc
  const left = i_size - iocb.pos
  if (left < 0 && inode.k.profile.has('B60')) return 0
  iocb.count = left <= 0 ? 0 : min(iocb.count, left)
  return 0
})

/** famfs_dax_read_iter(): bytes (0 at the end), or -errno. */
const famfs_dax_read_iter = kfn('famfs_dax_read_iter', function* (iocb: Kiocb): Step<number> {
  const inode = iocb.file.f_inode
  const rc = yield* famfs_rw_prep(iocb)
  if (rc !== 0 || iocb.count === 0) return rc
  const locked = !inode.k.profile.has('L06')
  if (locked) yield* inode_lock_shared(inode)
  const n = yield* dax_iomap_rw(iocb, false, famfs_iomap_ops)
  if (locked) yield* inode_unlock_shared(inode)
  return n
})

/** famfs_dax_write_iter(): bytes (0 at the end: the file never grows), or -errno. */
const famfs_dax_write_iter = kfn('famfs_dax_write_iter', function* (iocb: Kiocb): Step<number> {
  const inode = iocb.file.f_inode
  const locked = !inode.k.profile.has('L06')
  if (locked) yield* generic_write_checks(iocb)
  const rc = yield* famfs_rw_prep(iocb)
  if (rc !== 0 || iocb.count === 0) return rc
  if (locked) yield* inode_lock(inode)
  const n = yield* dax_iomap_rw(iocb, true, famfs_iomap_ops)
  if (locked) yield* inode_unlock(inode)
  return n
})

const __famfs_filemap_fault = kfn('__famfs_filemap_fault', function* (vmf: vm_fault, order: number): Step<number> {
  const inode = vmf.vma.vm_file!.f_inode
  if (yield* fsi_of(inode).deverror.load()) return VM_FAULT_SIGBUS
  if (((yield* inode.i_flags.load()) & S_DAX) === 0) return VM_FAULT_SIGBUS
  if (vmf.write && vmf.vma.shared) {
    // file_update_time()
    const now = inode.k.m.clock()
    inode.i_attr.poke({ ...inode.i_attr.peek(), mtime: now, ctime: now })
  }
  yield* famfs_count_fault(inode.k, order)
  return yield* dax_iomap_fault(vmf, order === PMD_ORDER, famfs_iomap_ops)
})

const famfs_file_vm_ops: VmOps = {
  fault: vmf => __famfs_filemap_fault(vmf, 0),
  huge_fault: (vmf, order) => __famfs_filemap_fault(vmf, order),
}

/** famfs_file_mmap(): 0, -ENODEV, or what is wrong with the file. */
const famfs_file_mmap = kfn('famfs_file_mmap [famfs]', function* (file: File, vma: VmArea): Step<number> {
  if (yield* fsi_of(file.f_inode).deverror.load()) return -ENODEV
  const rc = yield* famfs_file_invalid(file.f_inode)
  if (rc !== 0) return rc
  vma.vm_ops = famfs_file_vm_ops
  vma.huge = PMD_ORDER
  return 0
})

export const famfs_file_operations: FileOps = {
  read_iter: famfs_dax_read_iter,
  write_iter: famfs_dax_write_iter,
  unlocked_ioctl: famfs_file_ioctl,
  mmap: famfs_file_mmap,
  fsync: noop_fsync,
}
