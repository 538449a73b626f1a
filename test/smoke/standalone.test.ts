// What of the smoke scripts only a standalone famfs does: getmap, clone, check, mkmeta, files without a map, maps pushed at log play, and
// the module (userspace.md f, h.2: test0, test2, test3, test4, test_errors, test_load_module). One host under profile std.
import { expect } from 'vitest'
import { GiB } from '../../src/sim/index.ts'
import {
  check,
  DEV,
  expect_fail,
  expect_good,
  is_mounted,
  MPT,
  mounts,
  type Row,
  type Script,
  smoke,
} from './expect.ts'

// Without what a raw mapping leaves behind before 6.15 (B04), and what warns of it: mkfs maps the device itself there.
const STD = { kernel: 'std', switches: { defect: ['B04w'] } } as const
const script = (name: string, rows: readonly Row[], o = {}): void => smoke(name, rows, GiB(4), { ...STD, ...o })

const COLLISION = { rc: 1, shows: /ERROR: 1 ALLOCATION COLLISIONS FOUND/ }

/** The module goes, and comes. */
const module_ = (what: 'in' | 'out', rc = 0): Row =>
  check(what === 'in' ? 'modprobe famfs' : 'rmmod famfs', ({ w, h }: Script) =>
    expect(
      w.setup(h, 'modprobe', function* (sys) {
        return yield* what === 'in' ? sys.init_module('famfs') : sys.delete_module('famfs')
      }),
    ).toBe(rc),
  )

script('std: mount, getmap, check, mkmeta', [
  expect_good('mkfs', `mkfs.famfs ${DEV}`),
  expect_good('mount', `famfs mount ${DEV} @`),
  check('the mount is of the type famfs, and there is no daemon', s => {
    expect(mounts(s)).toContain(`${DEV} ${MPT} famfs rw,noatime,nosuid,noexec,nodev 0 0`)
    expect(s.sh('ps').out.join('\n')).not.toContain('famfs_fused')
  }),
  expect_fail('redundant mounts fail', `famfs mount ${DEV} @`, { rc: 1 }),
  expect_good('creat', 'famfs creat -r -S 1 -s 1M @/test1'),
  expect_good('creat interleaved', 'famfs creat -B 4 -N 4 -C 2M -s 32M @/striped'),
  expect_good('mkdir -p', 'famfs mkdir -p @/d/e'),
  expect_good('creat below', 'famfs creat -s 4096 @/d/e/f'),
  expect_good('verify', 'famfs verify -S 1 -f @/test1', {}),
  expect_good('getmap', 'famfs getmap @/test1', { rc: 0, shows: /1048576 bytes, 1 extents\n {2}extent 0: offset 0x/ }),
  expect_good('getmap of strips', 'famfs getmap @/striped', { rc: 0, shows: /4 strips, chunks of 0x200000/ }),
  expect_good('getmap of the log', 'famfs getmap @/.meta/.log', { shows: /offset 0x200000 length 0x800000/ }),
  expect_good('getmap -q says nothing', 'famfs getmap -q @/test1', { shows: /^exit 0$/ }),
  expect_fail('getmap without a file', 'famfs getmap', { rc: 22 }),
  expect_fail('getmap of what is missing', 'famfs getmap @/none', { rc: 9 }),
  expect_fail('getmap of a directory', 'famfs getmap @/d', { rc: 21 }),
  expect_fail('getmap of what is no famfs file', 'famfs getmap /etc/passwd', { rc: 1 }),
  expect_good('check', 'famfs check @', { rc: 0 }),
  expect_good('touch', 'touch @/invalid', { note: 'v1 makes an invalid file; FUSE has no CREATE' }),
  expect_fail('getmap of a file without a map', 'famfs getmap @/invalid', { rc: 2 }),
  expect_fail('check finds it', 'famfs check @', { rc: 1, shows: /\/invalid: not mapped/ }),
  expect_fail('an invalid file cannot be read', 'cat @/invalid'),
  expect_fail('check wants a mount point', 'famfs check @/d', { rc: 1 }),
  expect_fail('check wants an operand', 'famfs check', { rc: 22 }),
  expect_good('rm of it', 'rm @/invalid'),
  expect_good('mkmeta', `famfs mkmeta ${DEV}`, { rc: 0 }),
  expect_fail('mkmeta of a bogus device fails', 'famfs mkmeta /tmp/nonexistent', { rc: 1 }),
  expect_good('fsck', 'famfs fsck @', { rc: 0, shows: /FAMFS_V1/ }),
  expect_good('cp', 'famfs cp @/test1 @/copy'),
  expect_good('cmp', 'cmp @/test1 @/copy'),
  expect_fail('cp(1) writes no file', 'cp /etc/hosts @/hosts'),
  expect_good('umount', 'umount @'),
  is_mounted(false),
])

