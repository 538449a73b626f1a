// Columns and the counting of reads between lines.
import { describe, expect, it } from 'vitest'
import { FUSE_SENT, SYSCALL } from '../../src/kernel/index.ts'
import { cut, LEGEND, Narrative, nameColumn, timeColumn, wrap } from '../../src/report/index.ts'
import { encodeRequest, OPCODES } from '../../src/wire/index.ts'
import { SAY } from '../../src/world/index.ts'

const event = (kind: object, subject: string, task: string, o: object = {}): any => {
  return { seq: 0, now: 1500, task: { label: task }, kind, fn: null, obj: null, subject, a: 1, b: 0, ref: null, ...o }
}

describe('columns', () => {
  it('time is microseconds with three decimals', () => expect(timeColumn(1234567)).toBe('    1234.567'))
  it('names are cut visibly', () => expect(nameColumn('a-very-long-task-name', 8)).toBe('a-very-~'))
  it('lines are cut visibly', () => expect(cut('0123456789', 8)).toBe('012345..'))
  it('text wraps between words', () => expect(wrap('aa bb cc', 5)).toEqual(['aa bb', 'cc']))
  it('the legend fits', () => expect(LEGEND.length).toBeLessThanOrEqual(80))
})

describe('narrative', () => {
  it('counts what reached the memory, task by task, before the task speaks again', () => {
    const out: string[] = []
    const n = new Narrative(l => out.push(l), OPCODES)
    for (let i = 0; i < 3; i++) n.sink(event(SYSCALL, 'pread64', 'reader'))
    n.sink(event(SYSCALL, 'pread64', 'other', { a: -5 }))
    n.sink(event(SYSCALL, 'openat', 'reader'))
    const bytes = encodeRequest(OPCODES.op.LOOKUP, { unique: 4, nodeid: 1 }, null, ['x'])
    n.sink(event(FUSE_SENT, 'FUSE_LOOKUP', 'reader', { ref: bytes }))
    n.sink(event(SAY, 'done', 'other'))
    n.end()
    expect(out.map(l => l.trim().replace(/\s+/g, ' '))).toEqual([
      '1.500 reader = 3 pread64',
      '1.500 reader > LOOKUP #4 node 1 "x"',
      '1.500 other = 1 pread64 failed',
      '# done',
    ])
  })
})
