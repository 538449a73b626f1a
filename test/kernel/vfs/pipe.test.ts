// Pipes and what moves bytes through them: against plain buffers, and the corners that a plain buffer has not.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Rig, simpleMap } from '../../../src/conform/index.ts'
import {
  MAP_SHARED,
  O_APPEND,
  O_CREAT,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  PROT_READ,
  PROT_WRITE,
  S_IFIFO,
  type Sys,
} from '../../../src/kernel/index.ts'
import { ms, type Step, type Task } from '../../../src/sim/index.ts'
import { fuse_copy_file_range_out, fuse_write_out } from '../../../src/wire/index.ts'
import { E, logged, ONE, setUp, TWO } from '../../conformance/set-up.ts'

const outcome = (t: Task): unknown => {
  const end = t.value as { value: unknown; signal: { signal: string } | null }
  return end.signal?.signal ?? end.value
}
const bytes = (from: number, len: number): Uint8Array =>
  Uint8Array.from({ length: len }, (_, i) => (from + i * 7) & 0xff)
const pair = function* (sys: Sys, flags = 0): Step<[number, number]> {
  return (yield* sys.pipe(flags)) as [number, number]
}
const both = (rig: Rig, a: (sys: Sys) => Step<unknown>, b: (sys: Sys) => Step<unknown>): unknown[] => {
  const [t, u] = [rig.spawn('a', a), rig.spawn('b', b, { at: ms(1) })]
  rig.go()
  return [outcome(t), outcome(u)]
}

/** One thing done to a pipe, two tmpfs files and a famfs file. */
const act = fc.oneof(
  fc.record({ do: fc.constantFrom('write', 'read', 'vmsplice in', 'vmsplice out'), len: fc.nat(9000) }),
  fc.record({
    do: fc.constantFrom('splice in', 'splice out', 'copy', 'send', 'readv', 'writev'),
    file: fc.nat(2),
    off: fc.nat(12000),
    len: fc.integer({ min: 1, max: 9000 }),
  }),
)

describe('against plain buffers', () => {
  it('pipe, splice, sendfile, vmsplice, copy_file_range, readv, writev', () => {
    fc.assert(
      fc.property(fc.array(act, { minLength: 1, maxLength: 25 }), acts => {
        const { rig } = setUp({ f: ONE })
        rig.run(function* (sys) {
          const [r, w] = yield* pair(sys, O_NONBLOCK)
          const fds: number[] = []
          const files: Uint8Array[] = []
          for (const [path, size] of [
            ['/a', 10000],
            ['/b', 0],
            ['/mnt/f', TWO],
          ] as const) {
            const fd = yield* sys.open(path, O_RDWR | (path === '/mnt/f' ? 0 : O_CREAT))
            const was = bytes(fds.length, path === '/mnt/f' ? 20000 : size)
            yield* sys.pwrite(fd, was, 0)
            const whole = new Uint8Array(size)
            whole.set(was)
            files.push(whole)
            fds.push(fd)
          }
          /** What the pipe holds, a buffer's bytes and the room behind them each. */
          let ring: number[] = []
          const put = (i: number, off: number, b: Uint8Array): void => {
            const size = Math.max(files[i]!.length, b.length > 0 ? off + b.length : 0)
            const next = new Uint8Array(size)
            next.set(files[i]!)
            if (b.length > 0) next.set(b, off)
            files[i] = next
          }
          let seed = 0
          for (const a of acts) {
            const b = bytes(seed++, a.len)
            const off = 'off' in a ? a.off : 0
            const i = 'file' in a ? a.file : 0
            const file = files[i]!.subarray(off, off + a.len)
            let n: number
            switch (a.do) {
              case 'write':
              case 'vmsplice in':
                n = yield* a.do === 'write' ? sys.write(w, b) : sys.vmsplice(w, [b], 2)
                if (n < 0) expect([E(n), ring.length > 15 * 4096 - 9000]).toEqual([a.len === 0 ? 0 : 'EAGAIN', true])
                ring.push(...b.subarray(0, Math.max(0, n)))
                break
              case 'read':
              case 'vmsplice out': {
                const got = new Uint8Array(a.len)
                n = yield* a.do === 'read' ? sys.read(r, got) : sys.vmsplice(r, [got], 2)
                const empty = ring.length === 0 && a.len > 0
                expect(n < 0 ? E(n) : n).toBe(empty ? 'EAGAIN' : Math.min(a.len, ring.length))
                expect([...got.subarray(0, Math.max(0, n))]).toEqual(ring.slice(0, Math.max(0, n)))
                ring = ring.slice(Math.max(0, n))
                break
              }
              case 'splice in':
                n = yield* sys.splice(fds[i]!, off, w, null, a.len)
                if (n >= 0) expect(n).toBeLessThanOrEqual(file.length)
                ring.push(...file.subarray(0, Math.max(0, n)))
                break
              case 'splice out': {
                n = yield* sys.splice(r, null, fds[i]!, off, a.len, 2)
                const want = Math.min(a.len, ring.length)
                expect(n < 0 ? E(n) : n).toBe(i === 2 ? 'EIO' : want === 0 ? 'EAGAIN' : want)
                if (n > 0) put(i, off, Uint8Array.from(ring.slice(0, n)))
                if (n > 0) ring = ring.slice(n)
                break
              }
              case 'copy': {
                // From /a to /b, or the other way: across file systems it is EXDEV.
                const to = 1 - (i & 1)
                const src = files[i & 1]!.slice(off, off + a.len)
                n = yield* sys.copy_file_range(fds[i & 1]!, off, fds[to]!, off + 5, a.len)
                expect(n).toBe(src.length)
                put(to, off + 5, src)
                break
              }
              case 'send': {
                yield* sys.lseek(fds[1]!, off, 0)
                n = yield* sys.sendfile(fds[1]!, fds[i === 1 ? 0 : i]!, off, a.len)
                const src = files[i === 1 ? 0 : i]!.slice(off, off + a.len)
                expect(n).toBe(src.length)
                put(1, off, src)
                break
              }
              case 'writev': {
                n = yield* sys.pwritev2(fds[i]!, [b.subarray(0, 3), b.subarray(3, 3), b.subarray(3)], off)
                expect(n).toBe(b.length)
                put(i, off, b)
                break
              }
              case 'readv': {
                const got = [new Uint8Array(1), new Uint8Array(a.len)]
                n = yield* sys.preadv2(fds[i]!, got, off)
                const want = files[i]!.slice(off, off + a.len + 1)
                expect(n).toBe(want.length)
                expect([...got[0]!, ...got[1]!].slice(0, n)).toEqual([...want])
                break
              }
            }
          }
          for (const [i, fd] of fds.entries()) {
            const all = new Uint8Array(files[i]!.length + 1)
            expect(yield* sys.pread(fd, all, 0)).toBe(files[i]!.length)
            expect(Buffer.compare(all.subarray(0, -1), files[i]!)).toBe(0)
          }
        })
        expect(rig.problems()).toEqual([])
      }),
      { numRuns: 40, seed: 8 },
    )
  })
})

