// The three ways to expect: each must be able to fail (userspace.md h.2).
import { afterAll, expect, it } from 'vitest'
import { DEV, expect_fail, expect_fail_except, expect_good, prints, Script, USER } from './expect.ts'

const s = new Script(4 * 2 ** 30)
for (const line of [`mkfs.famfs ${DEV}`, `famfs mount ${DEV} @`]) expect_good('', line).run(s)
afterAll(() => s.w.close())
// Q7: it divides by 0 and dies of SIGFPE, exit 136.
const DIES = 'famfs creat -B 4 -C 2M -s 8M @/f'

it.each([
  [true, expect_good('', 'famfs -h')],
  [false, expect_good('', 'famfs bogus')],
  [false, expect_good('', DIES)],
  [false, expect_good('', 'famfs -h', { shows: /something else/ })],
  [true, expect_fail('', 'famfs bogus', { rc: 3, shows: /unknown command/ })],
  [false, expect_fail('', 'famfs bogus', { rc: 1 })],
  [false, expect_fail('', 'famfs -h')],
  [false, expect_fail('', DIES)],
  [true, expect_fail_except(99, '', 'famfs bogus')],
  [false, expect_fail_except(3, '', 'famfs bogus')],
  [false, expect_fail_except(99, '', 'famfs -h')],
  [false, expect_fail_except(99, '', DIES)],
  [true, prints('', 'echo a', /^a$/)],
  [false, prints('', 'echo a', /^b$/)],
])('%s, row %#', (holds, row) => {
  if (holds) row.run(s)
  else expect(() => row.run(s)).toThrow()
})
it('takes the directory and the user that a row names', () => {
  expect(s.sh('ls', { cwd: '@/.meta' }).out).toEqual([])
  expect(s.sh('ls -a', { cwd: '@/.meta' }).out).toContain('.log')
  expect(s.sh('famfs mount /dev/dax0.0 /mnt', { cred: USER }).err.join()).toMatch(/only root/)
})
