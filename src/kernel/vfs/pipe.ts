// Pipes (fs/pipe.c): a ring of 16 buffers of a page at most, between those who write and those who read. A buffer's bytes are never
// changed, only replaced, so that a pipe rewinds.
// Locking: the ring is looked at and changed within one step, where the kernel holds pipe->mutex.
import { Cell, kfn, min, type Step, WaitQueue, wait_event } from '../../sim/index.ts'
import { EAGAIN, EINTR, EINVAL, ENXIO, EPIPE } from '../../wire/index.ts'
import type { Kernel } from '../kernel.ts'
import { send_sig } from '../signal.ts'
import type { task_struct } from '../task_struct.ts'
import { Dentry } from './dcache.ts'
import {
  File,
  FMODE_NOWAIT,
  fd_install,
  nonseekable_open,
  O_ACCMODE,
  O_CLOEXEC,
  O_DIRECT,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
} from './file.ts'
import { copyable, type FileOps, Inode, IOCB_NOWAIT, type Kiocb, new_attr, S_IFIFO } from './inode.ts'

const PAGE_SIZE = 4096
const PIPE_DEF_BUFFERS = 16

/** struct pipe_buffer */
export interface PipeBuffer {
  readonly bytes: Uint8Array
  /** Where in its page the bytes end: what is written next goes behind them, if it fits. A page: nothing does. */
  readonly end: number
}

/** struct pipe_inode_info */
export class pipe_inode_info {
  private readonly bufs: Cell<readonly PipeBuffer[]>
  readonly readers: Cell<number>
  readonly writers: Cell<number>
  /** How often somebody opened it to read, and to write: whom an open of a FIFO waits for may be gone again. */
  readonly r_counter: Cell<number>
  readonly w_counter: Cell<number>
  readonly wait: WaitQueue
  constructor(k: Kernel) {
    this.bufs = new Cell<readonly PipeBuffer[]>(k.m, 'pipe->bufs', [])
    this.readers = new Cell(k.m, 'pipe->readers', 0)
    this.writers = new Cell(k.m, 'pipe->writers', 0)
    this.r_counter = new Cell(k.m, 'pipe->r_counter', 0)
    this.w_counter = new Cell(k.m, 'pipe->w_counter', 0)
    this.wait = new WaitQueue(k.m, 'pipe')
  }
  get empty(): boolean {
    return this.bufs.peek().length === 0
  }
  /** Bytes that its free pages have room for. */
  get room(): number {
    return (PIPE_DEF_BUFFERS - this.bufs.peek().length) * PAGE_SIZE
  }
  /** Put bytes in, a page to a buffer; there must be room. `merge`: what is written later may go behind them. */
  push(bytes: Uint8Array, merge = false): void {
    const bufs = [...this.bufs.peek()]
    for (let at = 0; at < bytes.length; at += PAGE_SIZE) {
      const part = bytes.slice(at, at + PAGE_SIZE)
      bufs.push({ bytes: part, end: merge ? part.length : PAGE_SIZE })
    }
    this.set(bufs)
  }
  /** Put bytes behind the last ones, in their page. False: there is no room in it. */
  append(more: Uint8Array): boolean {
    const bufs = this.bufs.peek()
    const last = bufs.at(-1)
    if (last === undefined || last.end + more.length > PAGE_SIZE) return false
    const bytes = new Uint8Array(last.bytes.length + more.length)
    bytes.set(last.bytes)
    bytes.set(more, last.bytes.length)
    this.set([...bufs.slice(0, -1), { bytes, end: last.end + more.length }])
    return true
  }
  private set(bufs: readonly PipeBuffer[]): void {
    this.bufs.poke(bufs)
    this.wait.wake_up()
  }
  /** The first bytes, `len` at most; they stay. */
  peek(len: number): Uint8Array {
    const parts: Uint8Array[] = []
    let n = 0
    for (const b of this.bufs.peek()) {
      if (n >= len) break
      parts.push(b.bytes.subarray(0, len - n))
      n += parts.at(-1)!.length
    }
    const all = new Uint8Array(n)
    n = 0
    for (const p of parts) {
      all.set(p, n)
      n += p.length
    }
    return all
  }
  /** The first `len` bytes go. */
  consume(len: number): void {
    const bufs = [...this.bufs.peek()]
    for (let left = len; left > 0; ) {
      const { bytes, end } = bufs.shift()!
      if (left < bytes.length) bufs.unshift({ bytes: bytes.subarray(left), end })
      left -= bytes.length
    }
    this.set(bufs)
  }
}

/** Sleep until a condition of the pipe holds: 0, -EAGAIN where nobody wants to wait, -EINTR. */
export const pipe_wait = kfn(
  'pipe_wait',
  function* (pipe: pipe_inode_info, nonblock: boolean, cond: () => boolean): Step<number> {
    if (cond()) return 0
    if (nonblock) return -EAGAIN
    return (yield* wait_event(pipe.wait, cond, 'interruptible')) === 0 ? 0 : -EINTR
  },
)

const nonblock = (iocb: Kiocb): boolean => (iocb.file.f_flags & O_NONBLOCK) !== 0 || (iocb.ki_flags & IOCB_NOWAIT) !== 0

