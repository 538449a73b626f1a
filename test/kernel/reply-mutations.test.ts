// Any reply that a server can send, to any request: what the writer and the waiter get is compared with reply-oracle.ts, which
// has the rules of kernel.md 1.8 once more. What was not answered is answered well afterwards. 200,000 in test:long.
import { expect, it } from 'vitest'
import type { fuse_args } from '../../src/kernel/fuse/fuse_i.ts'
import { fuse_simple_request } from '../../src/kernel/fuse/request.ts'
import { fuse_abort_conn, fuse_dev_do_read, fuse_dev_do_write } from '../../src/kernel/index.ts'
import type { Step } from '../../src/sim/index.ts'
import { type Op, type OpName, viewOf } from '../../src/wire/index.ts'
import { times } from '../times.ts'
import { type Bare, bare } from './bare-mount.ts'
import { bodyOf, OPS, ROOM, verdictOf } from './reply-oracle.ts'

const MUTATIONS = times(4000, 200_000)

/** mulberry32: a number below n. */
const random = (seed: number) => {
  let s = seed
  return (n: number): number => {
    s = (s + 0x6d2b79f5) | 0
    let t = Math.imul(s ^ (s >>> 15), 1 | s)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}
type Random = ReturnType<typeof random>

const message = (unique: Uint8Array, error: number, body: Uint8Array): Uint8Array => {
  const b = new Uint8Array(16 + body.length)
  const dv = new DataView(b.buffer)
  dv.setUint32(0, b.length, true)
  dv.setInt32(4, error, true)
  b.set(unique, 8)
  b.set(body, 16)
  return b
}

/** Bytes of a body that may be: anything, as long as it fits. */
const goodReply = (op: string, request: Uint8Array, r: Random): Uint8Array => {
  const [least, most] = bodyOf(op)
  const body = new Uint8Array(least + r(most - least + 1))
  for (let i = 0; i < body.length; i++) body[i] = r(256)
  return message(request.slice(8, 16), 0, body)
}

const ERRORS = [0, -1, -2, -4, -5, -11, -38, -103, -511, -512, -513, -1000, 1, 2, 77, 95, 511, 0x7fffffff, -0x80000000]
/** Lengths around those that count. */
const LENGTHS = [
  0, 1, 4, 8, 15, 16, 17, 23, 24, 31, 32, 39, 40, 48, 63, 64, 80, 104, 128, 144, 280, 288, 512, 513, 4096, 4097,
]

const resized = (b: Uint8Array, size: number, fix: boolean): Uint8Array => {
  const c = new Uint8Array(size)
  c.set(b.subarray(0, size))
  if (fix && size >= 4) new DataView(c.buffer).setUint32(0, size, true)
  return c
}

/** A notification: every code and some that are none, of right and wrong sizes, of nodes that are there and are not. */
const notification = (r: Random): Uint8Array => {
  const code = 1 + r(11)
  const sizes = [0, 8, 24, 16, 24, 32, 24, 0, 0, 16, 0, 0]
  const body = new Uint8Array(r(4) === 0 ? LENGTHS[r(20)]! : sizes[code]! + [0, 0, 1, 8, 9, 16][r(6)]!)
  const dv = new DataView(body.buffer)
  for (let at = 0; at + 8 <= body.length; at += 8) dv.setUint32(at, r(3) === 0 ? r(2 ** 31) : r(10), true)
  return message(new Uint8Array(8), code, body)
}

const mutate = (good: Uint8Array, r: Random): Uint8Array => {
  const b = good.slice()
  const dv = new DataView(b.buffer)
  switch (r(12)) {
    case 0: // any bytes
      return Uint8Array.from({ length: LENGTHS[r(LENGTHS.length)]! }, () => r(256))
    case 1: // another length, told or not
      return resized(b, LENGTHS[r(LENGTHS.length)]!, r(4) > 0)
    case 2: // a little shorter or longer
      return resized(b, Math.max(0, b.length - 9 + r(18)), r(4) > 0)
    case 3: // a wrong len
      dv.setUint32(0, [0, 15, 16, b.length - 1, b.length + 1, 0xffffffff][r(6)]!, true)
      return b
    case 4: // an error, with the body or without
      dv.setInt32(4, ERRORS[r(ERRORS.length)]!, true)
      return r(2) === 0 ? b : resized(b, 16, true)
    case 5: // another request
      dv.setUint32(8, dv.getUint32(8, true) + [1, 2, 3, -2, 1024][r(5)]!, true)
      return r(2) === 0 ? b : resized(b, 16, true)
    case 6: // an answer to an INTERRUPT
      b[8]! |= 1
      dv.setInt32(4, ERRORS[r(9)]!, true)
      return r(3) === 0 ? b : resized(b, 16, true)
    case 7: // bit 63, or some other of the upper half
      b[15]! |= r(2) === 0 ? 0x80 : 1 << r(8)
      return b
    case 8:
    case 9:
      return notification(r)
    case 10: // some bits
      for (let n = 1 + r(4); n > 0; n--) b[r(b.length)]! ^= 1 << r(8)
      return b
    default: // nothing but what is in the body
      return b
  }
}

const argsOf = (op: Op): fuse_args => {
  const name = op.name as OpName
  const arg: Record<string, number> = { size: ROOM, nlookup: 1 }
  if (op.counts !== null) arg[op.counts[0]] = 0
  const variable =
    !['READLINK', 'INIT', 'GET_FMAP'].includes(name) && typeof op.out === 'object' && 'variable' in op.out
  return {
    op,
    nodeid: 1,
    arg,
    names: Array.from({ length: op.names }, (_, i) => `n${i}`),
    ...(variable ? { room: ROOM } : {}),
  }
}

/** The next request; what a RETRIEVE sends is none. */
function* readRequest(b: Bare): Step<Uint8Array | number> {
  for (;;) {
    const m = yield* fuse_dev_do_read(b.dev.fc)
    if (typeof m === 'number' || opcodeOf(m) !== b.rig.k.opcodes.op.NOTIFY_REPLY.number) return m
  }
}
const opcodeOf = (m: Uint8Array): number => viewOf(m).getUint32(m.byteOffset + 4, true)

it(`${MUTATIONS} replies are taken or refused as the rules say, and nothing throws`, () => {
  const b = bare({ maxSteps: MUTATIONS * 200 })
  const { op } = b.rig.k.opcodes
  const r = random(20260331)
  const [seen, failures]: [Record<string, number>, string[]] = [{}, []]
  const count = (what: string) => {
    seen[what] = (seen[what] ?? 0) + 1
  }
  let done = 0
  let expected: number | null = null
  b.rig.kthread('client', function* () {
    while (done < MUTATIONS && failures.length === 0) {
      const name = OPS[r(OPS.length)]!
      const got = yield* fuse_simple_request(b.dev.fm, argsOf(op[name as OpName]))
      if (got !== expected) failures.push(`${name}: the waiter got ${got}, not ${expected}`)
    }
    yield* fuse_abort_conn(b.dev.fc)
  })
  b.rig.spawn(
    'server',
    function* () {
      for (;;) {
        let request = yield* readRequest(b)
        if (typeof request === 'number') return
        const name = b.rig.k.opcodes.byNumber(opcodeOf(request))!.name
        for (let open = true; open; ) {
          // Now and then a good one, so that requests come to an end.
          const good = goodReply(name, request as Uint8Array, r)
          const bytes = r(4) === 0 ? good : mutate(good, r)
          const { writer, waiter } = verdictOf(name, request as Uint8Array, bytes)
          if (typeof waiter === 'number') expected = waiter
          done++
          const got = yield* fuse_dev_do_write(b.dev.fc, bytes)
          if (got !== writer)
            failures.push(
              `${name}: write() gave ${got}, not ${writer}: ${Buffer.from(bytes).toString('hex').slice(0, 200)}`,
            )
          count(
            `writer ${writer < 0 ? writer : 'ok'}, waiter ${typeof waiter === 'number' ? (waiter < 0 ? 'error' : 'ok') : waiter}`,
          )
          count(name)
          open = typeof waiter !== 'number'
          if (waiter === 'resent') request = yield* readRequest(b)
          // A late one, to a request that is over.
          if (!open && r(4) === 0 && (yield* fuse_dev_do_write(b.dev.fc, good)) !== -2)
            failures.push(`${name}: a late reply was taken`)
        }
      }
    },
    {},
  )
  b.rig.go()
  expect(failures).toEqual([])
  expect(b.rig.problems()).toEqual([])
  expect(done).toBeGreaterThanOrEqual(MUTATIONS)
  // Each opcode, and each pair of answers, came up.
  for (const name of OPS) expect(seen[name], name).toBeGreaterThan(0)
  expect(
    Object.keys(seen)
      .filter(k => k.startsWith('writer'))
      .sort(),
  ).toEqual([
    'writer -2, waiter waits',
    'writer -22, waiter error',
    'writer -22, waiter waits',
    'writer -36, waiter waits',
    'writer ok, waiter error',
    'writer ok, waiter ok',
    'writer ok, waiter resent',
    'writer ok, waiter waits',
  ])
})
