// A server that answers nonsense: whatever bytes come back for any request, the kernel goes on; open(2) gives a descriptor
// or an errno, and nothing in the model throws.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fmapOf, Rig, replyBytes, simpleMap } from '../../src/conform/index.ts'
import { MAP_SHARED, O_DIRECTORY, O_RDWR, PROT_READ } from '../../src/kernel/index.ts'
import { MiB } from '../../src/sim/index.ts'
import { encodeReply, type OpName, type Request } from '../../src/wire/index.ts'
import { times } from '../times.ts'

const TWO = MiB(2)
const SIMPLE = simpleMap([
  [0, 0, TWO],
  [0, MiB(8), TWO],
])
const STRIPED = fmapOf({
  kind: 'interleaved',
  fileSize: MiB(8),
  groups: [
    { chunkSize: TWO, nbytes: MiB(4), strips: [0, 1].map(i => ({ dev: 0, offset: MiB(16) * i, len: TWO })) },
    { chunkSize: TWO, nbytes: MiB(4), strips: [2, 3].map(i => ({ dev: 1, offset: MiB(16) * i, len: TWO })) },
  ],
})

const OPS = [
  'INIT',
  'GETATTR',
  'LOOKUP',
  'OPEN',
  'GET_FMAP',
  'GET_DAXDEV',
  'FLUSH',
  'RELEASE',
  'STATFS',
  'OPENDIR',
] as const

interface Mangle {
  readonly op: (typeof OPS)[number]
  /** Which of the replies to that opcode, from 0. */
  readonly nth: number
  /** Replace the whole message, or only its body. */
  readonly how:
    | { readonly kind: 'message'; readonly bytes: Uint8Array }
    | { readonly kind: 'body'; readonly bytes: Uint8Array }
    | { readonly kind: 'words'; readonly at: readonly { readonly off: number; readonly v: bigint }[] }
    | { readonly kind: 'cut'; readonly len: number }
}