/** anon_pipe_read(): bytes, 0 when nobody is left who writes. */
const pipe_read = kfn('anon_pipe_read', function* (iocb: Kiocb): Step<number> {
  const pipe = iocb.file.pipe!
  const want = copyable(iocb, iocb.count)
  if (want <= 0) return want
  const rc = yield* pipe_wait(pipe, nonblock(iocb), () => !pipe.empty || pipe.writers.peek() === 0)
  if (rc < 0) return rc
  const bytes = pipe.peek(want)
  iocb.buf.set(bytes)
  pipe.consume(bytes.length)
  return bytes.length
})

/** Nobody reads what would be written. */
export const broken_pipe = (k: Kernel): number => {
  send_sig(k.current, 'SIGPIPE')
  return -EPIPE
}

/** anon_pipe_write(): what fits into a page goes in at once or not at all; more goes in as there is room. */
const pipe_write = kfn('anon_pipe_write', function* (iocb: Kiocb): Step<number> {
  const pipe = iocb.file.pipe!
  const { k } = iocb.file.f_inode
  const n = copyable(iocb, iocb.count)
  if (n <= 0) return n
  if (pipe.readers.peek() === 0) return broken_pipe(k)
  // The odd bytes first, behind what was written last, if they fit there.
  let done = n % PAGE_SIZE
  if (done > 0 && !pipe.append(iocb.buf.subarray(0, done))) done = 0
  while (done < n) {
    const rc = yield* pipe_wait(pipe, nonblock(iocb), () => pipe.room > 0 || pipe.readers.peek() === 0)
    if (rc < 0) return done > 0 ? done : rc
    if (pipe.readers.peek() === 0) {
      const err = broken_pipe(k)
      return done > 0 ? done : err
    }
    const part = iocb.buf.subarray(done, min(done + PAGE_SIZE, n))
    pipe.push(part, true)
    done += part.length
  }
  return n
})

/** pipe_release(): the end is closed; who waits at the other looks again. */
const pipe_release = kfn('pipe_release', function* (inode: Inode, f: File): Step<number> {
  const pipe = f.pipe!
  if (f.readable) pipe.readers.poke(pipe.readers.peek() - 1)
  if (f.writable) pipe.writers.poke(pipe.writers.peek() - 1)
  pipe.wait.wake_up()
  if (pipe.readers.peek() + pipe.writers.peek() === 0) inode.k.fifos.delete(inode.id)
  return 0
})

/** fifo_open(): waits for the other end; without waiting a reader gets in, and a writer only to a reader. */
const fifo_open = kfn('fifo_open', function* (inode: Inode, f: File): Step<number> {
  const { fifos } = inode.k
  const pipe = fifos.get(inode.id) ?? new pipe_inode_info(inode.k)
  const acc = f.f_flags & O_ACCMODE
  const waits = (f.f_flags & O_NONBLOCK) === 0
  if (acc === O_WRONLY && !waits && pipe.readers.peek() === 0) return -ENXIO
  fifos.set(inode.id, pipe)
  open_end(f, pipe)
  const [here, there, counter] =
    acc === O_WRONLY ? [pipe.writers, pipe.readers, pipe.r_counter] : [pipe.readers, pipe.writers, pipe.w_counter]
  if (acc === O_RDWR || there.peek() > 0 || !waits) return 0
  const before = counter.peek()
  const rc = yield* pipe_wait(pipe, false, () => counter.peek() !== before)
  if (rc === 0) return 0
  here.poke(here.peek() - 1)
  if (here.peek() + there.peek() === 0) fifos.delete(inode.id)
  return rc
})

/** One end more: who waits for that looks again. */
const open_end = (f: File, pipe: pipe_inode_info): void => {
  const more = (c: Cell<number>): void => c.poke(c.peek() + 1)
  f.pipe = pipe
  nonseekable_open(f, true)
  f.f_mode |= FMODE_NOWAIT
  if (f.readable) for (const c of [pipe.readers, pipe.r_counter]) more(c)
  if (f.writable) for (const c of [pipe.writers, pipe.w_counter]) more(c)
  pipe.wait.wake_up()
}

export const pipefifo_fops: FileOps = {
  open: fifo_open,
  release: pipe_release,
  read_iter: pipe_read,
  write_iter: pipe_write,
}

/** pipe2(2): the descriptors to read from and to write to, or -EINVAL. Packets (O_DIRECT) are not there. */
export const do_pipe2 = kfn('do_pipe2', function* (ts: task_struct, flags: number): Step<[number, number] | number> {
  if ((flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) !== 0 || (flags & O_DIRECT) !== 0) return -EINVAL
  const { k } = ts
  const inode = new Inode(k, k.new_ino(), new_attr(S_IFIFO | 0o600, 1, k.m.clock(), ts.cred.uid, ts.cred.gid), {
    i_fop: pipefifo_fops,
    leaf: k.leaf_inode,
  })
  const pipe = new pipe_inode_info(k)
  const d = new Dentry(k, `pipe:[${inode.i_ino}]`, null, inode, k.leaf_dentry)
  const end = (acc: number): number => {
    const f = new File(d, acc | (flags & O_NONBLOCK), pipefifo_fops)
    open_end(f, pipe)
    return fd_install(ts, f)
  }
  return [end(O_RDONLY), end(O_WRONLY)]
})
