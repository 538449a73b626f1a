// explore with workers, and interrupted: as a user meets them.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { bin, famsim as famsimIn, root } from './famsim.ts'

const dir = mkdtempSync(join(tmpdir(), 'famsim-workers-'))
afterAll(() => rmSync(dir, { recursive: true }))
const BUG = join(root, 'test/explore/fixtures/two-preemptions.ts')
const INSTALL = join(root, 'scenarios/races/install.ts')

const famsim = (args: string[]) => famsimIn(args, dir)
const explore = (...args: string[]) => famsim(['explore', ...args])

describe('--workers', () => {
  it('one and two come to the same answer: exhaustive', async () => {
    const search = (n: string) => explore(INSTALL, '--strategy', 'exhaustive', '--workers', n, '--json')
    const [one, two] = [await search('1'), await search('2')]
    expect([one.code, one.err]).toEqual([0, ''])
    expect(two).toEqual(one)
    expect(JSON.parse(one.out)).toMatchObject({ verdict: 'held', finished: true, unseen: 0 })
  })
  it('one and two come to the same answer: a sampler that finds something, and its file', async () => {
    const search = async (n: string) => {
      const r = await explore(BUG, '--workers', n, '--seed', '3', '--out', 'b.run.json', '--runs', '3000')
      return { ...r, file: readFileSync(join(dir, 'b.run.json'), 'utf8') }
    }
    const [one, two] = [await search('1'), await search('2')]
    expect([one.code, one.err]).toEqual([1, ''])
    expect(two).toEqual(one)
    expect((await famsim(['replay', 'b.run.json'])).out).toContain('reproduced')
  })
  it('a mistake of the scenario that shows in a worker is one line', async () => {
    writeFileSync(
      join(dir, 'throws.ts'),
      `import { isMainThread } from 'node:worker_threads'
import { scenario } from '${join(root, 'src/world/index.ts')}'
export default scenario('throws', ({ world }) => {
  if (!isMainThread) world.daxdev('d', { size: 3 })
})\n`,
    )
    const r = await explore('throws.ts', '--workers', '2')
    expect([r.code, r.out]).toEqual([2, ''])
    expect(r.err).toMatch(/^famsim: .*throws\.ts:4: daxdev d: size 3 is not [^\n]+\n$/)
  })
})

describe('--checkpoint and --resume', () => {
  it('a search that is stopped goes on', async () => {
    const first = await explore(INSTALL, '--strategy', 'exhaustive', '--runs', '300', '--checkpoint', 'c.json')
    expect(first.out).toMatch(/^go on: famsim explore \S+install\.ts --strategy exhaustive --seed 1 --resume c\.json$/m)
    expect([first.code, first.err]).toEqual([0, ''])
    expect(first.out).toContain('stopped early')
    const then = await explore(INSTALL, '--strategy', 'exhaustive', '--resume', 'c.json', '--json')
    expect(then.code).toBe(0)
    expect(JSON.parse(then.out)).toMatchObject({ verdict: 'held', finished: true })
    const whole = JSON.parse((await explore(INSTALL, '--strategy', 'exhaustive', '--json')).out)
    expect(JSON.parse(then.out).executions).toBeGreaterThanOrEqual(whole.executions)
    expect(whole.estimate.log10).toBeGreaterThan(10)
    expect(whole.collision).toBeCloseTo(whole.stats.states ** 2 / 2 ** 65, 20)
    expect(await explore(INSTALL, '--strategy', 'exhaustive', '--resume', 'c.json', '--seed', '9')).toMatchObject({
      code: 2,
      out: '',
      err: 'famsim: c.json: seed: the file has 1, this search 9; type the same options\n',
    })
  })
  it('Ctrl-C writes it', async () => {
    writeFileSync(
      join(dir, 'long.ts'),
      `import { installWorld, spawnInstall } from '${INSTALL}'
import { scenario } from '${join(root, 'src/world/index.ts')}'
export default scenario('long', ({ world }) => {
  const w = installWorld(world.m)
  world.addApp({ name: 'install', start: () => spawnInstall(world.m, w, 6) })
})\n`,
    )
    const p = spawn(
      process.execPath,
      [bin, 'explore', 'long.ts', '--strategy', 'exhaustive', '--checkpoint', 'l.json'],
      {
        cwd: dir,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    let out = ''
    p.stdout.on('data', d => {
      out += d
    })
    // It is there as soon as the search is under way.
    const look = setInterval(() => {
      if (!existsSync(join(dir, 'l.json'))) return
      clearInterval(look)
      p.kill('SIGINT')
    }, 100)
    const code = await new Promise(done => p.on('close', done))
    expect(code).toBe(0)
    expect(out).toContain('stopped early')
    expect(existsSync(join(dir, 'l.json'))).toBe(true)
  }, 60_000)
})

describe('bad input', () => {
  it.each<[string[], RegExp]>([
    [['--workers', '0'], /--workers '0': expected a whole number from 1$/m],
    [['--workers', '100000'], /--workers '100000': expected at most \d+ on this machine$/m],
    [['--workers', '2', '--strategy', 'exhaustive', '--runs', '5'], /--runs: an exhaustive search with --workers/],
    [['--workers', '2', '--strategy', 'exhaustive', '--resume', 'c'], /--resume: a search with --workers/],
    [['--checkpoint', 'c'], /--checkpoint: needs --strategy exhaustive$/m],
    [['--strategy', 'exhaustive', '--resume', 'none.json'], /none\.json: ENOENT/],
    [['--strategy', 'exhaustive', '--runs', '3', '--checkpoint', '/nowhere/c'], /--checkpoint \/nowhere\/c: ENOENT/],
  ])('%j is refused with one line', async (args, text) => {
    const r = await explore(INSTALL, ...args)
    expect([r.code, r.out]).toEqual([2, ''])
    expect(r.err).toMatch(text)
    expect(r.err.split('\n').length).toBe(2)
  })
})