/** Values that break arithmetic, and values near those of a map. */
const word = fc.oneof(
  fc.constantFrom(
    0n,
    1n,
    2n,
    24n,
    31n,
    32n,
    33n,
    4096n,
    BigInt(TWO),
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 63n,
    2n ** 64n - 1n,
  ),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.integer({ min: 0, max: 600 }).map(n => BigInt(n) * BigInt(TWO)),
  fc.integer({ min: 0, max: 600 }).map(n => 2n ** 64n - BigInt(n) * BigInt(TWO)),
)
const mangle: fc.Arbitrary<Mangle> = fc.record({
  op: fc.constantFrom(...OPS),
  nth: fc.integer({ min: 0, max: 1 }),
  how: fc.oneof(
    fc.record({ kind: fc.constantFrom('message', 'body'), bytes: fc.uint8Array({ maxLength: 300 }) }),
    fc.record({
      kind: fc.constant('words' as const),
      at: fc.array(fc.record({ off: fc.integer({ min: 0, max: 40 }).map(n => n * 4), v: word }), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
    fc.record({ kind: fc.constant('cut' as const), len: fc.integer({ min: 0, max: 200 }) }),
  ) as fc.Arbitrary<Mangle['how']>,
})

const apply = (m: Mangle, req: Request, good: Uint8Array): Uint8Array => {
  const { how } = m
  const body = good.slice(16)
  if (how.kind === 'message') return how.bytes
  if (how.kind === 'body') return encodeReply(req.unique, 0, how.bytes)
  if (how.kind === 'cut') return encodeReply(req.unique, 0, body.subarray(0, how.len))
  const dv = new DataView(body.buffer)
  for (const { off, v } of how.at) {
    if (off + 8 <= body.length) dv.setBigUint64(off, v, true)
    else if (off + 4 <= body.length) dv.setUint32(off, Number(v & 0xffffffffn), true)
  }
  return encodeReply(req.unique, 0, body)
}

const errnoOrWhole = (n: number): boolean => Number.isInteger(n) && n > -512

/** A whole session against a server with these replies mangled. Gives what open(2) said. */
const session = (fmap: Uint8Array, mangles: readonly Mangle[], strict: boolean): number[] => {
  const rig = new Rig({ maxSteps: 200_000, switches: strict ? {} : { noDefect: ['B44', 'L10'] } })
  const s = rig.server()
  for (const [i, name] of ['f', 'g'].entries()) s.files.set(name, { nodeid: 100 + i, size: TWO, fmap })
  const seen: Partial<Record<OpName, number>> = {}
  s.script = req => {
    const op = req.op.name as OpName
    const nth = seen[op] ?? 0
    seen[op] = nth + 1
    const mine = mangles.filter(m => m.op === op && m.nth === nth)
    if (mine.length === 0) return undefined
    const { script } = s
    s.script = null
    const good = replyBytes(req.unique, s.answer(req))
    s.script = script
    // The good reply follows, for a waiter that the bad one did not reach.
    return { raw: [...mine.map(m => apply(m, req, good[0]!)), ...good] }
  }
  rig.mount(s)
  const opens: number[] = []
  rig.spawn('app', function* (sys) {
    for (const path of ['/mnt/f', '/mnt/g', '/mnt/f']) {
      const fd = yield* sys.open(path, O_RDWR)
      opens.push(fd)
      const st = yield* sys.stat(path)
      if (typeof st === 'number') expect(errnoOrWhole(st)).toBe(true)
      if (fd < 0) continue
      for (const off of [0, TWO - 8, MiB(3), MiB(7)]) {
        expect(yield* sys.pread(fd, 16, off)).toSatisfy(errnoOrWhole)
        expect(yield* sys.pwrite(fd, new Uint8Array(16), off)).toSatisfy(errnoOrWhole)
      }
      const at = yield* sys.mmap(0, MiB(8), PROT_READ, MAP_SHARED, fd)
      expect(at).toSatisfy(errnoOrWhole)
      if (at > 0) {
        for (const off of [0, TWO, MiB(7)]) yield* sys.load_or_signal(at + off, new Uint8Array(8))
        yield* sys.munmap(at, MiB(8))
      }
      expect(yield* sys.close(fd)).toSatisfy(errnoOrWhole)
    }
    yield* sys.statfs('/mnt')
    const dir = yield* sys.open('/mnt', O_DIRECTORY)
    if (dir >= 0) yield* sys.close(dir)
    yield* sys.drop_caches()
    yield* sys.umount('/mnt')
  })
  const v = rig.go()
  expect(v === 'held' || v === 'failed', `${v}: ${rig.problems()[0]}`).toBe(true)
  // What is left to go wrong: a WARN, and the known division by a chunk of 0.
  const known = rig.m.problems.filter(p => p.kind === 'WARN' || p.text.includes('(L10)'))
  expect(rig.m.problems).toEqual(known)
  return opens
}

describe('replies of nonsense', () => {
  it.each([
    ['simple map, V10 as posted', SIMPLE, true],
    ['striped map, device index free', STRIPED, false],
  ] as const)(
    '%s',
    (_name, fmap, strict) => {
      fc.assert(
        fc.property(fc.array(mangle, { minLength: 1, maxLength: 3 }), mangles => {
          for (const fd of session(fmap, mangles, strict)) expect(fd).toSatisfy(errnoOrWhole)
        }),
        { numRuns: times(300, 1000), seed: 20260331 },
      )
    },
    240_000,
  )

  it('are really sent: without them every open succeeds', () => {
    expect(session(SIMPLE, [], true)).toEqual([3, 3, 3])
    const broken = session(SIMPLE, [{ op: 'GET_FMAP', nth: 0, how: { kind: 'cut', len: 40 } }], true)
    expect(broken).toEqual([-22, 3, 3])
  })
})
