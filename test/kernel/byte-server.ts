// A scripted server whose one file f (node 100) holds bytes, and no map: what is read and written there is what a real file would
// have.
import { RawServer, Rig, type RigOptions } from '../../src/conform/index.ts'
import type { Sys } from '../../src/kernel/index.ts'
import { S_IFREG } from '../../src/kernel/index.ts'
import type { Step } from '../../src/sim/index.ts'
import {
  FATTR_MTIME,
  FATTR_SIZE,
  FUSE_DAX_FMAP_BIT,
  fuse_attr_out,
  fuse_write_out,
  type Request,
} from '../../src/wire/index.ts'

export class ByteServer extends RawServer {
  bytes: Uint8Array
  mtime = 0
  constructor(size: number, bits: readonly number[] = []) {
    super()
    this.bytes = new Uint8Array(size)
    this.init = [...this.init.filter(b => b !== FUSE_DAX_FMAP_BIT), ...bits]
    this.files.set('f', { nodeid: 100, size, fmap: 22 })
    this.script = req => this.act(req)
  }
  resize(size: number): void {
    const bytes = new Uint8Array(size)
    bytes.set(this.bytes.subarray(0, size))
    this.bytes = bytes
    this.files.get('f')!.size = size
  }
  private attributes() {
    const attr = { ino: 100, size: this.bytes.length, mode: S_IFREG | 0o644, nlink: 1, mtime: this.mtime }
    return { def: fuse_attr_out, values: { attr_valid: this.attrValid, attr } }
  }
  private act(req: Request) {
    const { arg } = req
    if (req.nodeid !== 100 || this.errnos[req.op.name as 'READ'] !== undefined) return undefined
    switch (req.op.name) {
      case 'READ':
        return { body: this.bytes.slice(arg.offset, arg.offset + arg.size) }
      case 'WRITE':
        if (arg.offset + arg.size > this.bytes.length) this.resize(arg.offset + arg.size)
        this.bytes.set(req.data, arg.offset)
        return { def: fuse_write_out, values: { size: arg.size } }
      case 'SETATTR':
        if ((arg.valid & FATTR_SIZE) !== 0) this.resize(arg.size)
        if ((arg.valid & FATTR_MTIME) !== 0) this.mtime = arg.mtime
        return this.attributes()
      case 'GETATTR':
        return this.attributes()
      default:
        return undefined
    }
  }
}

export interface Bytes {
  readonly rig: Rig
  readonly s: ByteServer
  readonly mt: ReturnType<Rig['mount']>
  /** What a process does, and the READs and WRITEs of it as `R offset+size`, with other messages by name. */
  readonly io: <T>(body: (sys: Sys) => Step<T>) => { got: T; log: string[] }
}

/** How a message shows in the log. */
const shown = (r: Request): string =>
  r.op.name === 'READ' || r.op.name === 'WRITE' ? `${r.op.name[0]} ${r.arg.offset}+${r.arg.size}` : r.op.name

/** A mount of such a server. */
export const bytesOf = (
  size: number,
  bits: readonly number[] = [],
  o: RigOptions = {},
  before?: (s: ByteServer) => void,
): Bytes => {
  const rig = new Rig({ devices: [], ...o })
  const s = new ByteServer(size, bits)
  before?.(s)
  const mt = rig.mount(s)
  const io = <T>(body: (sys: Sys) => Step<T>) => {
    const from = s.requests.length
    const got = rig.run(body)
    const log = s.requests.slice(from).filter(r => r.nodeid !== 1)
    return { got, log: log.map(shown) }
  }
  return { rig, s, mt, io }
}
