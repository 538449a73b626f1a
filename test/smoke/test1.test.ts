// The smoke script test1: fsck by device and by path, mkdir, cp in all its forms (userspace.md h.2).
import { expect } from 'vitest'
import { check, DEV, expect_fail, expect_good, is_mounted, prints, type Row, smoke } from './expect.ts'

const CLEAN = { shows: /No allocation errors found/ }
const FILES = [0, 1, 2, 3, 4]
const sources = FILES.map(i => `/tmp/src/f${i}`).join(' ')
const names = [...FILES.map(i => `f${i}`)]

/** Every file of seed 10, 11, ... in this directory holds its data. */
const verified = (name: string, dir: string, file = 'f'): Row[] =>
  FILES.map(i => expect_good(name, `famfs verify -S ${10 + i} -f ${dir}/${file}${i}`))
const attrs = (name: string, dir: string, files: readonly string[], is: string): Row =>
  prints(
    name,
    `stat -c %a:%u:%g ${files.map(f => `${dir}/${f}`).join(' ')}`,
    new RegExp(`^(${is}\n?){${files.length}}$`),
  )
const drop_caches = check('drop_caches', ({ w, h }) =>
  expect(
    w.setup(h, 'sh', function* (sys) {
      return yield* sys.drop_caches()
    }),
  ).toBeGreaterThan(0),
)
const remount: readonly Row[] = [
  expect_good('umount', 'umount @'),
  expect_good('fsck by device, not mounted', `famfs fsck ${DEV}`, CLEAN),
  expect_good('remount', `famfs mount ${DEV} @`),
]
const smaller = { note: '1 MiB each instead of 8 after the first' }

