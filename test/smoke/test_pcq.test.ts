// The smoke script test_pcq: queues of several bucket sizes, filled, emptied and run by both sides at once (userspace.md h.2). The
// timed run is in test/long/smoke.test.ts.
import { DEV, expect_fail, expect_good, prints, type Row, smoke } from './expect.ts'

/** Queues: name, bucket size, buckets, messages of a run by both sides. */
const QUEUES = [
  ['q0', '1K', 1024, 1000],
  ['q1', '64', 1024, 1000],
  ['q2', '64K', 128, 100],
  ['q3', '512K', 16, 20],
  ['q4', '256K', 32, 40],
] as const

const STATUS = '/tmp/pcq.status'
const status = (name: string, count: number): Row => prints(name, `cat ${STATUS}`, new RegExp(`^${count}$`))

/** 128 in, 64 out, the rest drained. The larger ones have not as much room: half of it. */
const in_and_out = (q: string, buckets: number): Row[] => {
  const n = buckets > 128 ? 128 : buckets / 2
  const note = n === 128 ? {} : { note: `${n} messages: it has ${buckets} buckets` }
  return [
    expect_good('drain empty', `pcq --drain @/${q}`, { shows: /nreceived=0 nerrors=0/ }),
    expect_good('produce 128', `pcq -p -N ${n} --seed 42 --statusfile ${STATUS} @/${q}`, {
      shows: new RegExp(`nsent=${n}`),
      ...note,
    }),
    status('status file: sent', n),
    prints('info', `pcq --info @/${q}`, new RegExp(`^messages: +${n}$`, 'm')),
    expect_good('consume 64', `pcq -c -N ${n / 2} --seed 42 --statusfile ${STATUS} @/${q}`, {
      shows: new RegExp(`nreceived=${n / 2} nerrors=0`),
    }),
    status('status file: received', n / 2),
    expect_good('drain 64', `pcq --drain --seed 42 --statusfile ${STATUS} @/${q}`, {
      shows: new RegExp(`nreceived=${n / 2} nerrors=0`),
    }),
    status('status file: drained', n / 2),
  ]
}

smoke('test_pcq', [
  expect_good('mkfs', `mkfs.famfs ${DEV}`),
  expect_good('mount', `famfs mount ${DEV} @`),
  expect_good('help', 'pcq --help', { shows: /usage/ }),
  expect_fail('no arguments', 'pcq', { rc: 1 }),
  expect_fail('arg conflicts: create without sizes', 'pcq --create @/q', { rc: 1 }),
  expect_fail('arg conflicts: a bucket size that is no power of 2', 'pcq --create --bsize 100 --nbuckets 4 @/q', {
    rc: 1,
  }),
  expect_fail('arg conflicts: drain with -N', 'pcq --drain -N 3 @/q', { rc: 1 }),
  expect_fail('arg conflicts: producer without -N or --time', 'pcq -p @/q', { rc: 1 }),
  expect_fail('arg conflicts: -N and --time', 'pcq -p -N 3 --time 1 @/q', { rc: 1 }),
  expect_fail('a queue that is missing', 'pcq -pc -N 100 @/q', { rc: 1 }),
  ...QUEUES.map(([q, bsize, n]) =>
    expect_good('create', `pcq --create --bsize ${bsize} --nbuckets ${n} @/${q}`, { note: 'Q25: exits 0 in any case' }),
  ),
  ...QUEUES.map(([q, , n]) => prints('create: info', `pcq --info @/${q}`, new RegExp(`^buckets: +${n}$`, 'm'))),
  ...QUEUES.flatMap(([q, , n]) => in_and_out(q, n)),
  ...QUEUES.flatMap(([q, , , n]) => [
    expect_good('-pc 1000 seeded', `pcq -pc -N ${n} --seed 1 --statusfile ${STATUS} @/${q}`, {
      shows: new RegExp(`nreceived=${n} nerrors=0`),
      ...(n === 1000 ? {} : { note: `${n} messages` }),
    }),
    status('status file: sent and received', 2 * n),
  ]),
  expect_good('-pc 10000', `pcq -pc -N 10000 --statusfile ${STATUS} @/q1`, { shows: /nreceived=10000 nerrors=0/ }),
  status('status file: sent and received', 20000),
  ...QUEUES.map(([q]) => expect_good('drain empty', `pcq --drain @/${q}`, { shows: /nreceived=0 nerrors=0/ })),
  expect_good('fsck', 'famfs fsck @', { shows: /No allocation errors found/ }),
])
