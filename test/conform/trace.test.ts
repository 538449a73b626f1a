// Reading traces: what is wrong is told with the line.
import { describe, expect, it } from 'vitest'
import { describedFile, parseTrace, replayCase, simpleMap, Tally } from '../../src/conform/index.ts'
import { MiB } from '../../src/sim/index.ts'
import { encodeFmap } from '../../src/wire/index.ts'

const J = (...lines: object[]): string => lines.map(l => JSON.stringify(l)).join('\n')
const files = { a: [100, 4194304, 'simple (0,0,4M)'] }
const ops = { seq: 0, setup: { setattr: 'accept', attr_valid: 3600, atomic_o_trunc: true, flush: '0', files } }
const devtable = { seq: 0, setup: { daxdev0: 'ok', daxdev1: 'EIO', files: 's0:(0,0,4M)' } }
const fmap = {
  case: 0,
  index0_check: 1,
  mutation: 'none',
  fmap_len: 0,
  fmap_err: '0',
  daxdev0_err: '0',
  fmap: '',
  open: 'EINVAL',
  msgs: [],
}
const op = (o: object): string => J(ops, { seq: 0, i: 0, msgs: [], ...o })

describe('a trace', () => {
  it('is told by its first line, whatever file it is in', () => {
    expect(parseTrace(J(fmap)).format).toBe('fmap-cases')
    expect(parseTrace(J(ops)).format).toBe('ops-sequences')
    expect(parseTrace(J(devtable)).format).toBe('devtable-sequences')
    expect(parseTrace(`${J({ source: 'somewhere' }, fmap)}\r\n\n`).cases).toHaveLength(1)
  })
  it.each<[string, string]>([
    ['', 'nothing in it: expected a recorded trace, one JSON object a line'],
    ['{"case":', 'line 1: not JSON: {"case":'],
    ['[1]', 'line 1: expected a JSON object'],
    ['{"colour":"red"}', "line 1: expected a line with 'case', 'setup' or 'op' of a recorded trace"],
    [J({ ...fmap, fmap: 'xyz' }), 'line 1: fmap "xyz": expected e.g. "0000010000000000"'],
    [J({ ...fmap, fmap: '00' }), 'line 1: fmap_len 0: expected at least the length of fmap'],
    [J({ ...fmap, open: 'EWHAT' }), "line 1: open \"EWHAT\": expected an errno's name, or '0'"],
    [J({ ...fmap, open: '0' }), "line 1: no 'size' of a file that was opened"],
    [
      J({ ...fmap, reads: [[0, -1, 0, '0']] }),
      'line 1: reads[0] [0,-1,0,"0"]: expected a read such as [0,8,8,"0",[[0,0,4096]]]',
    ],
    [
      J({ ...fmap, faults: [7] }),
      'line 1: faults[0] 7: expected a fault such as [0,"ok",0,4096], [0,"SIGBUS",2] or "skipped"',
    ],
    [J(fmap, ops), 'line 2: a line of ops-sequences in a trace of fmap-cases'],
    [
      J(ops, { seq: 1, i: 0, op: 'close', fd: 0, ret: 0, err: '0', msgs: [] }),
      'line 2: seq 1: expected the setup line of a sequence before it',
    ],
    [op({ op: 'fly' }), "line 2: unknown operation 'fly': expected one of open, close, pread,"],
    [op({ op: 'close', ret: 0, err: '0' }), "line 2: no 'fd' here"],
    [op({ op: 'close', fd: 'x', ret: 0, err: '0' }), 'line 2: fd "x": expected a whole number from 0 to 1023'],
    [
      op({ op: 'open', fd: 0, path: 'a/b', flags: 'O_RDWR', ret: 0, err: '0' }),
      'line 2: path "a/b": expected e.g. "a"',
    ],
    [
      op({ op: 'open', fd: 0, path: 'a', flags: 'O_WHAT', ret: 0, err: '0' }),
      'line 2: flags "O_WHAT": expected some of O_RDONLY',
    ],
    [
      op({ op: 'pread', fd: 0, off: 0, len: 1e12, ret: 0, err: '0', fnv: '0'.repeat(16) }),
      'line 2: len 1000000000000: expected',
    ],
    [
      op({ op: 'pwrite', fd: 0, off: 0, len: 1, fill: 'x', ret: 0, err: '0' }),
      'line 2: fill "x": expected e.g. "(8+i%251)&255"',
    ],
    [op({ op: 'load', map: 0, off: 0 }), "line 2: no 'val' and no 'signal' here"],
    [J(ops, { seq: 0, end: true, umount: 0 }), "line 2: no 'fnv_dev0_first_32M' here"],
    [
      J({ seq: 0, setup: { ...ops.setup, files: { a: [1, 2, 'round'] } } }),
      "line 1: 'round': expected a file such as 'simple",
    ],
    [J({ seq: 0, setup: { ...devtable.setup, daxdev1: 'gone' } }), 'line 1: device "gone": expected one of ok, EIO,'],
    [
      J(devtable, { seq: 0, i: 0, op: 'open', file: 'x', err: '0', msgs: [] }),
      "line 2: file 'x': expected one of the setup line",
    ],
  ])('%s', (content, message) => {
    expect(() => parseTrace(content)).toThrow(message)
  })
})

