// Rows of those smoke scripts that move much data, by how much: little in test/smoke, as much as the scripts in test/long.
import { DEV, expect_fail, expect_good, is_mounted, prints, type Row } from './expect.ts'

const note = (real: string, here: string) => (real === here ? {} : { note: `${here} instead of ${real}` })

/** test2: six seeded files of `mib` MiB. */
export function test2(mib: number): Row[] {
  const seeds = [1, 2, 3, 4, 5, 6]
  const verified = (name: string) => seeds.map(i => expect_good(name, `famfs verify -S ${i} -f @/test${i}`))
  return [
    expect_good('mkfs', `mkfs.famfs ${DEV}`),
    expect_good('mount', `famfs mount ${DEV} @`),
    is_mounted(true),
    ...seeds.map(i =>
      expect_good('seeded files', `famfs creat -r -S ${i} -s ${mib}M @/test${i}`, note('64 MiB', `${mib} MiB`)),
    ),
    ...verified('verified'),
    expect_good('umount', 'umount @'),
    expect_good('fsck', `famfs fsck ${DEV}`, { shows: /No allocation errors found/ }),
    expect_good('remount', `famfs mount ${DEV} @`),
    ...verified('survive remount'),
    expect_good('logplay', 'famfs logplay @', { shows: /: 6 log entries; 0 new files/ }),
    expect_fail('getmap', 'famfs getmap @/test1', { rc: 1, note: 'succeeds under standalone famfs only' }),
    expect_fail('getmap of what is missing', 'famfs getmap @/none', { rc: 9 }),
  ]
}

/**
 * stripe_test: the device filled with striped files. `size(n)`: of file n, MiB; its data is written when `seeded(n)`.
 * @param capacity of the device, GiB
 */
export function stripe_test(
  capacity: number,
  nfiles: number,
  size: (n: number) => number,
  seeded: (n: number) => boolean,
): Row[] {
  const how = `-B ${capacity} -N ${capacity - 1} -C 2M`
  const files = Array.from({ length: nfiles }, (_, n) => n)
  const data = files.filter(seeded)
  const verified = (name: string) => data.map(n => expect_good(name, `famfs verify -S ${n + 1} -f @/stripe${n}`))
  const copies = data.slice(0, 2)
  return [
    expect_good('mkfs', `mkfs.famfs ${DEV}`),
    expect_good('mount', `famfs mount ${DEV} @`),
    expect_fail('100 buckets fail', 'famfs creat -v -B 100 -C 2m -N 3 -s 2m @/toomanybuckets', { rc: 1 }),
    expect_fail('bad chunk fails', 'famfs creat -v -B 10 -C 2000000 -N 3 -s 2m @/badchunksz', { rc: 1 }),
    ...files.map(n =>
      expect_good(
        'fill device',
        `famfs creat ${seeded(n) ? `-r -S ${n + 1} ` : ''}${how} -s ${size(n)}M @/stripe${n}`,
        seeded(n) ? note('254-256 MiB', size(n) >= 254 ? '254-256 MiB' : `${size(n)} MiB`) : { note: 'without data' },
      ),
    ),
    ...verified('verify'),
    expect_good('fsck', 'famfs fsck @', { shows: /No allocation errors found/ }),
    expect_good('umount', 'umount @'),
    expect_good('remount', `famfs mount ${DEV} @`),
    ...verified('verify after remount'),
    ...copies.flatMap((n, i) => [
      expect_good('striped cp with threads', `famfs cp -t ${[3, 7][i]} ${how} @/stripe${n} @/copy${n}`),
      expect_good('verify', `famfs verify -S ${n + 1} -f @/copy${n}`),
    ]),
    expect_good('fsck -B', `famfs fsck -B ${capacity} @`, { note: 'Q24: its figures are wrong' }),
    expect_good('fsck -v -B', `famfs fsck -v -B ${capacity * 2} @`),
    expect_good('fsck -h -B', `famfs fsck -h -B ${capacity} @`),
    expect_good('fsck -B 0', 'famfs fsck -B 0 @'),
    prints(
      'logplay: all are there',
      'famfs logplay @',
      new RegExp(`: ${nfiles + copies.length} log entries; 0 new files`),
    ),
  ]
}
