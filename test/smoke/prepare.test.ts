// The smoke script prepare: mkfs in all its forms, the first mounts, a daemon that dies (userspace.md h.2).
import { expect } from 'vitest'
import { decodeLogHeader, LOG_HEADER_SIZE, LOG_OFFSET } from '../../src/media/index.ts'
import {
  check,
  DEV,
  expect_fail,
  expect_fail_except,
  expect_good,
  is_mounted,
  MPT,
  mounts,
  prints,
  type Script,
  shadow_of,
  smoke,
} from './expect.ts'

/** The log's length as it is on the device. */
const logLen = ({ w }: Script): number => {
  const bytes = new Uint8Array(LOG_HEADER_SIZE)
  w.memory('dax0.0')!.memory.read(LOG_OFFSET, bytes)
  const head = decodeLogHeader(bytes)
  return head.ok ? head.header.logLen : -1
}
const loglen_is = (bytes: number) => check(`log length is ${bytes}`, s => expect(logLen(s)).toBe(bytes))

/** Kill the daemon of the mount with no chance to tidy up. */
const kill_daemon = (s: Script): void => {
  const sock = `${shadow_of(s)}/sock`
  const pid = s.sh(`curl --unix-socket ${sock} http://localhost/pid`).out.join('').replace('pid: ', '')
  expect(s.sh(`kill -9 ${pid}`).rc).toBe(0)
}
smoke('prepare', [
  expect_good('mkfs -h ok', 'mkfs.famfs -h', { shows: /usage/ }),
  expect_fail('no arg fails', 'mkfs.famfs', { rc: 1 }),
  expect_fail('missing dev fails', 'mkfs.famfs /dev/bogus', { rc: 2 }),
  expect_good('mkfs', `mkfs.famfs -f ${DEV}`),
  expect_fail('kill without force fails', `mkfs.famfs -k ${DEV}`, {
    rc: 2,
    note: 'Q22: only because there is a file system; on an empty device it makes one',
  }),
  expect_good('kill with force ok', `mkfs.famfs -k -f ${DEV}`, { shows: /killed/ }),
  expect_fail('fsck after kill', `famfs fsck ${DEV}`, { rc: 1 }),
  expect_good('mkfs', `mkfs.famfs ${DEV}`),
  expect_good('mkfs -v -f ok', `mkfs.famfs -v -f ${DEV}`, { shows: /usage/, note: 'Q21: usage; it makes nothing' }),
  loglen_is(8 << 20),
  expect_fail('loglen 1 fails', `mkfs.famfs -f --loglen 1 ${DEV}`, { rc: 2, shows: /invalid log length/ }),
  loglen_is(8 << 20),
  expect_fail('loglen 11m fails', `mkfs.famfs -f --loglen 11m ${DEV}`, { rc: 2, shows: /invalid log length/ }),
  loglen_is(8 << 20),
  expect_fail('loglen 1m fails', `mkfs.famfs -f --loglen 1m ${DEV}`, { rc: 2, shows: /invalid log length/ }),
  loglen_is(8 << 20),
  expect_good('loglen 256m ok', `mkfs.famfs -f --loglen 256m ${DEV}`),
  loglen_is(268435456),
  expect_fail('mkfs over existing fails', `mkfs.famfs ${DEV}`, { rc: 2, shows: /already has a famfs superblock/ }),
  loglen_is(268435456),
  expect_good('mkfs -f ok', `mkfs.famfs -f ${DEV}`),
  loglen_is(8388608),
  expect_good('cli -h', 'famfs -h'),
  expect_good('fsck dev', `famfs fsck ${DEV}`, { shows: /No allocation errors found/ }),
  expect_good('mount', `famfs mount ${DEV} @`),
  check('/proc/mounts contains dev', s => expect(mounts(s).some(l => l.startsWith(`${DEV} `))).toBe(true)),
  check('/proc/mounts contains mpt', s => expect(mounts(s).some(l => l.includes(` ${MPT} fuse `))).toBe(true)),
  prints('.meta/.superblock exists', 'stat -c %F:%s @/.meta/.superblock', /^regular file:2097152$/),
  prints('.meta/.log exists', 'stat -c %F:%s @/.meta/.log', /^regular file:8388608$/),
  expect_good('empty logplay', 'famfs logplay @', { shows: /: 0 log entries; 0 new files; 0 new directories/ }),
  expect_good('fsck --human', 'famfs fsck --human @', { shows: /\d+\.\d\dG/ }),
  expect_fail('mkfs while mounted fails', `mkfs.famfs ${DEV}`, { rc: 2, shows: /is mounted on/ }),
  expect_fail('mkfs -f while mounted fails', `mkfs.famfs -f ${DEV}`, { rc: 2, shows: /is mounted on/ }),
  check('REST icache_stats', s => {
    const end = s.sh(`curl --unix-socket ${shadow_of(s)}/sock http://localhost/icache_stats`)
    expect(end.out.map(l => l.trim().split(':')[0])).toEqual([
      'icache_stats',
      'search_count',
      'nodes_scanned',
      'search_fail_ct',
    ])
  }),
  check('the daemon is killed', kill_daemon),
  expect_fail('the mount is dead', 'ls @', { shows: /Transport endpoint is not connected/ }),
  expect_fail_except(99, 'after kill mount fails', `famfs mount ${DEV} @`),
  expect_good('umount', 'umount @'),
  is_mounted(false),
  expect_good('kill superblock', `mkfs.famfs -f -k ${DEV}`),
  expect_fail_except(99, 'mount of a killed superblock fails', `famfs mount ${DEV} @`, { rc: 1 }),
  is_mounted(false),
  expect_good('mkfs', `mkfs.famfs ${DEV}`),
  expect_good('remount', `famfs mount ${DEV} @`),
  expect_good('umount', 'umount @'),
  expect_good('remount twice', `famfs mount ${DEV} @`),
  is_mounted(true),
  expect_fail('double mount fails', `famfs mount ${DEV} @`, { rc: 1, shows: /mounted on \/mnt\/famfs already/ }),
])