describe('files of a measured server', () => {
  it('are read from their words', () => {
    expect(describedFile('simple (0,8M,2M)(1,0,4M)')).toEqual({
      size: MiB(6),
      fmap: simpleMap([
        [0, MiB(8), MiB(2)],
        [1, 0, MiB(4)],
      ]),
    })
    const strips = [0, 1].map(dev => ({ dev, offset: MiB(16), len: MiB(4) }))
    const striped = (fileSize: number) => ({
      size: fileSize,
      fmap: encodeFmap({ kind: 'interleaved', fileSize, groups: [{ chunkSize: MiB(2), nbytes: fileSize, strips }] }),
    })
    expect(describedFile('interleave 2 strips chunk 2M nbytes=size (0,16M,4M)(1,16M,4M)', 7345032)).toEqual(
      striped(7345032),
    )
    expect(describedFile('2 strips chunk 2M (0,16M,4M)(1,16M,4M) size 8M')).toEqual(striped(MiB(8)))
    expect(describedFile('GET_FMAP error EIO', 4096)).toEqual({ size: 4096, fmap: 5 })
  })
  it.each(['', 'simple', 'simple (0,0)', '3 strips chunk 2M (0,0,4M)', 'GET_FMAP error EIO', 'GET_FMAP error EWHAT'])(
    'not: %s',
    words => {
      expect(() => describedFile(words)).toThrow('expected a file such as')
    },
  )
})

describe('a page that is poisoned', () => {
  it('in a mapping, by whatever word the trace has: later reads fail as measured', () => {
    const call = { ret: 0, err: '0', msgs: [] }
    const text = J(
      ops,
      {
        seq: 0,
        i: 0,
        op: 'open',
        fd: 0,
        path: 'a',
        flags: 'O_RDWR',
        ...call,
        msgs: ['GETATTR:1', 'LOOKUP:1', 'OPEN:100', 'GET_FMAP:100', 'GET_DAXDEV:0'],
      },
      { seq: 0, i: 1, op: 'mmap', map: 0, fd: 0, len: 4194304, off: 0, prot: 'R', flags: 'SHARED', ...call },
      { seq: 0, i: 2, op: 'poison_page0', map: 0, ...call },
      { seq: 0, i: 3, op: 'load', map: 0, off: 0, set: 0, val: 0, msgs: [] },
      ...['EHWPOISON', 'EIO'].map((err, i) => ({
        seq: 0,
        i: 4 + i,
        op: 'pread',
        fd: 0,
        off: 0,
        len: 8,
        ret: -1,
        err,
        fnv: '0'.repeat(16),
        msgs: [],
      })),
      { seq: 0, i: 6, op: 'load', map: 0, off: 2097152, set: 0, signal: 'SIGBUS', si_code: 2, msgs: [] },
    )
    const t = new Tally()
    for (const c of parseTrace(text).cases) replayCase(c, {}, t)
    expect(t.differences).toEqual([])
  })
})

describe('a case that ends otherwise than by its program', () => {
  it('is a difference: a group without chunks divides by zero', () => {
    const zero = encodeFmap({
      kind: 'interleaved',
      fileSize: 4096,
      groups: [{ chunkSize: 0, nbytes: 4096, strips: [{ dev: 0, offset: 0, len: MiB(2) }] }],
    })
    const t = new Tally()
    const c = {
      ...fmap,
      fmap: Buffer.from(zero).toString('hex'),
      fmap_len: zero.length,
      open: '0',
      size: 4096,
      reads: [[0, 8, 8, '0', [[0, 0, 0]]]],
    }
    for (const x of parseTrace(J(c)).cases) replayCase(x, {}, t)
    expect(t.differences.at(-1)).toMatch(/^line 1 and what follows: .*divide error/)
  })
})
