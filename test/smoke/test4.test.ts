// The smoke script test4: a large file under a program that chases pointers through it, log play from the device, what a remount
// brings back, and mount's arguments (userspace.md h.2).
import { expect } from 'vitest'
import { MAP_SHARED, O_RDWR, PROT_READ, PROT_WRITE } from '../../src/kernel/index.ts'
import { GiB } from '../../src/sim/index.ts'
import {
  check,
  DEV,
  expect_fail,
  expect_good,
  is_mounted,
  MPT,
  prints,
  type Script,
  shadow_of,
  smoke,
} from './expect.ts'

const HOPS = 1500
const SIZE = GiB(3)

/** A cycle of pointers through the whole file, written, then followed: what multichase does. */
const chase = ({ w, h }: Script): void => {
  // 3 GiB in steps of a prime number of lines: every hop is in another page.
  const at = (n: number): number => (n * 100_003 * 64) % SIZE
  const end = w.setup(h, 'multichase', function* (sys) {
    const fd = yield* sys.open(`${MPT}/chase`, O_RDWR)
    const addr = yield* sys.mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
    const slot = new Uint8Array(8)
    const view = new DataView(slot.buffer)
    for (let n = 0; n < HOPS; n++) {
      view.setBigUint64(0, BigInt(at((n + 1) % HOPS)), true)
      yield* sys.store(addr + at(n), slot)
    }
    let where = 0
    let hops = 0
    do {
      yield* sys.load(addr + where, slot)
      where = Number(view.getBigUint64(0, true))
      hops++
    } while (where !== 0 && hops < 2 * HOPS)
    yield* sys.munmap(addr, SIZE)
    yield* sys.close(fd)
    return hops
  })
  expect(end).toBe(HOPS)
}

smoke('test4', [
  expect_good('mkfs', `mkfs.famfs ${DEV}`),
  expect_good('mount', `famfs mount ${DEV} @`),
  expect_good('3 GiB file', 'famfs creat -s 3g @/chase'),
  prints('3 GiB file', 'stat -c %s @/chase', /^3221225472$/),
  check('multichase on it (a small one, by loads and stores)', chase),
  expect_good('another file', 'famfs creat -r -S 7 -s 4M @/test1'),
  expect_fail('bad command', 'famfs bogus', { rc: 3 }),
  expect_fail('no command', 'famfs', { rc: 1 }),
  expect_fail('fsck by device while mounted', `famfs fsck ${DEV}`, { rc: 16 }),
  expect_good('shadow directories', 'mkdir -p /tmp/shadow/root /tmp/other/root'),
  expect_fail('duplicate --shadow', 'famfs logplay --shadow /tmp/shadow --shadow /tmp/other @', { rc: 22 }),
  expect_fail('dax shadow logplay while mounted', `famfs logplay --shadow /tmp/shadow --daxdev ${DEV}`),
  expect_fail('double mount', `famfs mount ${DEV} @`, { rc: 1 }),
  expect_fail('double mount elsewhere', `famfs mount ${DEV} /tmp/other`, { rc: 1 }),
  expect_good('verify', 'famfs verify -S 7 -f @/test1'),
  expect_fail('rm', 'rm @/test1', { rc: 1, note: 'not implemented over FUSE; v1 removes it until the next log play' }),
  check('its shadow file is removed', s => expect(s.sh(`rm ${shadow_of(s)}/root/test1`).rc).toBe(0)),
  expect_good('umount', 'umount @'),
  expect_good('dax shadow logplay', `famfs logplay --shadow /tmp/shadow --daxdev ${DEV}`, { shows: /2 new files/ }),
  expect_good('fsck', `famfs fsck ${DEV}`, { shows: /No allocation errors found/ }),
  expect_good('remount', `famfs mount ${DEV} @`),
  expect_good('rm then remount restores', 'famfs verify -S 7 -f @/test1'),
  expect_good('umount', 'umount @'),
  expect_good('mount -h', 'famfs mount -h', { shows: /usage/ }),
  expect_fail('mount arg errors', 'famfs mount', { rc: 1 }),
  expect_fail('mount arg errors', `famfs mount ${DEV}`, { rc: 1 }),
  expect_fail('mount arg errors', `famfs mount ${DEV} @ extra`, { rc: 1 }),
  expect_fail('mount arg errors', 'famfs mount /dev/bogus @', { rc: 1 }),
  expect_fail('mount arg errors', `famfs mount ${DEV} /mnt/bogus`, { rc: 1 }),
  expect_fail('mount arg errors', `famfs mount -rm ${DEV} @`, { rc: 1 }),
  expect_fail('mount arg errors', `famfs mount -c bogus ${DEV} @`, { rc: 1 }),
  expect_fail('mount arg errors', `famfs mount -t 5 -c never ${DEV} @`, { rc: 1 }),
  is_mounted(false),
  expect_good('-r mount', `famfs mount -vr ${DEV} @`),
  is_mounted(true),
  expect_good('verify', 'famfs verify -S 7 -f @/test1'),
])
