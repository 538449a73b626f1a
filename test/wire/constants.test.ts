import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as w from '../../src/wire/index.ts'
import init from '../vectors/wire-init.json' with { type: 'json' }

describe('INIT flags (kernel.md 1.2, 1.7)', () => {
  it('the captured words have exactly the bits that were seen', () => {
    const { flags, flags2 } = init.arg
    const bits = Array.from({ length: 64 }, (_, i) => i).filter(bit => w.hasInitFlag({ flags, flags2 }, bit))
    expect(bits.filter(bit => bit >= 32)).toEqual(init.flags2Bits)
    expect(w.initFlagWords(bits)).toEqual({ flags, flags2 })
    const names = w.flagNames(w.INIT_FLAGS, flags, flags2)
    expect(names).toHaveLength(bits.length)
    expect(names).toContain('DAX_FMAP')
    expect(names).not.toContain('FILE_OPS')
    expect(names.filter(name => name.startsWith('bit'))).toEqual([])
  })

  it('DAX_FMAP moves with the version', () => {
    expect(w.initFlags(42).find(f => f.bit === 42)?.name).toBe('DAX_FMAP')
    expect(w.initFlags(42).some(f => f.name === 'REQUEST_TIMEOUT')).toBe(false)
    expect(w.initFlags().find(f => f.bit === 43)?.name).toBe('DAX_FMAP')
    expect(w.initFlags().find(f => f.bit === 42)?.name).toBe('REQUEST_TIMEOUT')
    expect(w.initFlags(null).find(f => f.bit === 43)?.name).toBe('HAS_IO_URING_BUFPOOL')
    expect(w.initFlags(null).some(f => f.name === 'DAX_FMAP')).toBe(false)
    expect(w.initFlagWords([w.FUSE_DAX_FMAP_BIT])).toEqual({ flags: 0, flags2: 0x800 })
    expect(w.initFlagWords([w.FUSE_DAX_FMAP_BIT_OLD])).toEqual({ flags: 0, flags2: 0x400 })
  })

  it('flags2 counts only under INIT_EXT', () => {
    expect(w.initFlagsInForce({ flags: 1, flags2: 0x800 })).toEqual({ flags: 1, flags2: 0 })
    expect(w.initFlagsInForce({ flags: 0x40000000, flags2: 0x800 })).toEqual({ flags: 0x40000000, flags2: 0x800 })
  })

  it('one number and two words say the same', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 52 })), bits => {
        const words = w.initFlagWords(bits)
        expect(w.splitInitFlags(w.joinInitFlags(words))).toEqual(words)
        expect(BigInt(w.joinInitFlags(words))).toBe(bits.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n))
      }),
    )
  })

  it('no table names a bit twice', () => {
    const tables = [w.initFlags(), w.initFlags(42), w.initFlags(null), w.FOPEN_FLAGS, w.FATTR_FLAGS, w.WRITE_FLAGS]
    for (const table of tables) expect(new Set(table.map(f => f.bit)).size).toBe(table.length)
  })
})

describe('other numbers', () => {
  it.each([
    ['FOPEN', w.FOPEN_FLAGS],
    ['FATTR', w.FATTR_FLAGS],
    ['RENAME', w.RENAME_FLAGS],
    ['FUSE_WRITE', w.WRITE_FLAGS],
    ['FUSE_RELEASE', w.RELEASE_FLAGS],
    ['FUSE_ATTR', w.ATTR_FLAGS],
    ['FUSE_FSYNC', w.FSYNC_FLAGS],
  ])('every %s mask is the bit of its table', (prefix, table) => {
    for (const { name, bit } of table) expect((w as any)[`${prefix}_${name}`], name).toBe(1 << bit)
  })

  it('are the ones of the spec', () => {
    expect(w.FATTR_KILL_SUIDGID).toBe(0x800)
    expect(w.FOPEN_PARALLEL_DIRECT_WRITES).toBe(0x40)
    expect(w.FAMFS_SUPER_MAGIC).toBe(0x87b282ff)
    expect(w.FAMFS_STATFS_MAGIC).toBe(0x87b282fd)
    expect(w.FUSE_SUPER_MAGIC).toBe(0x65735546)
    expect([w.FUSE_KERNEL_VERSION, w.FUSE_KERNEL_MINOR_VERSION, w.FUSE_ROOT_ID]).toEqual([7, 45, 1])
    // The swapped INIT detect value is 26 with its bytes turned round.
    expect(w.FUSE_INIT_BSWAP_RESERVED).toBe(26 * 2 ** 24)
  })

  it('names unknown bits by number', () => {
    expect(w.flagNames(w.FOPEN_FLAGS, 0x101)).toEqual(['DIRECT_IO', 'bit8'])
    expect(w.flagNames(w.FOPEN_FLAGS, 0)).toEqual([])
  })
})
