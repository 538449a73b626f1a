// The smoke script test0: creat, verify, mode and owner, chkread, mkmeta, flush, log play (userspace.md h.2).

import { expect } from 'vitest'
import { check, DEV, expect_fail, expect_good, is_mounted, prints, type Row, smoke } from './expect.ts'

const usage_q21 = { shows: /usage/, note: 'Q21: a wrong option is usage and exit 0' }

/** A file's mode, owner and group. */
const attrs = (name: string, path: string, is: string): Row =>
  prints(name, `stat -c %a:%u:%g ${path}`, new RegExp(`^${is}$`))
const preserved: readonly Row[] = [
  attrs('mode/uid/gid preserved for creat', '@/bogusuid', '644:7000:0'),
  attrs('mode/uid/gid preserved for creat', '@/bogusgid', '644:0:999'),
  attrs('mode/uid/gid preserved for creat', '@/modefile', '600:1000:1001'),
  attrs('mode/uid/gid preserved for mkdir -p', '@/z/y/x', '751:1000:1001'),
  attrs('mode/uid/gid preserved for mkdir -p', '@/z/y', '751:1000:1001'),
]
/** Everything that has a seed, by threads too. */
const verified: readonly Row[] = [
  expect_good('verify', 'famfs verify -S 1 -f @/test1', { shows: /Success: verified 4096 bytes/ }),
  expect_good('verify', 'famfs verify -S 99 -f @/test_xfs'),
  expect_good('verify', 'famfs verify -S 42 -f @/big'),
  expect_good('verify several', 'famfs verify -m @/multi0,42 -m @/multi1,43 -m @/multi2,44 -m @/multi3,45'),
]

