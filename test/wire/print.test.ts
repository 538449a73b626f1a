import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  encodeDaxdev,
  encodeFmap,
  encodeNotify,
  encodeReply,
  encodeReplyStruct,
  encodeRequest,
  fuse_create_out,
  fuse_entry_out,
  fuse_init_out,
  fuse_open_out,
  initFlags,
  notifyByCode,
  OPCODES,
  opcodeTable,
  packDirents,
  printMessage,
} from '../../src/wire/index.ts'
import init from '../vectors/wire-init.json' with { type: 'json' }
import { encodeAny, mutated, requestOf, unhex, withLen } from './arbitrary.ts'

const { op } = OPCODES
const request = (bytes: Uint8Array, table = OPCODES) => printMessage(table, bytes, 'request')
const reply = (bytes: Uint8Array, of?: any) => printMessage(OPCODES, bytes, 'reply', of)

describe('requests in one line', () => {
  it.each([
    ['LOOKUP #4 node 1 "x"', encodeRequest(op.LOOKUP, { unique: 4, nodeid: 1 }, null, ['x'])],
    ['OPEN #6 node 5 flags=0x8002', encodeRequest(op.OPEN, { unique: 6, nodeid: 5 }, { flags: 0x8002 })],
    ['GET_FMAP #8 node 5', encodeRequest(op.GET_FMAP, { unique: 8, nodeid: 5 })],
    ['GET_DAXDEV #10 index 0', encodeRequest(op.GET_DAXDEV, { unique: 10, nodeid: 0 })],
    ['GET_DAXDEV #10 index 3', encodeRequest(op.GET_DAXDEV, { unique: 10, nodeid: 3 })],
    [
      'SETATTR #12 node 5 valid=SIZE|FH fh=-1 size=4096',
      encodeRequest(op.SETATTR, { unique: 12, nodeid: 5 }, { valid: 0x48, fh: -1, size: 4096 }),
    ],
    [
      'CREATE #14 node 1 flags=0x241 mode=0100644 umask=022 "new"',
      encodeRequest(op.CREATE, { unique: 14, nodeid: 1 }, { flags: 0x241, mode: 0o100644, umask: 0o22 }, ['new']),
    ],
    [
      'RENAME2 #2 node 1 newdir=7 flags=NOREPLACE "a" "b\\n"',
      encodeRequest(op.RENAME2, { unique: 2, nodeid: 1 }, { newdir: 7, flags: 1 }, ['a', 'b\n']),
    ],
    [
      'WRITE #2 node 5 offset=4096 size=3 write_flags=CACHE data[3]',
      encodeRequest(
        op.WRITE,
        { unique: 2, nodeid: 5 },
        { offset: 4096, size: 3, write_flags: 1 },
        [],
        new Uint8Array(3),
      ),
    ],
    [
      'BATCH_FORGET #2 count=2 [5x1 0x0]',
      encodeRequest(
        op.BATCH_FORGET,
        { unique: 2 },
        { count: 2 },
        [],
        Uint8Array.from([5, ...Array(7).fill(0), 1, ...Array(23).fill(0)]),
      ),
    ],
    ['INTERRUPT #7 unique=6', encodeRequest(op.INTERRUPT, { unique: 7 }, { unique: 6 })],
    ['OPEN #6 (resent) node 5', encodeRequest(op.OPEN, { unique: 6, nodeid: 5, resend: true })],
    [
      'MKDIR #6 node 1 mode=0755 "d" ext[8]',
      encodeRequest(op.MKDIR, { unique: 6, nodeid: 1 }, { mode: 0o755 }, ['d'], undefined, new Uint8Array(8)),
    ],
  ])('%s', (line, bytes) => {
    expect(request(bytes)).toBe(line)
  })

  it('INIT names its flags, and the version says which bit is famfs', () => {
    const line = request(unhex(init.hex))
    expect(line).toMatch(
      /^INIT #2 major=7 minor=45 max_readahead=0x20000 flags=ASYNC_READ\|POSIX_LOCKS\|ATOMIC_O_TRUNC\|/,
    )
    expect(line).toMatch(/\|INIT_EXT\|SECURITY_CTX\|.*\|REQUEST_TIMEOUT\|DAX_FMAP$/)
    const old = opcodeTable({}, initFlags(42))
    const bytes = encodeRequest(op.INIT, { unique: 2 }, { major: 7, minor: 42, flags: 0x40000000, flags2: 0x400 })
    expect(request(bytes, old)).toBe('INIT #2 major=7 minor=42 flags=INIT_EXT|DAX_FMAP')
  })

  it('cuts long names', () => {
    const line = request(encodeRequest(op.LOOKUP, { unique: 2 }, null, ['n'.repeat(255)]))
    expect(line).toBe(`LOOKUP #2 "${'n'.repeat(64)}"..(255)`)
  })

  it('says what is wrong, with the first bytes', () => {
    expect(request(new Uint8Array(3))).toBe('malformed request: 3 bytes, a header alone takes 40; 3 bytes: 00 00 00')
  })
})