smoke('test1', [
  expect_good('mkfs', `mkfs.famfs ${DEV}`),
  expect_good('fsck by device, not mounted', `famfs fsck ${DEV}`, CLEAN),
  expect_good('mount', `famfs mount ${DEV} @`),
  is_mounted(true),
  expect_fail('fsck by device, mounted', `famfs fsck ${DEV}`, { rc: 16 }),
  expect_good('fsck by path, mounted', 'famfs fsck @', CLEAN),
  expect_good('fsck by the log, mounted', 'famfs fsck @/.meta/.log', CLEAN),
  expect_fail('fsck of what is missing', 'famfs fsck /tmp/none', { rc: 2 }),
  expect_fail('fsck of what is in no famfs', 'famfs fsck /tmp', { rc: 1 }),
  expect_fail('fsck without a path', 'famfs fsck'),
  expect_fail('mkfs while mounted', `mkfs.famfs -f ${DEV}`, { rc: 2 }),
  expect_good('8 MiB files', 'famfs creat -r -S 10 -s 8M @/test0'),
  ...FILES.slice(1).map(i => expect_good('8 MiB files', `famfs creat -r -S ${10 + i} -s 1M @/test${i}`, smaller)),
  ...verified('verify', '@', 'test'),
  // What they are copied from, outside of famfs.
  expect_good('sources', 'mkdir -p /tmp/src/sub/subsub /tmp/none.d /tmp/empty.d'),
  ...FILES.map(i => expect_good('sources', `cp @/test${i} /tmp/src/f${i}`)),
  expect_good('sources', `chmod 640 ${sources}`),
  expect_good('sources', 'cp @/test1 /tmp/src/sub/g1'),
  expect_good('sources', 'cp @/test2 /tmp/src/sub/subsub/g2'),
  expect_good('sources', 'touch /tmp/empty'),

  expect_good('cp -h', 'famfs cp -h', { shows: /usage/ }),
  expect_fail('cp without a file', 'famfs cp', { rc: 1 }),
  expect_fail('cp without a destination', 'famfs cp /tmp/src/f0', { rc: 1 }),
  expect_good('cp', 'famfs cp /tmp/src/f0 @/copy0'),
  expect_good('verify', 'famfs verify -S 10 -f @/copy0'),
  expect_good('cp within famfs', 'famfs cp @/test1 @/copy1'),
  expect_good('verify', 'famfs verify -S 11 -f @/copy1'),
  expect_good('cp -v', 'famfs cp -v @/test1 @/copy2'),
  expect_good('cp with threads', 'famfs cp -t 4 @/test0 @/copy3'),
  expect_good('verify', 'famfs verify -S 10 -f @/copy3'),
  expect_fail('cp out of famfs', 'famfs cp @/test1 /tmp/out', { rc: 1 }),

  expect_good('mkdir', 'famfs mkdir @/subdir'),
  expect_fail('mkdir: collision with a directory', 'famfs mkdir @/subdir', { rc: 1 }),
  expect_fail('mkdir: collision with a file', 'famfs mkdir @/test1', { rc: 1 }),
  expect_fail('mkdir: a file on the way', 'famfs mkdir @/test1/dir', { rc: 1 }),
  expect_fail('mkdir: parent missing', 'famfs mkdir @/no/such', { rc: 1 }),
  expect_fail('mkdir without a name', 'famfs mkdir', { rc: 1 }),
  expect_good('mkdir -h', 'famfs mkdir -h', { shows: /usage/ }),
  expect_good('mkdir relative', 'famfs mkdir rel0', { cwd: '@' }),
  expect_good('mkdir relative', 'famfs mkdir ./rel1', { cwd: '@' }),
  expect_good('mkdir relative', 'famfs mkdir ../rel2', { cwd: '@/subdir' }),
  expect_fail('mkdir relative, again', 'famfs mkdir rel0', { cwd: '@' }),
  prints('mkdir relative: they are there', 'stat -c %F @/rel0 @/rel1 @/rel2', /^(directory\n?){3}$/),
  expect_good('mkdir -p', 'famfs mkdir -p @/A/B/C/w/x/y/z'),
  expect_good('mkdir -p again', 'famfs mkdir -p @/A/B/C/w/x/y/z'),
  expect_good('mkdir -p relative', 'famfs mkdir -p D/E/F', { cwd: '@/A' }),
  expect_good('mkdir -p of the mount point', 'famfs mkdir -p @'),
  expect_fail('mkdir of the mount point', 'famfs mkdir @', { rc: 1 }),
  expect_fail('mkdir -p: a file on the way', 'famfs mkdir -p @/test1/a/b', { rc: 1 }),
  expect_fail('escape via ../.. fails', 'famfs mkdir @/../../escaped', { rc: 1 }),
  expect_fail('escape via ../.. fails', 'famfs mkdir -p @/../../escaped/too'),
  expect_fail('escape via ../.. fails', 'famfs mkdir ../../escaped', { cwd: '@/subdir', rc: 1 }),
  expect_fail('escape via ../.. fails', 'famfs cp /tmp/src/f1 @/../../escaped', { rc: 1 }),
  expect_fail('escape via ../.. fails', 'famfs creat -s 4096 @/../../escaped', { rc: 1 }),
  expect_fail('nothing escaped', 'ls /escaped /mnt/escaped'),
  expect_fail('creat below a file', 'famfs creat -s 4096 @/test1/x', { rc: 1 }),
  expect_fail('creat in a directory that is missing', 'famfs creat -s 4096 @/no/x', { rc: 1 }),

  drop_caches,
  ...verified('drop_caches then verify', '@', 'test'),

  expect_good('overcopy of the same size ok', 'famfs cp @/test2 @/copy1'),
  expect_good('overcopy: the new data', 'famfs verify -S 12 -f @/copy1'),
  expect_fail('overcopy of a different size fails', 'famfs cp @/test0 @/copy1', { rc: 1, shows: /another size/ }),
  expect_good('overcopy: nothing changed', 'famfs verify -S 12 -f @/copy1'),
  expect_fail('cp of nonexistent', 'famfs cp /tmp/none @/x', { rc: 1 }),
  expect_fail('cp of nonexistent to a directory', 'famfs cp /tmp/none @/subdir', { rc: 1 }),
  expect_fail('cp of a char dev', 'famfs cp /dev/zero @/x', { rc: 22 }),
  expect_fail('cp to a directory that is missing', 'famfs cp /tmp/src/f1 @/no/x', { rc: 1 }),
  expect_fail('empty source fails', 'famfs cp /tmp/empty @/x', { rc: 1, shows: /empty/ }),
  expect_fail('and none of them is there', 'ls @/x'),

  expect_good('wildcard cp', `famfs cp ${sources} @/subdir`, { note: 'the names are spelled out' }),
  ...verified('wildcard cp: verify', '@/subdir'),
  attrs('wildcard cp: the mode of each', '@/subdir', names, '640:0:0'),
  expect_good('a directory', 'famfs mkdir @/withmode'),
  expect_good('wildcard cp with mode/uid/gid', `famfs cp -m 600 -u 1000 -g 1001 ${sources} @/withmode`),
  attrs('wildcard cp with mode/uid/gid', '@/withmode', names, '600:1000:1001'),
  expect_fail('wildcard cp to a file', `famfs cp ${sources} @/test1`, { rc: 1 }),
  expect_fail('wildcard cp to what is missing', `famfs cp ${sources} @/nodir`, { rc: 1 }),
  expect_good('a directory', 'famfs mkdir @/some'),
  expect_fail('wildcard cp, one empty', 'famfs cp /tmp/src/f0 /tmp/empty /tmp/src/f1 @/some', { rc: 1 }),
  expect_good('the others are copied', 'famfs verify -m @/some/f0,10 -m @/some/f1,11'),
  expect_fail('wildcard cp, one missing', 'famfs cp /tmp/src/f2 /tmp/none /tmp/src/f3 @/some', { rc: 1 }),
  prints('it stops there', 'ls @/some', /^f0\nf1\nf2$/),
  ...remount,
  attrs('with mode/uid/gid after remount', '@/withmode', names, '600:1000:1001'),
  ...verified('verify after remount', '@/withmode'),

  expect_good('cp -r', 'famfs cp -r /tmp/src @/tree'),
  ...verified('cp -r: verify', '@/tree'),
  expect_good('cp -r: verify', 'famfs verify -m @/tree/sub/g1,11 -m @/tree/sub/subsub/g2,12'),
  attrs('cp -r: modes, which Q12 takes from the directory', '@/tree', names, '755:0:0'),
  expect_good('cp -r into a directory', 'famfs cp -r /tmp/src @/some'),
  ...verified('cp -r: verify', '@/some/src'),
  expect_good('compare -c', 'famfs cp -r -c /tmp/src @/some'),
  expect_good('compare -c of one file', 'famfs cp -c /tmp/src/f0 @/some/src'),
  expect_good(
    'a page is defaced',
    'dd if=/dev/zero of=@/some/src/f3 bs=4096 seek=100 count=1 conv=notrunc status=none',
  ),
  expect_fail('compare -c detects a defaced page', 'famfs cp -c /tmp/src/f3 @/some/src/f3', {
    rc: 1,
    shows: /miscompare/,
  }),
  expect_fail('compare -c detects a defaced page', 'famfs cp -r -c /tmp/src @/some', { rc: 1 }),
  expect_fail('verify detects it too', 'famfs verify -S 13 -f @/some/src/f3', { rc: 1, shows: /at offset 409600 of/ }),
  expect_good('it is copied again', 'famfs cp /tmp/src/f3 @/some/src/f3'),
  expect_good('compare -c', 'famfs cp -c /tmp/src/f3 @/some/src/f3'),
  expect_good('a directory', 'famfs mkdir @/flat'),
  expect_fail('cp of dir without -r nonzero', `famfs cp /tmp/src/sub ${sources} @/flat`, { rc: 1 }),
  ...verified('cp of dir without -r: files copied', '@/flat'),
  prints('cp of dir without -r: the directory not', 'ls @/flat', /^f0\nf1\nf2\nf3\nf4$/),
  expect_good('cp -r of an empty directory', 'famfs cp -r /tmp/empty.d @/emptied'),
  expect_fail('cp -r of what is missing', 'famfs cp -r /tmp/none @/none', { rc: 1 }),
  expect_fail('cp -r of nothing', 'famfs cp -r', { rc: 1 }),
  expect_fail('cp -r onto a file', 'famfs cp -r /tmp/src @/test1', { rc: 1 }),

  expect_good('a directory', 'famfs mkdir @/slash'),
  expect_good('trailing slash destination (#134)', 'famfs cp /tmp/src/f0 @/slash/'),
  expect_good('trailing slash destination (#134)', 'famfs cp /tmp/src/f1 @/slash/.'),
  expect_good('trailing slash destination (#134)', 'famfs cp /tmp/src/f2 @/slash//'),
  expect_good('trailing slash destination (#134)', 'famfs cp /tmp/src/f4 @/'),
  expect_good('trailing slash destination (#134)', 'famfs cp -r /tmp/src/sub @/slash/'),
  expect_good(
    'verify',
    'famfs verify -m @/slash/f0,10 -m @/slash/f1,11 -m @/slash/f2,12 -m @/f4,14 -m @/slash/sub/g1,11',
  ),

  expect_good('fsck -m', 'famfs fsck -m @', CLEAN),
  expect_good('fsck -r', 'famfs fsck -r @', CLEAN),
  expect_fail('fsck -rm', 'famfs fsck -rm @', { rc: 1 }),
  expect_good('fsck -v', 'famfs fsck -v @', CLEAN),
  expect_good('fsck -vv', 'famfs fsck -vv @', CLEAN),
  expect_good('fsck -h', 'famfs fsck -h @', CLEAN),
  ...remount,
  ...verified('verify after remount', '@', 'test'),
  ...verified('verify after remount', '@/tree'),
  expect_good('logplay', 'famfs logplay @', { shows: /; 0 new files; 0 new directories/ }),
  expect_good('fsck', 'famfs fsck @', CLEAN),
])