smoke('test0', [
  expect_good('mkfs', `mkfs.famfs ${DEV}`),
  expect_good('mount', `famfs mount ${DEV} @`),
  is_mounted(true),
  expect_good('creat -h', 'famfs creat -h', { shows: /usage/ }),
  expect_fail('creat without a name fails', 'famfs creat', { rc: 1 }),
  expect_fail('creat without a size fails', 'famfs creat @/nosize', { rc: 1, shows: /size above 0/ }),
  expect_fail('creat with a seed and no -r fails', 'famfs creat -s 4096 -S 1 @/noseed', { rc: 1 }),
  expect_good('creat with a wrong option', 'famfs creat -Z -s 4096 @/wrong', usage_q21),
  expect_good('creat with seed', 'famfs creat -r -S 1 -s 4096 @/test1'),
  expect_good('verify', 'famfs verify -S 1 -f @/test1', { shows: /Success: verified 4096 bytes/ }),
  expect_good('creat with size and no seed', 'famfs creat -s 4096 @/test2'),
  expect_good('creat -r with seed 0 leaves the data', 'famfs creat -r -S 0 -s 4096 @/test3'),
  expect_good('creat with another seed', 'famfs creat -r -S 99 -s 32k @/test_xfs'),
  expect_good('a larger file', 'famfs creat -r -S 42 -s 8m @/big'),
  expect_good('a directory', 'famfs mkdir @/dir'),
  expect_fail('creat on dir fails', 'famfs creat -s 4096 @/dir', { rc: 1, shows: /exists and is no file/ }),
  expect_fail('outside famfs fails', 'famfs creat -s 4096 /tmp/x', { rc: 1 }),
  expect_good('a file elsewhere', 'dd if=/dev/zero of=/tmp/elsewhere bs=4096 count=1 status=none'),
  expect_fail('outside famfs fails', 'famfs creat -s 4096 /tmp/elsewhere', { rc: 1, shows: /not in a famfs/ }),
  expect_fail('verify outside famfs fails', 'famfs verify -S 1 -f /tmp/elsewhere', { rc: 1 }),
  expect_good(
    'multi-creat',
    'famfs creat -t 4 -M @/multi0,256K,42 -M @/multi1,256K,43 -M @/multi2,256K,44 -M @/multi3,256K,45',
    { shows: /Create complete for 4 of 4 files with 0 errs/ },
  ),
  expect_good('multi-creat without seeds', 'famfs creat -M @/mu0,2M -M @/mu1,4M'),
  expect_good('multi-creat of what is there', 'famfs creat -M @/mu0,2M -M @/mu1,4M'),
  expect_fail('multi-creat with wrong size fails', 'famfs creat -M @/mu0,4M -M @/mu1,4M', { rc: 1 }),
  expect_fail('multi-creat good and bad', 'famfs creat -M @/mu2,2M -M /tmp/mu,2M -M @/dir,4M', {
    rc: 2,
    shows: /for 1 of 3 files with 2 errs/,
  }),
  expect_fail('multi-creat with one field fails', 'famfs creat -M @/mu3', { rc: 1 }),
  expect_fail('multi-creat with four fields fails', 'famfs creat -M @/mu3,4K,1,2', { rc: 1 }),
  expect_fail('multi-creat with -s fails', 'famfs creat -s 4K -M @/mu3,4K', { rc: 1 }),
  ...[-1, 257, 999, 1000].map(n =>
    expect_fail(`thread count ${n} fails`, `famfs creat -t ${n} -M @/thr${n},4K,42`, { rc: 1, shows: /threads/ }),
  ),
  expect_good('thread count 256', 'famfs creat -t 256 -M @/thr256,4K,42'),
  ...[-1, 257, 999, 1000].map(n =>
    expect_fail(`verify with thread count ${n} fails`, `famfs verify -t ${n} -m @/thr256,42`, {
      rc: 1,
      shows: /threads/,
    }),
  ),
  expect_good('verify with threads', 'famfs verify -t 2 -m @/thr256,42 -m @/test1,1'),
  expect_fail('verify without a seed fails', 'famfs verify -f @/test1', { rc: 1, shows: /seed/ }),
  expect_fail('verify without a file fails', 'famfs verify -S 1', { rc: 1, shows: /file name/ }),
  expect_fail('verify of a bad file fails', 'famfs verify -S 1 -f @/bad_filename', { rc: 1 }),
  expect_fail('verify with a wrong seed fails', 'famfs verify -S 2 -f @/test1', { rc: 1, shows: /Verify fail/ }),
  expect_fail('malformed multi-verify fails', 'famfs verify -m @/multi0', { rc: 1, shows: /FILE,SEED/ }),
  expect_fail('malformed multi-verify fails', 'famfs verify -m @/multi0,42,43', { rc: 1, shows: /FILE,SEED/ }),
  expect_fail('multi-verify with two wrong seeds fails', 'famfs verify -m @/multi0,42 -m @/multi1,1 -m @/multi2,2', {
    rc: 2,
  }),
  expect_good('re-create of the same size ok', 'famfs creat -s 4096 @/test1'),
  expect_good('re-create without a size ok', 'famfs creat @/test1'),
  expect_good('re-create with a seed ok', 'famfs creat -r -S 1 -s 4096 @/test1'),
  expect_fail('re-create of a different size fails', 'famfs creat -s 8192 @/test1', { rc: 1, shows: /another size/ }),
  expect_fail('empty fails', 'famfs creat -s 0 @/empty', { rc: 1 }),
  expect_fail('and leaves nothing', 'ls @/empty'),
  expect_good('creat with a uid', 'famfs creat -s 4096 -u 7000 @/bogusuid'),
  expect_good('creat with a gid', 'famfs creat -s 4096 -g 999 @/bogusgid'),
  expect_good('creat with a mode', 'famfs creat -s 4096 -m 0600 -u 1000 -g 1001 @/modefile'),
  expect_good('mkdir -p with a mode', 'famfs mkdir -p -m 0751 -u 1000 -g 1001 @/z/y/x'),
  ...preserved,
  expect_good('logplay -h', 'famfs logplay -h', { shows: /usage/ }),
  expect_good('logplay', 'famfs logplay @', { shows: /: \d+ log entries; 0 new files; 0 new directories/ }),
  expect_good('logplay -rn', 'famfs logplay -rn @'),
  expect_good('logplay -mn', 'famfs logplay -mn @'),
  expect_good('logplay --dryrun -v', 'famfs logplay --dryrun -v @'),
  expect_good('logplay -c', 'famfs logplay -nc @'),
  expect_good('logplay by a file in it', 'famfs logplay -n @/z/y/x'),
  expect_fail('logplay -m and -r fails', 'famfs logplay -mr @', { rc: 1, shows: /mutually exclusive/ }),
  expect_fail('logplay without a path fails', 'famfs logplay', { rc: 1 }),
  expect_fail('logplay outside famfs fails', 'famfs logplay /tmp', { rc: 1 }),
  expect_good('chkread on superblock', 'famfs chkread -s @/.meta/.superblock'),
  expect_good('chkread on log', 'famfs chkread -l @/.meta/.log'),
  expect_good('chkread on a file', 'famfs chkread @/test1'),
  expect_good('umount', 'umount @'),
  is_mounted(false),
  expect_fail('verify while not mounted fails', 'famfs verify -S 1 -f @/test1', { rc: 1 }),
  expect_good('remount', `famfs mount ${DEV} @`),
  ...verified,
  ...preserved.map(r => ({ ...r, name: `after remount: ${r.name}` })),
  expect_fail('mkmeta without a device fails', 'famfs mkmeta', { rc: 1 }),
  expect_fail('mkmeta of a bogus device fails', 'famfs mkmeta /tmp/nonexistent', { rc: 1 }),
  expect_good('mkmeta', `famfs mkmeta ${DEV}`, { note: 'a FUSE mount has nothing to make; exit 0 as the real one' }),
  expect_good('mkmeta repeated', `famfs mkmeta ${DEV}`),
  expect_good('mkmeta -h', 'famfs mkmeta -h'),
  expect_fail('flush without a file fails', 'famfs flush', { rc: 1 }),
  expect_good('flush', 'famfs flush @/test1 @/test2'),
  expect_fail('flush of a missing file fails', 'famfs flush @/none', { rc: 1 }),
  check('flush of dirs reports errors', s => {
    const end = s.sh('famfs flush @/dir @/z @/test1')
    expect(end.rc).toBe(2)
    expect(end.err.length).toBeGreaterThan(0)
  }),
  expect_good('fsck by mount point', 'famfs fsck @', { shows: /No allocation errors found/ }),
  expect_good('fsck -v', 'famfs fsck -v @'),
  expect_fail('fsck by device while mounted fails', `famfs fsck ${DEV}`, { rc: 16 }),
  expect_good('a shadow directory', 'mkdir -p /tmp/smoke.shadow/root'),
  expect_good('shadow logplay to /tmp/smoke.shadow', 'famfs logplay --shadow /tmp/smoke.shadow @', {
    shows: /famfs_logplay\(shadow\): \d+ log entries; [1-9]\d* new files/,
  }),
  prints('it has the files', 'cat /tmp/smoke.shadow/root/test1', /^ {2}size: 4096$/m),
  expect_good('shadow logplay again', 'famfs logplay --shadow /tmp/smoke.shadow @', { shows: / 0 new files/ }),
  expect_good('shadow logplay --shadowtest', 'famfs logplay --shadow /tmp/smoke.shadow --shadowtest @'),
])
