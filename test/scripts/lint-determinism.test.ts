// The determinism lint and its canaries: each banned thing must be found, and look-alikes must not.
import { describe, expect, it } from 'vitest'
import { lintCore, lintText } from '../../scripts/lint-determinism.ts'

const findings = (text: string, file = 'src/sim/x.ts') => lintText(file, text).map(f => f.what)

describe('determinism lint', () => {
  it('the core is clean', () => expect(lintCore()).toEqual([]))
  it.each([
    ['const t = Date.now()', 'Date'],
    ['const x = Math.pow(2, 3)', 'Math'],
    ['const x = Math.random()', 'Math'],
    ['setTimeout(() => {}, 1)', 'setTimeout'],
    ['async function f() {}', 'async'],
    ['const f = async () => 1', 'async'],
    ['new Promise(() => {})', 'Promise'],
    ['for (const k in o) f(k)', 'for..in'],
    ["import { readFileSync } from 'node:fs'", 'import node:fs'],
    ["import x from 'left-pad'", 'import left-pad'],
    ['const t = performance.now()', 'performance'],
    ['const p = process.env.X', 'process'],
    ['const s = (1).toLocaleString()', 'toLocaleString'],
    ['const u = import.meta.url', 'import.meta'],
  ])('finds %s', (text, what) => expect(findings(text)).toContain(what))
  it.each([
    '// Date and Math',
    "const s = 'Date.now()'",
    'o.Math = 1',
    "import { x } from './process.ts'",
    'const o = { Date: 1 }',
  ])('lets %s pass', text => expect(findings(text)).toEqual([]))
  it('knows its exceptions, and only for their files', () => {
    expect(findings('Math.floor(1)', 'src/sim/math.ts')).toEqual([])
    expect(findings('Math.floor(1)', 'src/sim/cell.ts')).toEqual(['Math'])
  })
})
