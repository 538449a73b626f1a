// What a server says of its own accord: the messages, and writing one to a mount of a rig.
import { fuse_dev_do_write } from '../kernel/index.ts'
import { encodeNotify, NOTIFIES, type Notify, setU64, viewOf } from '../wire/index.ts'
import type { Mounted, Rig } from './rig.ts'

const row = (name: string): Notify => NOTIFIES.find(n => n.name === name)!

/** The message of each notification; fields in the order of its struct. `off` -1: attributes only; `len` 0: to the end. */
export const notification = {
  poll: (kh: number) => encodeNotify(row('POLL'), { kh }),
  inval_inode: (ino: number, off = 0, len = 0) => encodeNotify(row('INVAL_INODE'), { ino, off, len }),
  /** `flags` 1: the name is asked for again, no more (EXPIRE_ONLY). */
  inval_entry: (parent: number, name: string, flags = 0) => encodeNotify(row('INVAL_ENTRY'), { parent, flags }, name),
  store: (nodeid: number, offset: number, data: Uint8Array) =>
    encodeNotify(row('STORE'), { nodeid, offset, size: data.length }, '', data),
  retrieve: (notify_unique: number, nodeid: number, offset: number, size: number) =>
    encodeNotify(row('RETRIEVE'), { notify_unique, nodeid, offset, size }),
  delete: (parent: number, child: number, name: string) => encodeNotify(row('DELETE'), { parent, child }, name),
  resend: () => encodeNotify(row('RESEND')),
  inc_epoch: () => encodeNotify(row('INC_EPOCH')),
  prune: (nodeids: readonly number[]) => {
    const data = new Uint8Array(nodeids.length * 8)
    for (const [i, n] of nodeids.entries()) setU64(viewOf(data), i * 8, n)
    return encodeNotify(row('PRUNE'), { count: nodeids.length }, '', data)
  },
}

/** A thread of the server writes it, and nothing else runs that had ended: what write(2) said. Call between runs. */
export function notify(rig: Rig, mt: Pick<Mounted, 'dev'>, message: Uint8Array): number {
  const t = rig.kthread('notify', function* () {
    return yield* fuse_dev_do_write(mt.dev.fc, message)
  })
  rig.go()
  return t.value as number
}
