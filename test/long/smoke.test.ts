// The smoke scripts that move much data, with as much as the real ones in each file (test/smoke/rows.ts).
import { GiB } from '../../src/sim/index.ts'
import { DEV, expect_good, smoke } from '../smoke/expect.ts'
import { stripe_test, test2 } from '../smoke/rows.ts'

smoke('test2', test2(64))
smoke(
  'stripe_test',
  stripe_test(
    8,
    26,
    n => 254 + (n % 3),
    n => n < 2,
  ),
  GiB(8),
)
smoke('test_pcq', [
  expect_good('mkfs', `mkfs.famfs ${DEV}`),
  expect_good('mount', `famfs mount ${DEV} @`),
  expect_good('create', 'pcq --create --bsize 1M --nbuckets 4 @/q'),
  expect_good('timed 10 s', 'pcq -pc --time 1 @/q', {
    shows: /nreceived=[1-9]\d+ nerrors=0/,
    note: 'one virtual second, in large messages',
  }),
])
