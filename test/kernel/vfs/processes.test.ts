// What processes of one host share and hand on: locks, the working directory, the umask, signals; and daemons with their threads.
import { describe, expect, it } from 'vitest'
import {
  asked_to_end,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  O_CREAT,
  O_RDWR,
  ROOT_CRED,
  type Sys,
  spawn_process,
  spawn_thread,
  start_daemon,
  type task_struct,
} from '../../../src/kernel/index.ts'
import { Cell, DEAD, type Step, step, WaitQueue, wait_event, wake_up_all } from '../../../src/sim/index.ts'
import { EBUSY, EINTR, EPERM, ESRCH, EWOULDBLOCK } from '../../../src/wire/index.ts'
import { GiB, type Host, ms, us, World } from '../../../src/world/index.ts'

const make = (build: (h: Host, w: World) => void): World => {
  const w = new World()
  build(w.host('h0'), w)
  return w
}
/** Run twice from the same mark: nothing is wrong, and the second is the first again. */
const run_twice = (w: World): void => {
  const first = w.run()
  expect(first.problems).toEqual([])
  expect(first.verdict).toBe('held')
  expect(w.run().digest).toBe(first.digest)
}

describe('flock between processes', () => {
  const locker = (h: Host, name: string, at: number, cmd: number, hold: number, log: string[]): void => {
    h.app(
      name,
      function* (sys) {
        const fd = yield* sys.open('/tmp/lock', O_RDWR | O_CREAT)
        const rc = yield* sys.flock(fd, cmd)
        log.push(`${name} ${rc === 0 ? 'in' : rc}`)
        if (rc !== 0) return
        yield* sys.sleep(hold)
        log.push(`${name} out`)
        yield* sys.close(fd)
      },
      { at },
    )
  }
  it('waits for the one before, and a close gives it up', () => {
    const log: string[] = []
    const w = make(h => {
      locker(h, 'a', 0, LOCK_EX, ms(1), log)
      locker(h, 'b', us(100), LOCK_EX, ms(1), log)
      locker(h, 'c', us(200), LOCK_EX | LOCK_NB, 0, log)
    })
    run_twice(w)
    expect(log.slice(0, 5)).toEqual(['a in', `c ${-EWOULDBLOCK}`, 'a out', 'b in', 'b out'])
    expect(log.slice(5)).toEqual(log.slice(0, 5))
  })
  it('readers share, a writer waits for all of them', () => {
    const log: string[] = []
    run_twice(
      make(h => {
        locker(h, 'a', 0, LOCK_SH, ms(2), log)
        locker(h, 'b', us(100), LOCK_SH, ms(1), log)
        locker(h, 'w', us(200), LOCK_EX, ms(1), log)
      }),
    )
    expect(log.slice(0, 6)).toEqual(['a in', 'b in', 'b out', 'a out', 'w in', 'w out'])
  })
  it('a killed holder gives it up; a signal ends the wait of another', () => {
    const log: string[] = []
    run_twice(
      make(h => {
        let holder = 0
        let waiter = 0
        h.app('holder', function* (sys) {
          holder = sys.getpid()
          const fd = yield* sys.open('/tmp/lock', O_RDWR | O_CREAT)
          yield* sys.flock(fd, LOCK_EX)
          for (;;) yield* sys.read(fd, 1)
        })
        h.app(
          'waiter',
          function* (sys) {
            waiter = sys.getpid()
            sys.ts.handles_end = true
            const fd = yield* sys.open('/tmp/lock', O_RDWR)
            log.push(`waiter ${yield* sys.flock(fd, LOCK_EX)} ${asked_to_end(sys.ts)}`)
          },
          { at: us(50) },
        )
        h.app(
          'killer',
          function* (sys) {
            yield* sys.kill(waiter, 'SIGTERM')
            yield* sys.sleep(us(100))
            yield* sys.kill(holder, 'SIGKILL')
            const fd = yield* sys.open('/tmp/lock', O_RDWR)
            log.push(`killer ${yield* sys.flock(fd, LOCK_EX)} ${yield* sys.flock(fd, LOCK_UN)}`)
          },
          { at: us(200) },
        )
      }),
    )
    expect(log.slice(0, 2)).toEqual([`waiter ${-EINTR} SIGTERM`, 'killer 0 0'])
  })
})