script('std: log play makes files in the mount', [
  expect_good('mkfs', `mkfs.famfs ${DEV}`),
  expect_good('mount', `famfs mount ${DEV} @`),
  expect_good('creat', 'famfs creat -r -S 1 -s 1M @/test1'),
  expect_good('mkdir', 'famfs mkdir @/dir'),
  expect_good('rm', 'rm @/test1', { note: 'v1 removes it until the next log play' }),
  expect_good('rmdir', 'rmdir @/dir'),
  expect_fail('it is gone', 'famfs verify -S 1 -f @/test1'),
  expect_good('logplay -n makes nothing', 'famfs logplay -n @'),
  expect_fail('still gone', 'stat @/test1'),
  expect_good('logplay', 'famfs logplay @', { shows: /1 new files/ }),
  expect_good('verify', 'famfs verify -S 1 -f @/test1'),
  expect_good('logplay again', 'famfs logplay @', { shows: /0 new files/ }),
  expect_good('rmdir', 'rmdir @/dir'),
  expect_good('a file where the directory was', 'touch @/dir'),
  expect_fail('logplay complains when file replaces dir', 'famfs logplay @', { rc: 1, shows: /1 dir errors/ }),
  expect_good('umount', 'umount @'),
  expect_good('mount again', `famfs mount ${DEV} @`),
  expect_good('verify after remount', 'famfs verify -S 1 -f @/test1'),
  expect_good('check', 'famfs check @', { rc: 0 }),
])

script(
  'std: test_errors',
  [
    expect_good('mkfs', `mkfs.famfs ${DEV}`),
    expect_good('mount', `famfs mount ${DEV} @`),
    expect_good('a file', 'famfs creat -r -S 1 -s 2M @/test1'),
    expect_good('fsck', 'famfs fsck @'),
    expect_fail('clone of what is missing', 'famfs clone @/none @/clone', { rc: 1 }),
    expect_fail('clone of what is no famfs file', 'famfs clone /etc/passwd @/clone'),
    expect_fail('clone onto what is there', 'famfs clone @/test1 @/test1'),
    expect_good('clone', 'famfs clone @/test1 @/clone', { rc: 0 }),
    expect_good('verify the clone', 'famfs verify -S 1 -f @/clone'),
    expect_fail('fsck fails', 'famfs fsck @', COLLISION),
    expect_good('umount', 'umount @'),
    expect_fail('fsck by device fails', `famfs fsck ${DEV}`, COLLISION),
    expect_good('mount again', `famfs mount ${DEV} @`),
    expect_good('verify the clone', 'famfs verify -S 1 -f @/clone'),
  ],
  // Two files over one page: the second to map it is warned of (L21).
  { switches: { defect: ['B04w'], noDefect: ['L21'] } },
)

/** The steps of test_load_module, over either way to a new device. */
const load_module: readonly Row[] = [
  expect_good('mkfs', `mkfs.famfs ${DEV}`),
  expect_good('mount as told', `famfs mount --nofuse ${DEV} @`),
  module_('out', -16),
  expect_good('umount', 'umount @'),
  module_('out'),
  expect_fail('mount without the module', `famfs mount --nofuse ${DEV} @`, { rc: 1, shows: /module is not loaded/ }),
  expect_fail('and when nothing says which', `famfs mount ${DEV} @`, { rc: 1, shows: /has no famfs/ }),
  is_mounted(false),
  expect_good('mount -L loads it', `famfs mount -F -L ${DEV} @`),
  is_mounted(true),
  expect_good('umount', 'umount @'),
  module_('out'),
  module_('in'),
  expect_good('mount', `famfs mount ${DEV} @`),
]
script('std: test_load_module', load_module)

script(
  'std over DAX of 6.15 and later: mkfs and fsck go by a dummy mount of the standalone famfs',
  [
    ...load_module,
    expect_good('creat', 'famfs creat -r -S 1 -s 1M @/test1'),
    expect_good('umount', 'umount @'),
    expect_good('fsck by device', `famfs fsck ${DEV}`, { rc: 0 }),
    is_mounted(false),
    expect_good('a dummy mount to look at', `famfs mount -D ${DEV}`, { shows: /dummy mount of/ }),
    check('it shows the superblock and the log alone', s => {
      const at = mounts(s)
        .find(l => l.includes(' famfs '))!
        .split(' ')[1]!
      expect(s.sh(`ls -a ${at} ${at}/.meta`).out.join(' ')).toMatch(/\.log \.superblock/)
      expect(s.sh(`umount ${at}`).rc).toBe(0)
    }),
    module_('out'),
    expect_fail('fsck without the module', `famfs fsck -F ${DEV}`, { shows: /module is not loaded/ }),
    expect_good('fsck -L', `famfs fsck -F -L ${DEV}`),
  ],
  { dax: 'fix' },
)
