// What a real kernel was recorded to do, replayed on the model: results and messages must be the same. 60 cases of each of the
// three formats; all of them with `famsim conform`.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseTrace, replayCase, Tally } from '../../src/conform/index.ts'
import type { DefectSwitches } from '../../src/profile/index.ts'

const textOf = (name: string): string =>
  readFileSync(new URL(`../vectors/oracle-${name}.jsonl`, import.meta.url), 'utf8')

function replayed(text: string): Tally {
  const t = new Tally()
  for (const c of parseTrace(text).cases) replayCase(c, {}, t)
  return t
}

/** Is there a case that comes out otherwise on such a kernel? */
const differs = (text: string, switches: DefectSwitches): boolean =>
  parseTrace(text).cases.some(c => {
    const t = new Tally()
    replayCase(c, { switches }, t)
    return t.differences.length > 0
  })

/** The sequence or map that has a line of which `pick` changes something, changed there. */
function changed(text: string, pick: (o: Record<string, any>) => Record<string, any> | null): string {
  const lines = text.trimEnd().split('\n')
  const at = lines.findIndex(l => pick(JSON.parse(l)) !== null)
  expect(at).toBeGreaterThan(0)
  const begins = (l: string): boolean => l.includes('"setup":') || l.includes('"case":')
  const first = lines.findLastIndex((l, i) => i <= at && begins(l))
  const after = lines.findIndex((l, i) => i > at && begins(l))
  const mine = lines.slice(first, after < 0 ? undefined : after)
  mine[at - first] = JSON.stringify(pick(JSON.parse(lines[at]!)))
  return mine.join('\n')
}

describe.each([
  ['fmap', 700],
  ['ops', 1800],
  ['devtable', 1000],
])('%s', (name, results) => {
  const text = textOf(name)
  it('has 60 cases, and every result is as measured', () => {
    expect(parseTrace(text).cases).toHaveLength(60)
    const t = replayed(text)
    expect(t.differences).toEqual([])
    expect(t.results).toBeGreaterThan(results)
  })
})

describe('a kernel without a defect that the measured one has', () => {
  it.each([
    ['fmap', 'B44', 'lets device 1 in'],
    ['fmap', 'B45', 'asks for no index that its table lacks'],
    ['fmap', 'B47', 'insists that groups cover the file'],
    ['fmap', 'L09', 'clips an interleaved mapping to its group'],
    ['ops', 'L06', 'appends'],
    ['devtable', 'B43', 'asks again for a device that failed'],
  ])('%s: %s off: it %s', (name, defect) => {
    expect(differs(textOf(name), { noDefect: [defect] })).toBe(true)
  })
})