describe('pipes', () => {
  it('a reader waits for bytes and for the end; a writer for room, and what fits in a page goes in whole', () => {
    const { rig } = setUp({})
    rig.run(sys => sys.mknod('/p', S_IFIFO | 0o666) as never)
    const [reader, writer] = both(
      rig,
      function* (sys) {
        const fd = yield* sys.open('/p', O_RDONLY)
        const got = []
        for (let n = -1; n !== 0; ) {
          n = yield* sys.read(fd, 50000)
          got.push(n)
          yield* sys.sleep(ms(2))
        }
        return got
      },
      function* (sys) {
        const fd = yield* sys.open('/p', O_WRONLY)
        const out = [yield* sys.write(fd, new Uint8Array(65536)), yield* sys.write(fd, new Uint8Array(100))]
        yield* sys.fcntl(fd, 4, O_NONBLOCK)
        for (let i = 0; i < 20; i++) out.push(yield* sys.write(fd, new Uint8Array(4000)))
        return [out.slice(0, 2), out.filter(n => n === 4000).length > 0, out.at(-1)! < 0 ? E(out.at(-1)!) : 'took all']
      },
    )
    expect(writer).toEqual([[65536, 100], true, 'EAGAIN'])
    const got = reader as number[]
    expect(got.at(-1)).toBe(0)
    expect((got.reduce((a, b) => a + b) - 65636) % 4000).toBe(0)
  })
  it('nobody reads: SIGPIPE, or EPIPE for who ignores it; nobody at the other end of a FIFO: ENXIO', () => {
    const { rig } = setUp({})
    const breaks = (ignore: boolean) =>
      function* (sys: Sys): Step<unknown> {
        if (ignore) sys.ignore_signal('SIGPIPE')
        const [r, w] = yield* pair(sys)
        yield* sys.close(r)
        return E(yield* sys.write(w, new Uint8Array(1)))
      }
    expect(both(rig, breaks(false), breaks(true))).toEqual(['SIGPIPE', 'EPIPE'])
    const got = rig.run(function* (sys) {
      yield* sys.mknod('/p', S_IFIFO | 0o666)
      const [r, w] = yield* pair(sys)
      yield* sys.write(w, new Uint8Array(3))
      const wrong = E(yield* sys.read(w, 1))
      yield* sys.close(w)
      return [
        wrong,
        E(yield* sys.open('/p', O_WRONLY | O_NONBLOCK)),
        (yield* sys.open('/p', O_RDONLY | O_NONBLOCK)) > 0,
        (yield* sys.open('/p', O_WRONLY | O_NONBLOCK)) > 0,
        yield* sys.read(r, 10),
        yield* sys.read(r, 10),
        E(yield* sys.pread(r, 1, 0)),
        E(yield* sys.lseek(r, 0, 0)),
      ]
    })
    expect(got).toEqual(['EBADF', 'ENXIO', true, true, 3, 0, 'ESPIPE', 'ESPIPE'])
  })
})

