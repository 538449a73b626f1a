// Sequences on the device table measured on a real kernel, replayed on the model: results and messages must be the same.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type DevtableCase, type DevtableOp, replayDevtableCase } from './devtable-case.ts'

const { cases } = JSON.parse(readFileSync(new URL('../vectors/oracle-devtable.json', import.meta.url), 'utf8')) as {
  cases: DevtableCase[]
}

describe('sequences on the device table, measured on a real kernel', () => {
  it.each(cases.map(c => [c.seq, c.daxdev0, c.daxdev1, c] as const))('%i: dax0.0 %s, dax1.0 %s', (_n, _a, _b, c) => {
    expect(replayDevtableCase(c)).toEqual([])
  })

  it('cover every operation and every way a device can be wrong', () => {
    expect(cases).toHaveLength(60)
    const ops = cases.flatMap(c => c.ops)
    const has = (test: (o: DevtableOp) => boolean): number => ops.filter(test).length
    for (const op of ['open', 'close', 'pread', 'mmap_only', 'mmap_load_munmap', 'evict_closed_inodes'])
      expect(has(o => o.op === op)).toBeGreaterThan(20)
    for (const op of ['poison_unused_page', 'unbind_fsdev', 'bind_fsdev', 'close_all_umount_mount'])
      expect(has(o => o.op === op)).toBeGreaterThan(0)
    for (const err of ['EIO', 'EHWPOISON', '0']) expect(has(o => o.op === 'pread' && o.err === err)).toBeGreaterThan(10)
    expect(has(o => o.signal === 'SIGBUS')).toBeGreaterThan(5)
  })

  it('notice one result or one message that differs', () => {
    const changed = (change: (o: DevtableOp) => DevtableOp): string[] => {
      const c = cases.find(x => x.ops.some(o => o.op === 'pread' && o.err === 'EHWPOISON'))!
      return replayDevtableCase({ ...c, ops: c.ops.map(change) })
    }
    expect(changed(o => (o.err === 'EHWPOISON' ? { ...o, err: 'EIO' } : o))).not.toEqual([])
    expect(changed(o => (o.op === 'open' ? { ...o, msgs: [...o.msgs, 'GET_FMAP:100'] } : o))).not.toEqual([])
  })
})
