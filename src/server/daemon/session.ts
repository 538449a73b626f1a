// Low-level FUSE session: takes requests apart, calls the handler of the opcode, sends the reply. The same session serves
// every transport. A handler is task code and answers with a Reply.
import { kfn, type Op, type Step, work } from '../../sim/index.ts'
import {
  type AnyStruct,
  decodeRequest,
  EINVAL,
  EIO,
  ENOSYS,
  encodeReply,
  encodeReplyStruct,
  type OpcodeTable,
  type OpName,
  peekRequest,
  type Request,
} from '../../wire/index.ts'
import type { Transport } from './transport/transport.ts'

/** What a handler answers: an errno (positive), a struct, or bytes. Nothing: the request has no reply. */
export type Reply =
  | { readonly errno: number }
  | { readonly def: AnyStruct; readonly values: object }
  | { readonly bytes: Uint8Array }
  | null

/** `w`: what the thread that runs it has of its own. */
export type Handler<W = void> = (req: Request, w: W) => Op<Reply>
export type Handlers<W = void> = { readonly [name in OpName]?: Handler<W> }

/** Usual time of a handler, ns: wake-up, system calls, work. */
const HANDLER_NS = 3000

/** A reply as it travels. */
export const encode_reply = (unique: number, r: Exclude<Reply, null>): Uint8Array => {
  if ('errno' in r) return encodeReply(unique, r.errno === 0 ? 0 : -r.errno)
  if ('bytes' in r) return encodeReply(unique, 0, r.bytes)
  return encodeReplyStruct(unique, r.def, r.values)
}

/** The answer to a request that cannot be read: ENOSYS for an opcode not spoken, else EINVAL; none without a header. */
const refuse = (table: OpcodeTable, msg: Uint8Array): Uint8Array | null => {
  const head = peekRequest(msg)
  if (head === null) return null
  const op = table.byNumber(head.opcode)
  if (op === undefined) return encodeReply(head.unique, -ENOSYS)
  return op.reply ? encodeReply(head.unique, -EINVAL) : null
}

/**
 * fuse_session_loop(): serve until the connection is gone (-ENODEV), or a signal that the process handles has come (-EINTR). Any
 * number of workers may run it on one transport.
 */
export const fuse_session_loop = kfn(
  'fuse_session_loop',
  function* (table: OpcodeTable, transport: Transport, handlers: Handlers<any>, w?: unknown): Step<number> {
    for (;;) {
      const msg = yield* transport.recv()
      if (typeof msg === 'number') return msg
      const req = decodeRequest(table, msg)
      if ('error' in req) {
        const reply = refuse(table, msg)
        if (reply !== null) yield* transport.send(reply)
        continue
      }
      yield* work(HANDLER_NS)
      const handler = handlers[req.op.name as OpName]
      const reply: Reply = handler ? yield* handler(req, w) : req.op.reply ? { errno: ENOSYS } : null
      if (reply === null) continue
      const rc = yield* transport.send(encode_reply(req.unique, reply))
      if (rc === -EIO) return rc
    }
  },
)
