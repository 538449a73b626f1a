// The low-level session over a transport that is only a list: what goes in, what comes out, and in which order.
import { describe, expect, it } from 'vitest'
import { fuse_session_loop, type Handlers, type Reply, type Transport } from '../../../src/server/index.ts'
import { kfn, Machine, type Step, sleep, step } from '../../../src/sim/index.ts'
import {
  decodeReply,
  EIO,
  ENODEV,
  ENOENT,
  encodeRequest,
  fuse_statfs_out,
  OPCODES,
  type Op as Opcode,
  type Request,
} from '../../../src/wire/index.ts'

const { op } = OPCODES

/** Serve these messages with so many workers; replies in the order they were sent, and what each worker returned. */
const serve = (
  messages: Uint8Array[],
  handlers: Handlers,
  o: { workers?: number; send?: (n: number) => number } = {},
): { sent: Uint8Array[]; ended: number[]; closed: number } => {
  const m = new Machine()
  const queue = [...messages]
  const sent: Uint8Array[] = []
  const transport: Transport = {
    recv: kfn('recv', function* (): Step<Uint8Array | number> {
      yield* step()
      return queue.shift() ?? -ENODEV
    }),
    send: kfn('send', function* (b: Uint8Array): Step<number> {
      yield* step()
      sent.push(b)
      return o.send?.(sent.length) ?? b.length
    }),
    push: kfn('push', function* (): Step<number> {
      return -ENODEV
    }),
    close: kfn('close', function* (): Step<void> {}),
  }
  const tasks = Array.from({ length: o.workers ?? 1 }, (_, i) =>
    m.spawn(
      `worker/${i}`,
      (function* () {
        return yield* fuse_session_loop(OPCODES, transport, handlers)
      })(),
    ),
  )
  expect(m.run()).toBe('held')
  return { sent, ended: tasks.map(t => t.value as number), closed: queue.length }
}
const on = (f: (req: Request) => Reply) =>
  kfn('handler', function* (req: Request): Step<Reply> {
    return f(req)
  })
const message = (o: Opcode, unique: number, arg?: object, names?: string[]): Uint8Array =>
  encodeRequest(o, { unique, nodeid: 1 }, arg, names)
const errnoOf = (o: Opcode, bytes: Uint8Array): [number, number] => {
  const r = decodeReply(o, bytes)
  if ('error' in r) throw new Error(r.error)
  return [r.unique, r.errno]
}

describe('a session', () => {
  it('answers a struct, bytes, success and an errno', () => {
    const handlers: Handlers = {
      STATFS: on(() => ({ def: fuse_statfs_out, values: { st: { blocks: 5 } } })),
      GET_FMAP: on(() => ({ bytes: Uint8Array.of(1, 2, 3) })),
      RELEASE: on(() => ({ errno: 0 })),
      LOOKUP: on(req => ({ errno: req.names[0] === 'x' ? ENOENT : EIO })),
    }
    const { sent } = serve(
      [
        message(op.STATFS, 2),
        message(op.GET_FMAP, 4),
        message(op.RELEASE, 6, {}),
        message(op.LOOKUP, 8, undefined, ['x']),
      ],
      handlers,
    )
    expect(decodeReply(op.STATFS, sent[0]!)).toMatchObject({ unique: 2, errno: 0, arg: { st: { blocks: 5 } } })
    expect([...sent[1]!.subarray(16)]).toEqual([1, 2, 3])
    expect(errnoOf(op.RELEASE, sent[2]!)).toEqual([6, 0])
    expect(errnoOf(op.LOOKUP, sent[3]!)).toEqual([8, -ENOENT])
  })

  it('says ENOSYS where there is no handler, and nothing to what wants no answer', () => {
    const { sent } = serve(
      [message(op.FLUSH, 2, {}), message(op.FORGET, 4, { nlookup: 1 }), message(op.READ, 6, {})],
      {},
    )
    expect(sent.map(b => errnoOf(op.FLUSH, b))).toEqual([
      [2, -38],
      [6, -38],
    ])
  })

  it('gives a forget to its handler and sends nothing', () => {
    const seen: number[] = []
    const { sent } = serve([message(op.FORGET, 4, { nlookup: 7 })], {
      FORGET: on(req => {
        seen.push(req.arg.nlookup)
        return null
      }),
    })
    expect([seen, sent]).toEqual([[7], []])
  })

  it('refuses what it cannot read, so that nobody waits for ever', () => {
    const unknown = message(op.STATFS, 2)
    new DataView(unknown.buffer, unknown.byteOffset).setUint32(4, 99, true)
    const cut = message(op.READ, 4, {}).slice(0, 50)
    new DataView(cut.buffer).setUint32(0, 50, true)
    const forget = message(op.FORGET, 6, { nlookup: 1 }).slice(0, 42)
    new DataView(forget.buffer).setUint32(0, 42, true)
    const { sent } = serve([unknown, cut, forget, new Uint8Array(10), message(op.STATFS, 8)], {
      STATFS: on(() => ({ errno: EIO })),
    })
    expect(sent.map(b => errnoOf(op.STATFS, b))).toEqual([
      [2, -38],
      [4, -22],
      [8, -5],
    ])
  })

  it('ends with the errno of the connection, and goes on when a reply comes too late', () => {
    const handlers: Handlers = { STATFS: on(() => ({ errno: EIO })) }
    const late = serve([message(op.STATFS, 2), message(op.STATFS, 4)], handlers, { send: () => -ENOENT })
    expect([late.sent.length, late.ended]).toEqual([2, [-ENODEV]])
    const broken = serve([message(op.STATFS, 2), message(op.STATFS, 4)], handlers, { send: () => -EIO })
    expect([broken.sent.length, broken.ended, broken.closed]).toEqual([1, [-EIO], 1])
  })

  it('with two workers a slow request does not hold up the next', () => {
    const handlers: Handlers = {
      STATFS: kfn('slow', function* (): Step<Reply> {
        yield* sleep(1_000_000)
        yield* step()
        return { errno: 0 }
      }),
      RELEASE: on(() => ({ errno: 0 })),
    }
    const queue = () => [message(op.STATFS, 2), message(op.RELEASE, 4, {})]
    const order = (workers: number) => serve(queue(), handlers, { workers }).sent.map(b => errnoOf(op.RELEASE, b)[0])
    expect(order(1)).toEqual([2, 4])
    expect(order(2)).toEqual([4, 2])
  })
})
