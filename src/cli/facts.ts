// famsim facts: what is known of real kernels and modelled, how it is known, and the test that pins it.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DEFAULT_KERNEL, FACTS, type Fact, kernelProfile, type Trust } from '../profile/index.ts'
import { wrap } from '../report/index.ts'
import { repository } from './load.ts'

/** The kernel that was measured. */
const MEASURED = DEFAULT_KERNEL

const MEANING: Readonly<Record<Trust, string>> = {
  O: 'measured',
  'O*': 'measured, device index test off',
  S: 'read in source',
  I: 'concluded',
}

/** Is there a test of this name in a file: `fact('rw.eof', ...`, or `fact(`okfmap.${id}`, ...` over rows that have the rest? */
const names = (text: string, id: string): boolean =>
  new RegExp(`\\bfact\\(\\s*'${id.replace(/[.^]/g, '\\$&')}'`).test(text) ||
  [...text.matchAll(/\bfact\(`([^`$]*)\$\{id\}`/g)].some(
    ([, start]) => id.startsWith(start!) && text.includes(`'${id.slice(start!.length)}'`),
  )

/** Where the test of each fact is, as a path in the repository; a fact without one is not there. */
export function testsOfFacts(): Map<string, string> {
  const folder = 'test/conformance'
  const out = new Map<string, string>()
  for (const f of readdirSync(join(repository, folder)).filter(f => /^facts.*\.test\.ts$/.test(f))) {
    const text = readFileSync(join(repository, folder, f), 'utf8')
    for (const { id } of FACTS) if (names(text, id)) out.set(id, `${folder}/${f}`)
  }
  return out
}

/** A fact with its test. On another kernel than the measured one what was measured is concluded. */
const rowOf = (f: Fact, kernel: string, tests: ReadonlyMap<string, string>) => {
  const test = f.test ?? tests.get(f.id) ?? null
  const trust: Trust = kernel === MEASURED || f.trust === 'S' ? f.trust : 'I'
  return { id: f.id, trust, story: f.story, test, ...(test === null ? { not: f.not ?? 'no test yet' } : {}) }
}

export function facts(o: { kernel: string; json?: boolean }): void {
  kernelProfile(o.kernel)
  const tests = testsOfFacts()
  const rows = FACTS.map(f => rowOf(f, o.kernel, tests))
  if (o.json) {
    console.log(JSON.stringify(rows))
    return
  }
  for (const r of rows) {
    console.log(`${r.trust.padEnd(2)} ${r.id.padEnd(28)} ${r.test ?? '-'}`)
    const not = 'not' in r ? ` (not tested by itself: ${r.not})` : ''
    for (const l of wrap(`${r.story}${not}`, 74)) console.log(`     ${l}`)
  }
  const count = (t: Trust): number => rows.filter(r => r.trust === t).length
  const kinds = (Object.keys(MEANING) as Trust[]).filter(t => count(t) > 0)
  const tested = rows.filter(r => r.test !== null).length
  const sums = kinds.map(t => `${count(t)} ${MEANING[t]} (${t})`).join('; ')
  for (const l of wrap(`kernel ${o.kernel}: ${rows.length} facts, ${tested} pinned by a test: ${sums}`, 78))
    console.log(l)
}