describe('what a process gets from the one that starts it', () => {
  it('working directory and umask, as they were then; changes stay its own', () => {
    const w = make(() => {})
    const h = w.hosts[0]!
    const got = w.setup(h, 'parent', function* (sys) {
      yield* sys.mkdir('/tmp/d')
      yield* sys.chdir('/tmp/d')
      sys.umask(0o77)
      let child = ''
      spawn_process(
        h.k,
        'child',
        function* (own) {
          child = own.getcwd()
          yield* own.mknod('made', 0o666)
          yield* own.chdir('/')
          own.umask(0)
        },
        { parent: sys.ts },
      )
      yield* sys.sleep(ms(1))
      const st = yield* sys.stat('/tmp/d/made')
      return [child, sys.getcwd(), sys.umask(0), typeof st === 'number' ? st : st.mode & 0o777]
    })
    expect(got).toEqual(['/tmp/d', '/tmp/d', 0o77, 0o600])
  })
  it('umount: -EBUSY while somebody works there, -EPERM without the capability', () => {
    const w = new World()
    const dev = w.daxdev('dax0.0', { size: GiB(4) })
    const h = w.host('h0')
    h.famfs('/mnt/famfs', { mkfs: dev })
    const umount = (cred = ROOT_CRED) =>
      w.setup(
        h,
        'umount',
        function* (sys) {
          return yield* sys.umount('/mnt/famfs')
        },
        { cred },
      )
    expect(umount({ uid: 1, gid: 1, caps: [] })).toBe(-EPERM)
    const inside = w.setup(h, 'sh', function* (sys) {
      yield* sys.chdir('/mnt/famfs')
      const there = yield* sys.umount('/mnt/famfs')
      yield* sys.chdir('/')
      return [there, yield* sys.umount('/mnt/famfs')]
    })
    expect(inside).toEqual([-EBUSY, 0])
    w.close()
  })
})

describe('kill', () => {
  it('ends a process at its next system call; not another user’s, not one that is gone', () => {
    const got: number[] = []
    const w = make(h => {
      let pid = 0
      const victim = h.app('victim', function* (sys) {
        pid = sys.getpid()
        for (;;) yield* sys.stat('/')
      })
      h.app(
        'other',
        function* (sys) {
          got.push(yield* sys.kill(pid, 'SIGTERM'))
        },
        { at: us(50), cred: { uid: 1, gid: 1, caps: [] } },
      )
      h.app(
        'root',
        function* (sys) {
          got.push(yield* sys.kill(pid, '0'), yield* sys.kill(pid, 'SIGTERM'))
          yield* sys.sleep(us(50))
          got.push(yield* sys.kill(pid, 'SIGTERM'))
          expect(victim.end()?.signal?.signal).toBe('SIGTERM')
        },
        { at: us(100) },
      )
    })
    run_twice(w)
    expect(got.slice(0, 4)).toEqual([-EPERM, 0, 0, -ESRCH])
  })
})

/** A daemon of two threads that count how often they are asked, through one queue, while a descriptor of theirs is open. */
class Counter {
  readonly jobs: Cell<number>
  readonly done: Cell<number>
  readonly wq: WaitQueue
  leader: task_struct | null = null
  constructor(h: Host) {
    this.jobs = new Cell(h.k.m, 'jobs', 0)
    this.done = new Cell(h.k.m, 'done', 0)
    this.wq = new WaitQueue(h.k.m, 'jobs')
  }
  *serve(sys: Sys): Step<void> {
    while (asked_to_end(sys.ts) === null) {
      const rc = yield* wait_event(this.wq, () => this.jobs.peek() > 0, 'interruptible')
      // A signal that has no handler strikes at the end of a system call.
      if (rc !== 0) yield* sys.stat('/')
      if (this.jobs.peek() === 0) continue
      const n = this.done.peek()
      this.jobs.poke(this.jobs.peek() - 1)
      this.done.poke(n + 1)
      yield* sys.pwrite(3, new Uint8Array([65 + n]), n)
    }
  }
  start(h: Host): void {
    const self = this
    h.world.setup(h, 'counterd', function* (sys) {
      self.leader = sys.ts
      yield* sys.open('/tmp/counted', O_RDWR | O_CREAT)
      const body = (own: Sys): Step<void> => self.serve(own)
      start_daemon(sys.ts, [
        { comm: 'counterd/0', body },
        { comm: 'counterd/1', body },
      ])
    })
  }
  *ask(n: number): Step<void> {
    this.jobs.poke(this.jobs.peek() + n)
    yield* wake_up_all(this.wq)
  }
}
const alive = (h: Host, pid: number): number =>
  h.k.m.tasks.filter(t => t.owner?.pid === pid && t.owner.k === h.k && t.state !== DEAD).length

