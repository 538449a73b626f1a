// --with as a user meets it: the change is in force, said in the output and kept in the run file; bad input is one line.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { loadWith } from '../../src/cli/with.ts'
import '../../src/kernel/index.ts'
import { famsim as famsimIn, root } from './famsim.ts'

const dir = mkdtempSync(join(tmpdir(), 'famsim-with-'))
afterAll(() => rmSync(dir, { recursive: true }))
const R8 = join(root, 'test/explore/fixtures/poison-umount.ts')
const TESTS = join(root, 'docs/examples/null-tests.ts')

const famsim = (...args: string[]) => famsimIn(args, dir)
const file = (name: string, text: string): string => {
  writeFileSync(join(dir, name), text)
  return name
}

describe('a change that is not enough', () => {
  const how = ['--strategy', 'pct3', '--seed', '2']
  it('without it the kernel oopses', async () => {
    expect((await famsim('explore', R8, ...how, '--out', 'plain.run.json')).out).toContain(
      'oops: NULL pointer dereference',
    )
  })
  it('with it memory is used after it is freed; output, file, replay and shrink say what was replaced', async () => {
    const r = await famsim('explore', R8, ...how, '--runs', '3000', '--with', TESTS, '--out', 'r8.run.json')
    expect([r.code, r.err]).toEqual([1, ''])
    expect(r.out).toMatch(/^ {2}use after free: \w+ of (dd->|fc->)/m)
    expect(r.out).toMatch(/^ {2}with .*null-tests\.ts: famfs_dax_notify_failure, famfs_set_daxdev_err$/m)
    expect(r.out).toMatch(/^reproduce: famsim replay r8\.run\.json --with .*null-tests\.ts$/m)
    const run = JSON.parse(readFileSync(join(dir, 'r8.run.json'), 'utf8'))
    expect(run.with).toEqual({ file: 'docs/examples/null-tests.ts', hash: expect.stringMatching(/^[0-9a-f]{16}$/) })

    const again = await famsim('replay', 'r8.run.json', '--with', TESTS)
    expect(again.out).toContain('reproduced: every decision')
    expect(again.out).toMatch(/^with .*null-tests\.ts: famfs/m)
    const small = await famsim('shrink', 'r8.run.json', '--with', TESTS)
    expect([small.code, small.err]).toEqual([0, ''])
    const json = JSON.parse((await famsim('replay', 'r8.min.run.json', '--with', TESTS, '--json')).out)
    expect(json).toMatchObject({ reproduces: true, with: ['famfs_dax_notify_failure', 'famfs_set_daxdev_err'] })

    const without = await famsim('replay', 'r8.run.json')
    expect([without.code, without.out]).toEqual([2, ''])
    expect(without.err).toMatch(
      /^famsim: r8\.run\.json: made with functions replaced by docs\/examples\/null-tests\.ts; give them: famsim replay r8\.run\.json --with FILE\n$/,
    )
    const other = join(root, 'test/cli/fixtures/same-again.ts')
    expect((await famsim('replay', 'r8.run.json', '--with', other)).out).toContain('changed since the record')
  })
})

it('run and mutate take it; a body by name is enough, and it is in force', async () => {
  const deaf = join(root, 'test/cli/fixtures/deaf.ts')
  const r = await famsim('run', R8, '--with', deaf, '--json')
  expect(JSON.parse(r.out)).toMatchObject({ verdict: 'failed', with: ['famfs_dax_notify_failure'] })
  expect(JSON.parse(r.out).problems[0].text).toContain('the notice came')
  const m = await famsim('mutate', join(root, 'scenarios/races/install.ts'), '--runs', '1', '--with', deaf)
  expect(m.out).toMatch(/^with .*deaf\.ts: famfs_dax_notify_failure$/m)
})

describe('bad input', () => {
  it.each<[string, string, RegExp]>([
    [
      'no such name',
      'export default { famfs_dax_er: function* (dd) {} }',
      /^--with .*: no function of the model is called 'famfs_dax_er'; did you mean famfs_dax_err/,
    ],
    [
      'other parameters',
      'export default { famfs_dax_err: function* () {} }',
      /'famfs_dax_err' takes 0 parameters, the function 3 parameters$/,
    ],
    ['no generator', 'export default { famfs_dax_err: dd => 0 }', /'famfs_dax_err' is no generator function/],
    ['nothing exported', 'const x = 1', /^--with .*: expected 'export default' of replace/],
    ['does not load', "import './gone.ts'\nexport default {}", /--with: does not load/],
  ])('%s', async (name, text, want) => {
    const path = join(dir, file(`${name.replace(/ /g, '-')}.mts`, text))
    await expect(loadWith(path)).rejects.toThrow(want)
  })
  it('no such file', async () => {
    const r = await famsim('explore', R8, '--with', 'gone.ts')
    expect(r).toEqual({ code: 2, out: '', err: 'famsim: --with gone.ts: no such file\n' })
  })
  it('a replacement that throws is told with its file and line', async () => {
    const name = file(
      'throws.ts',
      "export default { famfs_fuse_iomap_begin: function* (a, b, c, d, e) { throw new Error('mine') } }",
    )
    const r = await famsim('run', R8, '--with', name, '--quiet')
    expect([r.code, r.out]).toEqual([2, ''])
    expect(r.err).toMatch(/^famsim: .*throws\.ts:1: the replacement throws: mine\n$/)
  })
})
