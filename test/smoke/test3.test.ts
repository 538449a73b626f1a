// The smoke script test3: what else writes into a famfs file, and what of it a remount takes back (userspace.md h.2).
import { GiB } from '../../src/sim/index.ts'
import { DEV, expect_fail, expect_good, prints, smoke } from './expect.ts'

const SIZE = 2 << 20
/** The kernel warns when the size of a file that was mapped is set to 0; the script does not look at its log. */
const QUIET = { switches: { defect: ['L22w'] } }

smoke(
  'test3',
  [
    expect_good('mkfs', `mkfs.famfs ${DEV}`),
    expect_good('mount', `famfs mount ${DEV} @`),
    ...[0, 1, 2, 3].map(i => expect_good('seeded file', `famfs creat -r -S ${i + 1} -s ${SIZE} @/test${i}`)),
    ...[0, 1, 2, 3].map(i => expect_good('verify', `famfs verify -S ${i + 1} -f @/test${i}`)),
    expect_good('dd into a famfs file works', 'dd if=/dev/zero of=@/test0 bs=4096 count=8 conv=notrunc status=none'),
    expect_fail('and breaks verify', 'famfs verify -S 1 -f @/test0', { rc: 1, shows: /at offset 0 of/ }),
    prints('it keeps its size', 'stat -c %s @/test0', new RegExp(`^${SIZE}$`)),
    expect_good('its data again', `famfs creat -r -S 1 -s ${SIZE} @/test0`),
    expect_good('verify', 'famfs verify -S 1 -f @/test0'),
    expect_good('a source', 'dd if=/dev/zero of=/tmp/src bs=4096 count=4 status=none'),
    expect_fail('dd behind its end', 'dd if=/tmp/src of=@/test1 bs=4096 seek=512 conv=notrunc status=none', { rc: 1 }),
    expect_fail('plain cp into famfs fails', 'cp /tmp/src @/new', {
      rc: 1,
      note: 'FUSE has no CREATE; v1 makes an invalid file',
    }),
    expect_fail('plain cp of a famfs file fails', 'cp @/test1 @/new', { rc: 1 }),
    expect_fail('touch of a new file fails', 'touch @/touched', { rc: 1 }),
    expect_fail('plain cp over a famfs file fails', 'cp /tmp/src @/test2', { rc: 1, note: 'O_TRUNC is refused' }),
    expect_fail('truncate to 0 fails', 'truncate -s 0 @/test3', {
      rc: 1,
      note: 'to another size kills the daemon (Q3)',
    }),
    expect_good('umount', 'umount @'),
    expect_good('remount', `famfs mount ${DEV} @`),
    expect_fail('invalid files vanish on remount', 'ls @/new'),
    expect_fail('invalid files vanish on remount', 'ls @/touched'),
    ...[2, 3].map(i => prints('size restored', `stat -c %s @/test${i}`, new RegExp(`^${SIZE}$`))),
    ...[0, 1, 2, 3].map(i => expect_good('verify', `famfs verify -S ${i + 1} -f @/test${i}`)),
    expect_good('fsck', 'famfs fsck @', { shows: /No allocation errors found/ }),
  ],
  GiB(4),
  QUIET,
)
