// The smoke script stripe_test (userspace.md h.2): a device filled with striped files of the real sizes, of which only the first
// three have data, and these are small. With data in large ones in test/long/smoke.test.ts.
import { GiB } from '../../src/sim/index.ts'
import { smoke } from './expect.ts'
import { stripe_test } from './rows.ts'

const small = (n: number): boolean => n < 3

smoke(
  'stripe_test',
  stripe_test(8, 27, n => (small(n) ? 14 + n : 254 + (n % 3)), small),
  GiB(8),
)
