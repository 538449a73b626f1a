import { describe, expect, it } from 'vitest'
import { bodyRange, fuse_get_fmap_in, fuse_setxattr_in_compat, OPCODES, opcodeTable } from '../../src/wire/index.ts'
import vectors from '../vectors/wire-opcodes.json' with { type: 'json' }

type Row = [number, number, number, boolean, [number, number | null] | string]
const rows = vectors.rows as unknown as Record<string, Row>

describe('opcode table (kernel.md 1.7)', () => {
  it.each(Object.entries(rows))('%s', (name, [number, structSize, names, data, body]) => {
    const op = OPCODES.byName(name)!
    expect(OPCODES.byNumber(number)).toBe(op)
    expect((OPCODES.op as any)[name]).toBe(op)
    expect(op.number).toBe(number)
    expect(op.struct?.size ?? 0).toBe(structSize)
    expect(op.names).toBe(names)
    expect(op.data).toBe(data)
    expect(op.reply).toBe(body !== 'no reply')
    if (Array.isArray(body)) expect(bodyRange(op)).toEqual({ least: body[0], most: body[1] ?? Infinity })
  })

  it('has exactly those rows, in order of number', () => {
    expect(OPCODES.all.map(op => op.name).sort()).toEqual(Object.keys(rows).sort())
    const numbers = OPCODES.all.map(op => op.number)
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
    expect(OPCODES.byNumber(7)).toBeUndefined()
    expect(OPCODES.byNumber(0)).toBeUndefined()
    expect(OPCODES.byName('NOTHING')).toBeUndefined()
    expect(OPCODES.byName('toString')).toBeUndefined()
  })

  it('a probe of an attribute has one exact reply', () => {
    for (const op of [OPCODES.op.GETXATTR, OPCODES.op.LISTXATTR]) {
      expect(bodyRange(op, 0)).toEqual({ least: 8, most: 8 })
      expect(bodyRange(op, 400)).toEqual({ least: 0, most: 400 })
    }
  })
})

describe('other versions', () => {
  it('RFC and V2 numbers displace what came later', () => {
    const old = opcodeTable({ GET_FMAP: 53, GET_DAXDEV: 54 })
    expect(old.byNumber(53)?.name).toBe('GET_FMAP')
    expect(old.byNumber(54)?.name).toBe('GET_DAXDEV')
    expect(old.byNumber(55)).toBeUndefined()
    expect(old.byName('COPY_FILE_RANGE_64')).toBeUndefined()
    expect(OPCODES.byNumber(53)?.name).toBe('COPY_FILE_RANGE_64')
  })

  it('a row can be reshaped: a body for GET_FMAP, a fixed reply, the short SETXATTR', () => {
    const rfc = opcodeTable({ GET_FMAP: { number: 53, out: { fixed: 4096 } }, GET_DAXDEV: 54 })
    expect(bodyRange(rfc.op.GET_FMAP)).toEqual({ least: 4096, most: 4096 })
    expect(opcodeTable({ GET_FMAP: { in: [fuse_get_fmap_in] } }).op.GET_FMAP.struct).toBe(fuse_get_fmap_in)
    const short = opcodeTable({ SETXATTR: { in: [fuse_setxattr_in_compat, 'name', 'data'] } }).op.SETXATTR
    expect([short.struct?.size, short.names, short.data, short.number]).toEqual([8, 1, true, 21])
  })

  it.each([
    ['an unknown name', () => opcodeTable({ GETFMAP: 53 }), /no request is called GETFMAP; known: LOOKUP /],
    [
      'one number twice',
      () => opcodeTable({ GET_FMAP: 54, GET_DAXDEV: 54 }),
      /GET_FMAP and GET_DAXDEV both ask for number 54/,
    ],
    [
      'parts out of order',
      () => opcodeTable({ WRITE: { in: ['data', 'name'] } }),
      /at most one struct, then names, then data/,
    ],
    ['two structs', () => opcodeTable({ OPEN: { in: [fuse_get_fmap_in, fuse_get_fmap_in] } }), /at most one struct/],
    ['nothing to count', () => opcodeTable({ WRITE: { in: [] } }), /WRITE: nothing for size to count/],
  ])('refuses %s', (_, make, why) => {
    expect(make).toThrow(why)
  })
})