describe('daemons', () => {
  it('serve set-up and every execution, with the descriptors they had', () => {
    const w = make(() => {})
    const h = w.hosts[0]!
    const d = new Counter(h)
    d.start(h)
    w.setup(h, 'ask', function* (sys) {
      yield* d.ask(2)
      yield* sys.sleep(ms(1))
    })
    expect(d.done.peek()).toBe(2)
    const text: string[] = []
    h.app('ask', function* (sys) {
      yield* d.ask(3)
      yield* sys.sleep(ms(1))
      const fd = yield* sys.open('/tmp/counted')
      const b = new Uint8Array(9)
      text.push(String.fromCharCode(...b.subarray(0, yield* sys.read(fd, b))))
    })
    run_twice(w)
    expect(text).toEqual(['ABCDE', 'ABCDE'])
  })
  it('a signal to the process ends all its threads, and then its descriptors are closed', () => {
    for (const name of ['SIGKILL', 'SIGTERM']) {
      const w = make(() => {})
      const h = w.hosts[0]!
      const d = new Counter(h)
      d.start(h)
      const locks: number[] = []
      h.app('ask', function* (sys) {
        const pid = d.leader!.pid
        yield* d.ask(1)
        yield* sys.sleep(ms(1))
        expect([alive(h, pid), d.leader!.files.size]).toEqual([2, 1])
        locks.push(yield* sys.kill(pid, name))
        yield* sys.sleep(ms(1))
        expect([alive(h, pid), d.leader!.files.size]).toEqual([0, 0])
        locks.push(yield* sys.kill(pid, name), h.k.daemons.length)
      })
      // After the rewind it is there again.
      run_twice(w)
      expect(locks).toEqual([0, -ESRCH, 0, 0, -ESRCH, 0])
    }
  })
  it('a process whose thread dies of a fault ends with that signal', () => {
    const w = make(() => {})
    const h = w.hosts[0]!
    const ends: (string | undefined)[] = []
    h.app('parent', function* (sys) {
      const never = new WaitQueue(w.m, 'never')
      spawn_process(
        h.k,
        'faulty',
        function* (own) {
          spawn_thread(own.ts, 'faulty/1', function* (thread) {
            yield* thread.load(0x10, new Uint8Array(1))
          })
          yield* wait_event(never, () => false, 'killable')
          yield* own.stat('/')
        },
        {
          parent: sys.ts,
          ended: e => {
            ends.push(e.signal?.signal)
            return step()
          },
        },
      )
      yield* sys.sleep(ms(1))
    })
    run_twice(w)
    expect(ends).toEqual(['SIGSEGV', 'SIGSEGV'])
  })
  it('one thread that dies of a fault takes the others along', () => {
    const w = make(() => {})
    const h = w.hosts[0]!
    const d = new Counter(h)
    d.start(h)
    const fault = new Cell(w.m, 'fault', false)
    const faulty = w.setup(h, 'faultyd', function* (sys) {
      yield* sys.open('/tmp/counted', O_RDWR | O_CREAT)
      start_daemon(sys.ts, [
        { comm: 'faultyd/0', body: own => d.serve(own) },
        {
          comm: 'faultyd/1',
          *body(own): Step<void> {
            yield* wait_event(d.wq, () => fault.peek())
            yield* own.load(0x10, new Uint8Array(1))
          },
        },
      ])
      return sys.ts
    })
    h.app('look', function* (sys) {
      expect(alive(h, faulty.pid)).toBe(2)
      fault.poke(true)
      yield* d.ask(0)
      yield* sys.sleep(ms(2))
      expect([alive(h, faulty.pid), faulty.files.size, alive(h, d.leader!.pid)]).toEqual([0, 0, 2])
    })
    run_twice(w)
  })
})
