import { describe, expect, it } from 'vitest'
import type { AnyStruct } from '../../src/wire/index.ts'
import * as structs from '../../src/wire/structs.ts'
import vectors from '../vectors/wire-structs.json' with { type: 'json' }

type Table = Record<string, { size: number; fields: Record<string, number[]> }>
const table: Table = { ...(vectors.structs as unknown as Table), ...(vectors.header.structs as unknown as Table) }

describe('struct layouts (kernel.md 1.1, 1.7)', () => {
  it.each(Object.entries(table))('%s', (name, expected) => {
    const def = (structs as Record<string, AnyStruct>)[name]!
    expect(def.name).toBe(name)
    expect(def.size).toBe(expected.size)
    const fields = Object.fromEntries(def.fields.map(f => [f.name, [f.offset, f.size]]))
    expect(fields).toMatchObject(expected.fields)
  })

  it('leaves no struct out of the table', () => {
    expect(Object.keys(structs).sort()).toEqual(Object.keys(table).sort())
  })

  it('has no hole: what a struct does not name is listed as reserved', () => {
    for (const def of Object.values(structs as Record<string, AnyStruct>)) {
      let end = 0
      for (const field of def.fields) {
        expect(field.offset, `${def.name}.${field.name}`).toBe(end)
        end += field.size
      }
      expect(end, def.name).toBe(def.size)
    }
  })
})
