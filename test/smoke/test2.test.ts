// The smoke script test2: six seeded files, and a remount (userspace.md h.2). With their real size in test/long/smoke.test.ts.
import { smoke } from './expect.ts'
import { test2 } from './rows.ts'

smoke('test2', test2(2))