describe('splice and its kin', () => {
  it('what they refuse', () => {
    const { rig } = setUp({ f: ONE })
    const got = rig.run(function* (sys) {
      const [r, w] = yield* pair(sys, O_NONBLOCK)
      const a = yield* sys.open('/a', O_RDWR | O_CREAT)
      const app = yield* sys.open('/a', O_WRONLY | O_APPEND)
      const dir = yield* sys.open('/')
      const f = yield* sys.open('/mnt/f', O_RDWR)
      yield* sys.write(a, new Uint8Array(100))
      const out = []
      for (const rc of [
        sys.splice(a, 0, a, 0, 1),
        sys.splice(r, 0, a, 0, 1),
        sys.splice(r, null, w, null, 1),
        sys.splice(w, null, a, 0, 1),
        sys.splice(r, null, app, null, 1),
        sys.splice(r, null, a, null, 1, 64),
        sys.sendfile(app, a, 0, 1),
        sys.sendfile(a, a, -1, 1),
        sys.vmsplice(a, [new Uint8Array(1)]),
        sys.copy_file_range(a, 0, app, 0, 1),
        sys.copy_file_range(a, 0, a, 50, 60),
        sys.copy_file_range(a, 0, f, 0, 1),
        sys.copy_file_range(dir, 0, a, 0, 1),
        sys.copy_file_range(a, 0, a, 200, 10, 1),
      ])
        out.push(E(yield* rc))
      return [out, yield* sys.copy_file_range(a, 0, a, 200, 500), yield* sys.splice(a, 0, w, null, 0)]
    })
    expect(got).toEqual([
      'EINVAL ESPIPE EINVAL EBADF EINVAL EINVAL EINVAL EINVAL EBADF EBADF EINVAL EXDEV EISDIR EINVAL'.split(' '),
      100,
      0,
    ])
  })
  it('copy_file_range goes to the server, by the message it knows; into a famfs file it cannot go by a pipe', () => {
    const { rig, s } = setUp({ f: ONE, g: simpleMap([[0, 0, TWO]]) })
    const copy = (): unknown =>
      rig.run(function* (sys) {
        const [f, g] = [yield* sys.open('/mnt/f', O_RDWR), yield* sys.open('/mnt/g', O_RDWR)]
        return E(yield* sys.copy_file_range(f, 0, g, 0, 4096))
      })
    const log = logged(s, () => expect([copy(), copy()]).toEqual(['EIO', 'EIO']))
    const asked = log.filter(l => l.startsWith('COPY'))
    expect(asked).toEqual(['COPY_FILE_RANGE_64:100:ENOSYS', 'COPY_FILE_RANGE:100:ENOSYS'])
    for (const [name, def, values] of [
      ['COPY_FILE_RANGE_64', fuse_copy_file_range_out, { bytes_copied: 7 }],
      ['COPY_FILE_RANGE', fuse_write_out, { size: 9 }],
    ] as const) {
      const other = setUp({ f: ONE, g: simpleMap([[0, 0, TWO]]) })
      other.s.script = req => (req.op.name === name ? { def, values } : undefined)
      const n = other.rig.run(function* (sys) {
        const [f, g] = [yield* sys.open('/mnt/f', O_RDWR), yield* sys.open('/mnt/g', O_RDWR)]
        return yield* sys.copy_file_range(f, 0, g, 0, 4096)
      })
      expect(n).toBe(name === 'COPY_FILE_RANGE' ? 9 : 7)
    }
  })
  it('vmsplice of mapped memory, up to what is mapped', () => {
    const { rig } = setUp({ f: ONE })
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const at = yield* sys.mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
      yield* sys.store(at, bytes(1, 4096))
      const [r, w] = yield* pair(sys)
      const back = new Uint8Array(4096)
      const out = [yield* sys.vmsplice(w, [{ addr: at, len: 8192 }]), yield* sys.read(r, back)]
      expect([...back]).toEqual([...bytes(1, 4096)])
      return [...out, E(yield* sys.vmsplice(w, [{ addr: at + 4096, len: 1 }]))]
    })
    expect(got).toEqual([4096, 4096, 'EFAULT'])
  })
})
