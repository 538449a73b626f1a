// The smoke scripts that move much data, with as much as the real ones in each file (test/smoke/rows.ts).
import { GiB } from '../../src/sim/index.ts'
import { smoke } from '../smoke/expect.ts'
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
