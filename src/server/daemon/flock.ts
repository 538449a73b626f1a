// flock(2) on files of the mount (userspace.md e.6). Two of them: the real daemon's, one mutex for the whole mount and a flag for
// each inode, whoever holds it (Q1, Q2); and that of a fixed server, which keeps owners, shares, and waits without keeping a worker.
// Locking: the real one's mutex is held from LOCK_EX to LOCK_UN, by whichever worker comes; all else is one step.
import { LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN } from '../../kernel/index.ts'
import {
  Cell,
  JList,
  JMap,
  Killed,
  kfn,
  type Machine,
  type Op,
  type Step,
  WaitQueue,
  wait_event,
} from '../../sim/index.ts'
import { EAGAIN, EINTR, EINVAL, EWOULDBLOCK } from '../../wire/index.ts'

/** Who asks, and for what. */
export interface FlockRequest {
  /** Inode number. */
  readonly ino: number
  /** The open file, as the kernel names it. */
  readonly owner: number
  /** LOCK_SH, LOCK_EX or LOCK_UN, with or without LOCK_NB. */
  readonly op: number
  /** The request that is to be answered. */
  readonly unique: number
}

/** What becomes of requests: this one's errno (null: it waits), and those that waited and are to be answered now. */
export interface FlockAnswer {
  readonly errno: number | null
  readonly others: readonly { readonly unique: number; readonly errno: number }[]
}

const answer = (errno: number | null): FlockAnswer => ({ errno, others: [] })

export interface Flock {
  flock(r: FlockRequest): Op<FlockAnswer>
  /** An open file of the inode was closed for good; `owner` null: it never locked. Its own errno means nothing. */
  released(ino: number, owner: number | null): FlockAnswer
  /** The caller of this request got a signal. EAGAIN: no such request waits, yet. */
  interrupt(unique: number): FlockAnswer
}

/** The real daemon's. */
export class GlobalFlock implements Flock {
  /** Inode number of the file that has the mutex; 0: nobody. */
  private readonly holder: Cell<number>
  private readonly q: WaitQueue
  /** Is a request that must not wait answered as if it had the lock (Q2)? */
  readonly pretends: boolean

  constructor(m: Machine, pretends: boolean) {
    this.pretends = pretends
    this.holder = new Cell(m, 'famfs flock holder', 0)
    this.q = new WaitQueue(m, 'famfs flock mutex')
  }

  flock(r: FlockRequest): Op<FlockAnswer> {
    return global_flock(this, r)
  }

  /** Sleep until nobody has the mutex, then take it for this inode. */
  *lock(ino: number): Step<void> {
    const rc = yield* wait_event(this.q, () => this.holder.peek() === 0, 'killable')
    if (rc !== 0) throw new Killed('SIGKILL', null)
    this.holder.poke(ino)
  }
  held(ino: number): boolean {
    return this.holder.peek() === ino
  }
  /** Take the mutex if nobody has it. */
  trylock(ino: number): boolean {
    if (this.holder.peek() !== 0) return false
    this.holder.poke(ino)
    return true
  }
  /** False when this inode does not have it. */
  unlock(ino: number): boolean {
    if (this.holder.peek() !== ino) return false
    this.holder.poke(0)
    this.q.wake_up()
    return true
  }

  /** Whoever closes it drops the lock (Q1). */
  released(ino: number): FlockAnswer {
    this.unlock(ino)
    return answer(0)
  }

  /** The library keeps note of it, and nobody asks. */
  interrupt(): FlockAnswer {
    return answer(null)
  }
}

/** LOCK_EX keeps the worker asleep while another file has the mutex; while this one has it, it is EINVAL at once. */
const global_flock = kfn('famfs_flock', function* (f: GlobalFlock, { ino, op }: FlockRequest): Step<FlockAnswer> {
  if (op === LOCK_SH) return answer(EINVAL)
  if (op === LOCK_UN) return answer(f.unlock(ino) ? 0 : EINVAL)
  if (op !== LOCK_EX) return answer(f.pretends || (op & LOCK_EX) === 0 || f.trylock(ino) ? 0 : EWOULDBLOCK)
  if (f.held(ino)) return answer(EINVAL)
  yield* f.lock(ino)
  return answer(0)
})

