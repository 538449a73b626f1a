// The smoke script test_shadow_yaml: log play from a device into a directory, the daemon's arguments, and what a FUSE mount does
// not do (userspace.md h.2).
import { expect } from 'vitest'
import { check, DEV, expect_fail, expect_good, is_mounted, mounts, prints, type Row, smoke, USER } from './expect.ts'

const no_dummy = check('no lingering dummy mounts', s => expect(mounts(s).filter(l => l.includes('dummy'))).toEqual([]))
const fuse_fails = (what: string, line: string): Row =>
  expect_fail(`fuse: ${what} fails`, line, {
    rc: 1,
    shows: /not implemented|not supported|not permitted|Invalid argument/,
  })

smoke('test_shadow_yaml', [
  expect_good('mkfs', `mkfs.famfs ${DEV}`),
  expect_good('mount', `famfs mount ${DEV} @`),
  expect_good('a file', 'famfs creat -r -S 1 -s 4096 @/test1'),
  expect_good('a directory', 'famfs mkdir -p -m 750 -u 5 -g 6 @/a/b'),
  expect_good('a striped file', 'famfs creat -B 4 -N 3 -C 2M -s 12M @/a/b/striped'),
  expect_good('umount', 'umount @'),
  expect_good('directories', 'mkdir -p /tmp/shadow/root /tmp/noperm'),
  expect_good('a file', 'touch /tmp/file'),
  expect_fail('bogus dev', 'famfs logplay --shadow /tmp/shadow --daxdev /dev/bogodax', { rc: 6 }),
  expect_fail('missing dir', `famfs logplay --shadow /tmp/none --daxdev ${DEV}`, { rc: 2 }),
  expect_fail('no --shadow', `famfs logplay --daxdev ${DEV}`, { rc: 1 }),
  expect_fail('regular file', `famfs logplay --shadow /tmp/file --daxdev ${DEV}`, { rc: 20 }),
  expect_fail('no permission', `famfs logplay --shadow /tmp/noperm --daxdev ${DEV}`, { rc: 13, cred: USER }),
  no_dummy,
  expect_good('positive', `famfs logplay --shadow /tmp/shadow --daxdev ${DEV}`, {
    shows: /2 new files; 2 new directories/,
  }),
  expect_good('positive again', `famfs logplay --shadow /tmp/shadow --daxdev ${DEV}`, {
    shows: /0 new files; 0 new directories/,
  }),
  expect_good('verbose, dry', `famfs logplay -vn --shadow /tmp/shadow --daxdev ${DEV}`),
  expect_good('--shadowtest', `famfs logplay --shadow /tmp/shadow --daxdev ${DEV} --shadowtest`),
  prints('its YAML', 'cat /tmp/shadow/root/a/b/striped', /^ {2}- nstrips: 3$/m),
  prints('its directories', 'stat -c %a:%u:%g /tmp/shadow/root/a/b', /^750:5:6$/),
  no_dummy,
  expect_fail('famfs_fused: no arguments', 'famfs_fused', { rc: 1 }),
  expect_fail('famfs_fused: no mount point', 'famfs_fused -o shadow=/tmp/shadow', { rc: 1 }),
  expect_fail('famfs_fused: no shadow', `famfs_fused -o daxdev=${DEV} @`, { rc: 1 }),
  expect_fail('famfs_fused: missing shadow', `famfs_fused -o shadow=/tmp/none,daxdev=${DEV} @`, { rc: 1 }),
  expect_fail('famfs_fused: a file as shadow', `famfs_fused -o shadow=/tmp/file,daxdev=${DEV} @`, { rc: 1 }),
  expect_fail('famfs_fused: negative timeout', 'famfs_fused -o shadow=/tmp/shadow,timeout=-1 @', { rc: 1 }),
  expect_fail('famfs_fused: bogus option', 'famfs_fused --bogus -o shadow=/tmp/shadow @', { rc: 1 }),
  expect_fail('famfs_fused: mount point missing', 'famfs_fused -o shadow=/tmp/shadow /mnt/none', { rc: 1 }),
  expect_good('famfs_fused -h', 'famfs_fused --help'),
  expect_good('famfs_fused -V', 'famfs_fused -V'),
  is_mounted(false),
  expect_good('mount', `famfs mount ${DEV} @`),
  fuse_fails('truncate 0', 'truncate -s 0 @/test1'),
  fuse_fails('mkdir', 'mkdir @/newdir'),
  fuse_fails('ln', 'ln @/test1 @/hard'),
  fuse_fails('ln -s', 'ln -s test1 @/soft'),
  fuse_fails('mknod', 'mknod @/pipe p'),
  fuse_fails('rmdir', 'rmdir @/a/b'),
  fuse_fails('rm', 'rm @/test1'),
  fuse_fails('touch', 'touch @/new'),
  expect_good('and all is as it was', 'famfs verify -S 1 -f @/test1'),
  prints('and all is as it was', 'ls @', /^a\ntest1$/),
])
