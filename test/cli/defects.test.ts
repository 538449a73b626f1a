// famsim defects: the catalogue, and all of one.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { defects } from '../../src/cli/defects.ts'
import { CATALOGUE } from '../../src/profile/index.ts'
import { call } from './call.ts'

const root = join(import.meta.dirname, '../..')
const run = (number: string | undefined, o: object = {}) => call<string | undefined>(defects, number, o)

describe('famsim defects', () => {
  it('lists every defect: number, mark, where it is on, story; in 80 columns', () => {
    const { code, out } = run(undefined)
    expect(code).toBe(0)
    expect(out.filter(l => !l.startsWith(' ')).map(l => l.split(' ')[0])).toEqual(CATALOGUE.map(d => d.id))
    expect(out).toContain('B44   measured  kernel std to v10')
    expect(out.filter(l => l.length > 80)).toEqual([])
    for (const d of CATALOGUE) expect(out.map(l => l.trim()).join(' ')).toContain(d.story)
  })
  it('tells all of one, with the commands that show it on and off', () => {
    const { code, out } = run('B44')
    expect(code).toBe(0)
    expect(out.slice(0, 4)).toEqual([
      'B44: an extent or strip that names a device index other than 0 is refused with',
      '  EINVAL',
      '  known:       measured; only concluded for std, rfc, v2, v3',
      '  kernel:      std to v10; not in new',
    ])
    const file = 'scenarios/multihost/striped.ts'
    expect(out).toContain(`  with it:     famsim run ${file} --defect B44`)
    expect(out).toContain(`  without it:  famsim run ${file} --no-defect B44`)
    expect(run('B04w').out).toContain('  on:          nowhere, unless it is switched on')
    expect(run('B41').out).toContain('  no switch:   a false alarm: a bound device cannot be resized (EBUSY)')
    expect(run('Q5').out.join()).toContain('server:      famfs-48; not in fixed')
  })
  it.each(CATALOGUE.filter((_, i) => i % 9 === 0).map(d => [d.id]))(
    '%s: what shows it exists, and fits into 80 columns',
    id => {
      const [o] = run(id, { json: true }).out.map(l => JSON.parse(l))
      expect(o).toMatchObject({ id })
      for (const f of o.shown) expect(existsSync(join(root, f)), f).toBe(true)
      expect(run(id).out.filter(l => l.length > 80)).toEqual([])
    },
  )
  it('as JSON: the catalogue', () => {
    expect(JSON.parse(run(undefined, { json: true }).out[0]!)).toEqual(CATALOGUE)
  })
  it('bad input: one line', () => {
    expect(run('B999')).toEqual({ code: 2, out: [], err: ["unknown defect 'B999'; see: famsim defects"] })
  })
})