interface Held {
  readonly owner: number
  readonly exclusive: boolean
}
interface Waiting extends Held {
  readonly unique: number
}
interface Locks {
  readonly held: JList<Held>
  /** Oldest first. */
  readonly waiting: JList<Waiting>
}

/** What flock(2) promises. A request that must wait is kept, not the worker that read it. */
export class OwnedFlock implements Flock {
  private readonly m: Machine
  private readonly files: JMap<number, Locks>
  private readonly pretends: boolean

  /** `pretends`: as for the other one. */
  constructor(m: Machine, pretends = false) {
    this.m = m
    this.pretends = pretends
    this.files = new JMap(m.journal)
  }

  flock(r: FlockRequest): Op<FlockAnswer> {
    return owned_flock(this, r)
  }

  lock({ ino, owner, op, unique }: FlockRequest): FlockAnswer {
    if (this.pretends && op === (LOCK_EX | LOCK_NB)) return answer(0)
    const locks = this.of(ino)
    const kind = op & ~LOCK_NB
    const had = this.drop(locks, owner)
    if (kind === LOCK_UN) return { errno: 0, others: this.grant(locks) }
    if (kind !== LOCK_SH && kind !== LOCK_EX) return answer(EINVAL)
    const want: Waiting = { owner, exclusive: kind === LOCK_EX, unique }
    if (!this.conflict(locks, want)) {
      locks.held.push(want)
      return { errno: 0, others: had ? this.grant(locks) : [] }
    }
    // Another kind of lock is a new lock: the old one is gone by now, as flock(2) says.
    const others = had ? this.grant(locks) : []
    if ((op & LOCK_NB) !== 0) return { errno: EWOULDBLOCK, others }
    locks.waiting.push(want)
    return { errno: null, others }
  }

  released(ino: number, owner: number | null): FlockAnswer {
    const locks = this.files.get(ino)
    if (locks === undefined || owner === null) return answer(0)
    return this.drop(locks, owner) ? { errno: 0, others: this.grant(locks) } : answer(0)
  }

  interrupt(unique: number): FlockAnswer {
    for (const locks of this.files.values()) {
      const w = locks.waiting.items.find(x => x.unique === unique)
      if (w === undefined) continue
      locks.waiting.remove(w)
      return { errno: null, others: [{ unique, errno: EINTR }] }
    }
    return answer(EAGAIN)
  }

  private of(ino: number): Locks {
    const there = this.files.get(ino)
    if (there !== undefined) return there
    const locks = { held: new JList<Held>(this.m.journal), waiting: new JList<Waiting>(this.m.journal) }
    this.files.set(ino, locks)
    return locks
  }

  private drop(locks: Locks, owner: number): boolean {
    const old = locks.held.items.find(h => h.owner === owner)
    return old !== undefined && locks.held.remove(old)
  }

  private conflict(locks: Locks, want: Held): boolean {
    return locks.held.items.some(h => h.owner !== want.owner && (h.exclusive || want.exclusive))
  }

  /** Those that wait and may go on now, oldest first. */
  private grant(locks: Locks): { unique: number; errno: number }[] {
    const out: { unique: number; errno: number }[] = []
    for (const w of [...locks.waiting.items]) {
      if (this.conflict(locks, w)) continue
      locks.waiting.remove(w)
      locks.held.push(w)
      out.push({ unique: w.unique, errno: 0 })
    }
    return out
  }
}

const owned_flock = kfn('famfs_flock', function* (f: OwnedFlock, r: FlockRequest): Step<FlockAnswer> {
  return f.lock(r)
})
