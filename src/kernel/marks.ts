// The coverage marks of the kernel: who lost a race, which error path was taken. A search tells which of them, in the
// functions it entered, it never came by. The names are for people, famfs comes first; R1 to R8 are the races of kernel.md.
import type { Machine } from '../sim/index.ts'

export const MARKS = {
  fuse_get_fmap: ['map there already', 'no memory', 'server refused', 'map larger than the buffer'],
  famfs_file_init_dax: ['map there meanwhile (R1)', 'map refused', 'lost the cmpxchg (R1)'],
  famfs_dax_devlist_get: ['table there already', 'no memory', 'lost the cmpxchg (R2)'],
  famfs_fuse_get_daxdev: ['server refused'],
  famfs_fill_daxdev: ['slot filled meanwhile (R3)', 'path refused', 'no memory', 'held by another'],
  famfs_check_daxdev_table: ['device missing'],
  famfs_install_daxdev: [
    'pushed already',
    'failed before',
    'no such device',
    'not to be had',
    'no memory for the name',
  ],
  famfs_set_daxdev_err: ['table gone (R8)', 'slot marked'],
  famfs_dax_notify_failure: ['connection gone (R8)'],
  famfs_teardown: ['no table', 'device given back'],
  famfs_dax_err: ['slot not filled', 'not the holder', 'poisoned'],
  famfs_file_bad: ['no map', 'marked bad', 'size unlike the map', 'not DAX yet (R4)'],
  famfs_fileofs_to_daxofs: ['no table', 'past the last extent'],
  famfs_interleave_fileofs_to_daxofs: ['no table', 'slot not filled', 'past the last group'],
  grab_mapping_entry: ['waited for its holder'],
  dax_iomap_pmd_fault: ['colour', 'past the end', 'private store', 'no 2 MiB to be had'],
  fuse_simple_request: ['waited for INIT', 'killed before INIT', 'not connected', 'no memory'],
  request_wait_answer: ['interrupted', 'killed and taken back', 'killed too late (R16)'],
  fuse_simple_background: ['waited for its turn'],
  fuse_dev_do_read: ['another worker was faster', 'aborted in between', 'request larger than the buffer'],
  fuse_dev_do_write: ['nobody waits for it'],
  fuse_notify: ['malformed'],
  fuse_open: ['map failed'],
  do_open: ['O_DIRECT refused'],
} as const

type Marked = keyof typeof MARKS

/** The running task came by a mark. */
export const mark = <F extends Marked>(m: Machine, fn: F, what: (typeof MARKS)[F][number]): void => {
  if (m.marks !== null) m.marks.hit(fn, what)
}
