// The smoke script test_errors (userspace.md h.2), whose work a standalone kernel must do: `famfs clone` makes two files share their
// space. Over FUSE the script ends at once with 0. Here the entry that clone would log is written by hand, and the rest is as there.
import { expect } from 'vitest'
import { O_RDWR } from '../../src/kernel/index.ts'
import {
  decodeEntry,
  decodeLogHeader,
  ENTRY_SIZE,
  encodeEntry,
  encodeLogHeader,
  entryOffset,
  type FileEntry,
  LOG_HEADER_SIZE,
} from '../../src/media/index.ts'
import { check, DEV, expect_fail, expect_good, MPT, type Script, shadow_of, smoke } from './expect.ts'

/** Log the first file's space again under another name. */
const clone_first = ({ w, h }: Script): void => {
  const n = w.setup(h, 'clone', function* (sys) {
    const fd = yield* sys.open(`${MPT}/.meta/.log`, O_RDWR)
    const head = new Uint8Array(LOG_HEADER_SIZE)
    const first = new Uint8Array(ENTRY_SIZE)
    yield* sys.pread(fd, head, 0)
    yield* sys.pread(fd, first, entryOffset(0))
    const header = decodeLogHeader(head).header!
    const next = header.nextIndex
    const entry = encodeEntry({ ...(decodeEntry(first) as FileEntry), path: 'clone', seqnum: next })
    yield* sys.pwrite(fd, entry, entryOffset(next))
    yield* sys.pwrite(fd, encodeLogHeader({ ...header, nextSeqnum: next + 1, nextIndex: next + 1 }), 0)
    yield* sys.close(fd)
    return next + 1
  })
  expect(n).toBe(4)
}

const COLLISION = { rc: 1, shows: /ERROR: 1 ALLOCATION COLLISIONS FOUND/ }

smoke('test_errors', [
  expect_good('mkfs', `mkfs.famfs ${DEV}`),
  expect_good('mount', `famfs mount ${DEV} @`),
  expect_good('a file', 'famfs creat -r -S 1 -s 2M @/test1'),
  expect_good('another', 'famfs creat -r -S 2 -s 2M @/test2'),
  expect_good('a directory', 'famfs mkdir @/dir'),
  expect_good('fsck', 'famfs fsck @'),
  expect_fail('clone of what is missing', 'famfs clone @/none @/clone', { rc: 1 }),
  expect_fail('clone of what is no famfs file', 'famfs clone /etc/passwd @/clone', { rc: 1 }),
  expect_fail('clone', 'famfs clone @/test1 @/clone', { rc: 1, note: 'succeeds under standalone famfs' }),
  check('clone by hand', clone_first),
  expect_fail('clone: fsck fails', 'famfs fsck @', COLLISION),
  expect_fail('clone: fsck -v fails', 'famfs fsck -v @', COLLISION),
  expect_fail('clone: fsck -r fails', 'famfs fsck -r @', COLLISION),
  expect_good('logplay', 'famfs logplay @', { shows: /1 new files/ }),
  expect_good('verify still ok', 'famfs verify -S 1 -f @/test1'),
  expect_good('verify still ok', 'famfs verify -S 2 -f @/test2'),
  check('a file replaces a dir in the shadow tree', s => {
    expect(s.sh(`rmdir ${shadow_of(s)}/root/dir`).rc).toBe(0)
    expect(s.sh(`touch ${shadow_of(s)}/root/dir`).rc).toBe(0)
  }),
  expect_fail('logplay complains when file replaces dir', 'famfs logplay @', { rc: 1, shows: /1 dir errors/ }),
  expect_fail('redundant mounts fail', `famfs mount ${DEV} @`, { rc: 1 }),
  expect_fail('redundant mounts fail', `famfs mount -f ${DEV} /mnt`, { rc: 1 }),
  expect_good('umount', 'umount @'),
  expect_fail('clone: fsck by device fails', `famfs fsck ${DEV}`, COLLISION),
  expect_good('mount', `famfs mount ${DEV} @`),
  expect_good('verify still ok', 'famfs verify -S 1 -f @/clone'),
  check('but a kernel that sees the same page in two files warns', s =>
    expect(() => s.sh('famfs verify -S 1 -f @/test1')).toThrow(/dax_associate_entry/),
  ),
])