describe('replies in one line', () => {
  const fmap = encodeFmap({ kind: 'simple', fileSize: 4096, extents: [{ dev: 0, offset: 0xa00000, len: 0x200000 }] })
  const strips = [0, 1].map(dev => ({ dev, offset: 0x200000, len: 0x400000 }))
  const inter = encodeFmap({ kind: 'interleaved', fileSize: 9, groups: [{ chunkSize: 0x200000, nbytes: 9, strips }] })
  const dirents = packDirents(
    [
      { ino: 1, off: 1, type: 4, name: '.' },
      { ino: 2, off: 2, type: 8, name: 'x' },
    ],
    4096,
  )
  it.each([
    ['#4 -> ENOENT', encodeReply(4, -2), undefined],
    ['#4 -> ENOENT', encodeReply(4, -2), op.LOOKUP],
    ['#4 -> errno 511', encodeReply(4, -511), op.LOOKUP],
    [
      '#6 -> OPEN fh=-1 open_flags=PARALLEL_DIRECT_WRITES',
      encodeReplyStruct(6, fuse_open_out, { fh: -1, open_flags: 0x40 }),
      op.OPEN,
    ],
    ['#6 -> ok body[16]', encodeReplyStruct(6, fuse_open_out, { fh: -1 }), undefined],
    ['#6 -> FLUSH', encodeReply(6, 0), op.FLUSH],
    [
      '#4 -> LOOKUP nodeid=5 entry_valid=1 attr={ino=5 size=4096 mode=0100644 flags=DAX}',
      encodeReplyStruct(4, fuse_entry_out, {
        nodeid: 5,
        entry_valid: 1,
        attr: { ino: 5, size: 4096, mode: 0o100644, flags: 2 },
      }),
      op.LOOKUP,
    ],
    [
      '#4 -> CREATE entry={nodeid=5} open={fh=9}',
      encodeReplyStruct(4, fuse_create_out, { entry: { nodeid: 5 }, open: { fh: 9 } }),
      op.CREATE,
    ],
    ['#8 -> GET_FMAP size=4096 simple [0:+0xa00000+0x200000]', encodeReply(8, 0, fmap), op.GET_FMAP],
    [
      '#8 -> GET_FMAP size=9 interleaved {chunk=0x200000 nbytes=9 [0:+0x200000+0x400000 1:+0x200000+0x400000]}',
      encodeReply(8, 0, inter),
      op.GET_FMAP,
    ],
    ['#8 -> GET_FMAP ! fmap: 40 bytes, 1 simple extents take 56', encodeReply(8, 0, fmap.subarray(0, 40)), op.GET_FMAP],
    ['#8 -> GET_DAXDEV name="/dev/dax0.0"', encodeReply(8, 0, encodeDaxdev(0, '/dev/dax0.0')), op.GET_DAXDEV],
    ['#8 -> READDIR 2 entries "." "x"', encodeReply(8, 0, dirents.bytes), op.READDIR],
    ['#8 -> READ data[5]', encodeReply(8, 0, new Uint8Array(5)), op.READ],
    [
      '#2 -> INIT major=7 flags=BIG_WRITES flags2=0x800 (no INIT_EXT)',
      encodeReplyStruct(2, fuse_init_out, { major: 7, flags: 0x20, flags2: 0x800 }),
      op.INIT,
    ],
    [
      '#4 -> LOOKUP body[120] ! the body does not have the length that the request expects',
      encodeReply(4, 0, new Uint8Array(120)),
      op.LOOKUP,
    ],
    ['#4 -> error +95 ! error must be 0 or -1..-511; the request stays unanswered', encodeReply(4, 95), op.LOOKUP],
    ['#4 -> ENOENT ! an error reply has no body', encodeReply(4, -2, new Uint8Array(1)), op.LOOKUP],
    ['malformed reply: a reply is at least 16 bytes; 2 bytes: 00 00', new Uint8Array(2), op.LOOKUP],
    ['notify INVAL_INODE ino=5 off=-1', encodeNotify(notifyByCode(2)!, { ino: 5, off: -1 }), undefined],
    ['notify INVAL_ENTRY parent=1 namelen=1 "x"', encodeNotify(notifyByCode(3)!, { parent: 1 }, 'x'), undefined],
    ['notify RESEND', encodeNotify(notifyByCode(7)!), undefined],
  ])('%s', (line, bytes, of) => {
    expect(reply(bytes, of)).toBe(line)
  })

  it('lists no more than a line can hold', () => {
    const extents = Array.from({ length: 40 }, (_, i) => ({ dev: 0, offset: i, len: 1 }))
    const line = reply(encodeReply(8, 0, encodeFmap({ kind: 'simple', fileSize: 1, extents })), op.GET_FMAP)
    expect(line).toMatch(/0:\+0xf\+0x1 and 24 more\]$/)
  })
})

describe('anything at all prints as one line', () => {
  it('never throws', () => {
    const real = fc.constantFrom(...OPCODES.all).chain(o => requestOf(o).map(r => encodeAny(o, r)))
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      real,
      mutated(real).map(withLen),
      fc.uint8Array({ minLength: 16, maxLength: 300 }).map(withLen),
    )
    fc.assert(
      fc.property(
        bytes,
        fc.constantFrom('request' as const, 'reply' as const),
        fc.option(fc.constantFrom(...OPCODES.all), { nil: undefined }),
        (b, direction, of) => {
          const line = printMessage(OPCODES, b, direction, of)
          expect(line.length).toBeGreaterThan(3)
          expect(line).not.toMatch(/\n|undefined|NaN|\[object/)
        },
      ),
      { numRuns: 3000 },
    )
  })
})