describe('one changed result', () => {
  const other = (s: string): string => (s === 'EIO' ? 'EPERM' : 'EIO')
  it.each<[string, string, (o: Record<string, any>) => Record<string, any> | null]>([
    ['fmap', 'errno of open', o => (o.case === undefined ? null : { ...o, open: other(o.open) })],
    ['fmap', 'size', o => (o.size > 0 ? { ...o, size: o.size + 1 } : null)],
    [
      'fmap',
      'bytes of a read',
      o => (o.reads?.[0]?.[4] ? { ...o, reads: [[...o.reads[0].slice(0, 4), [[0, 0, 8]]]] } : null),
    ],
    [
      'fmap',
      'a fault',
      o => (o.faults?.[0]?.[1] === 'ok' ? { ...o, faults: [[o.faults[0][0], 'SIGBUS', 2, -1]] } : null),
    ],
    ['fmap', 'a message', o => (o.case === undefined ? null : { ...o, msgs: o.msgs.slice(1) })],
    ['ops', 'errno', o => (o.op === 'open' ? { ...o, err: other(o.err) } : null)],
    ['ops', 'length', o => (o.op === 'pwrite' && o.ret > 0 ? { ...o, ret: o.ret - 1 } : null)],
    ['ops', 'digest of a read', o => (o.op === 'pread' && o.ret > 0 ? { ...o, fnv: '0123456789abcdef' } : null)],
    ['ops', 'position', o => (o.pos > 0 ? { ...o, pos: o.pos + 1 } : null)],
    ['ops', 'size of a file', o => (o.op === 'fstat' && o.ret === 0 ? { ...o, size: o.size + 1 } : null)],
    ['ops', 'byte that was loaded', o => (o.op === 'load' && o.val !== undefined ? { ...o, val: o.val ^ 1 } : null)],
    ['ops', 'signal', o => (o.signal === 'SIGBUS' ? { ...o, signal: 'SIGSEGV' } : null)],
    ['ops', 'a message', o => (o.op === 'fsync' && o.ret === 0 ? { ...o, msgs: [] } : null)],
    ['ops', 'digest of device 0', o => (o.end ? { ...o, fnv_dev0_first_32M: '0123456789abcdef' } : null)],
    ['ops', 'digest of device 1', o => (o.end ? { ...o, fnv_dev1_first_32M: '0123456789abcdef' } : null)],
    ['ops', 'what was written', o => (o.op === 'pwrite' && o.ret > 0 ? { ...o, fill: '(7+i%251)&255' } : null)],
    ['devtable', 'errno', o => (o.err === 'EHWPOISON' ? { ...o, err: 'EIO' } : null)],
    ['devtable', 'where bytes lie', o => (o.op === 'pread' && o.ret > 0 ? { ...o, devoff: o.devoff + 8 } : null)],
    ['devtable', 'signal', o => (o.si_code === 2 ? { ...o, si_code: 4 } : null)],
    ['devtable', 'umount', o => (o.umount === 0 ? { ...o, umount: -16 } : null)],
    ['devtable', 'a message', o => (o.op === 'open' ? { ...o, msgs: [...o.msgs, 'GET_FMAP:100'] } : null)],
    ['devtable', 'a forget', o => (o.msgs?.[0]?.startsWith('FORGET') ? { ...o, msgs: o.msgs.slice(1) } : null)],
  ])('%s: %s: is noticed', (name, _what, pick) => {
    expect(replayed(changed(textOf(name), pick)).differences).not.toEqual([])
  })
})

describe('the sample', () => {
  const lines = (name: string): Record<string, any>[] =>
    textOf(name)
      .trimEnd()
      .split('\n')
      .map(l => JSON.parse(l))
  const count = (name: string, test: (o: Record<string, any>) => boolean): number => lines(name).filter(test).length
  it('of maps has every kind of damage, opened and refused', () => {
    expect(new Set(lines('fmap').map(c => c.mutation)).size).toBeGreaterThanOrEqual(22)
    expect(new Set(lines('fmap').map(c => c.open)).size).toBeGreaterThanOrEqual(4)
  })
  it('of file operations has every one of them, and a server that dies', () => {
    const ops = new Set(lines('ops').map(o => o.op))
    for (const op of 'open close pread pwrite read write lseek stat fstat fsync ftruncate truncate fallocate'.split(
      ' ',
    ))
      expect(ops).toContain(op)
    for (const op of 'mmap munmap load store madvise_dontneed msync_sync kill_server'.split(' '))
      expect(ops).toContain(op)
    for (const err of ['EBADF', 'EACCES', 'EINVAL', 'EIO', 'ENXIO', 'ENOSYS', 'ENOTCONN', 'EOPNOTSUPP'])
      expect(count('ops', o => o.err === err)).toBeGreaterThan(0)
    expect(count('ops', o => o.end === true)).toBeGreaterThan(20)
  })
  it('of the device table has every operation and every way a device can be wrong', () => {
    for (const op of ['open', 'close', 'pread', 'mmap_only', 'mmap_load_munmap', 'evict_closed_inodes'])
      expect(count('devtable', o => o.op === op)).toBeGreaterThan(20)
    for (const op of ['poison_unused_page', 'unbind_fsdev', 'bind_fsdev', 'close_all_umount_mount'])
      expect(count('devtable', o => o.op === op)).toBeGreaterThan(0)
    for (const err of ['EIO', 'EHWPOISON', '0'])
      expect(count('devtable', o => o.op === 'pread' && o.err === err)).toBeGreaterThan(10)
    expect(count('devtable', o => o.signal === 'SIGBUS')).toBeGreaterThan(5)
  })
})
