// The table of facts: every measured fact is in it, and has a test that is named by it, or a reason.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { facts, testsOfFacts } from '../../src/cli/facts.ts'
import { FACTS } from '../../src/profile/index.ts'
import { call } from '../cli/call.ts'
import vectors from '../vectors/oracle-facts.json' with { type: 'json' }

const root = join(import.meta.dirname, '../..')
const folder = join(root, 'test/conformance')
const texts = readdirSync(folder)
  .filter(f => /^facts.*\.test\.ts$/.test(f))
  .map(f => readFileSync(join(folder, f), 'utf8'))
const tested = testsOfFacts()
/** What no test has yet, with the reason, beside the tests. */
const later = texts.flatMap(t => [
  ...(/const LATER[^{]*\{([^}]*)\}/.exec(t)?.[1] ?? '').matchAll(/^ {2}'?([\w.^]+)'?:/gm),
])
const waiting = new Set(later.map(m => m[1]!))

describe('the table of facts', () => {
  const mine = FACTS.filter(f => f.test === undefined)
  it('has every measured fact once, and no other', () => {
    expect(mine.map(f => f.id).sort()).toEqual([...vectors.ids].sort())
  })
  it.each(mine.filter(f => !waiting.has(f.id)).map(f => [f.id, f] as const))(
    '%s: one test is named by it, or a reason is given',
    (id, f) => {
      expect(tested.has(id)).toBe(f.not === undefined)
    },
  )
  it('names tests that exist, in the table and among the reasons', () => {
    for (const f of FACTS) {
      if (f.test !== undefined) expect(existsSync(join(root, f.test)), f.test).toBe(true)
      for (const [path] of (f.not ?? '').matchAll(/test\/[\w/.-]+/g))
        expect(existsSync(join(root, path)), path).toBe(true)
    }
  })
})

describe('famsim facts', () => {
  const run = (o: object = {}) => call<{ kernel: string }>((x, more) => facts({ ...x, ...more }), { kernel: 'v10' }, o)
  it('lists them with mark and test, in 80 columns, and sums up', () => {
    const { code, out } = run()
    expect(code).toBe(0)
    expect(out.filter(l => l.length > 80)).toEqual([])
    expect(out[0]).toBe('O  init.in                      test/conformance/facts.test.ts')
    expect(out.join('\n')).toContain('O* trace.ops-sequences')
    expect(out.at(-2)! + out.at(-1)!).toContain(`kernel v10: ${FACTS.length} facts`)
  })
  it('as JSON; on another kernel nothing was measured', () => {
    const rows = JSON.parse(run({ kernel: 'rfc', json: true }).out[0]!)
    expect(rows).toHaveLength(FACTS.length)
    expect(new Set(rows.map((r: { trust: string }) => r.trust))).toEqual(new Set(['I', 'S']))
  })
})
