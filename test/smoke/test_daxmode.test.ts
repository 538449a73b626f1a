// The smoke script test_daxmode: on kernels whose devices have a famfs mode, --set-daxmode brings a device into it, and without it
// nothing goes (userspace.md h.2, i.4). Every kernel here but the levels devdax-* is one.
import { expect } from 'vitest'
import { check, DEV, expect_fail, expect_good, is_mounted, type Row, smoke } from './expect.ts'

const driver = (name: string): Row =>
  check(`driver is ${name}`, ({ w, h }) =>
    expect(
      w.setup(h, 'readlink', function* (sys) {
        return yield* sys.sysfs_read('/sys/bus/dax/devices/dax0.0/driver')
      }),
    ).toBe(name),
  )
/** Back to the mode in which a program maps the device. */
const devdax: readonly Row[] = [
  expect_good('into devdax mode', 'daxctl reconfigure-device -m devdax dax0.0'),
  driver('device_dax'),
]
const EPERM = { rc: 1, shows: /--set-daxmode/ }

smoke('test_daxmode', [
  ...devdax,
  expect_fail('without it mkfs fails', `mkfs.famfs -f ${DEV}`, { rc: 2, shows: /--set-daxmode/ }),
  driver('device_dax'),
  expect_good('mkfs --set-daxmode switches driver', `mkfs.famfs -f --set-daxmode ${DEV}`),
  driver('fsdev_dax'),
  ...devdax,
  expect_fail('without it mount fails', `famfs mount ${DEV} @`, EPERM),
  is_mounted(false),
  expect_good('mount --set-daxmode switches driver', `famfs mount --set-daxmode ${DEV} @`),
  driver('fsdev_dax'),
  is_mounted(true),
  expect_good('a file', 'famfs creat -r -S 1 -s 2M @/test1'),
  expect_good('umount', 'umount @'),
  ...devdax,
  expect_fail('without it fsck fails', `famfs fsck ${DEV}`, EPERM),
  driver('device_dax'),
  expect_good('fsck --set-daxmode switches driver', `famfs fsck --set-daxmode ${DEV}`, {
    shows: /No allocation errors found/,
  }),
  driver('fsdev_dax'),
  ...devdax,
  expect_good('a shadow directory', 'mkdir -p /tmp/shadow/root'),
  expect_fail('without it logplay fails', `famfs logplay --shadow /tmp/shadow --daxdev ${DEV}`, EPERM),
  expect_good(
    'logplay --set-daxmode switches driver',
    `famfs logplay --set-daxmode --shadow /tmp/shadow --daxdev ${DEV}`,
    { shows: /1 new files/ },
  ),
  driver('fsdev_dax'),
  expect_good('a shadow directory', 'mkdir -p /tmp/client/root'),
  expect_good('shadow logplay --client', `famfs logplay --client --shadow /tmp/client --daxdev ${DEV}`, {
    shows: /1 new files/,
  }),
  expect_good('in famfs mode already: mkfs', `mkfs.famfs -f ${DEV}`),
  expect_good('in famfs mode already: mount --set-daxmode', `famfs mount -M ${DEV} @`),
  expect_fail('an unknown device', 'famfs mount --set-daxmode /dev/null @'),
])
