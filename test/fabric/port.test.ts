// The way to the memory, and the standing invariant: a kernel never touches device bytes for itself.
import { describe, expect, it } from 'vitest'
import { Rig, simpleMap } from '../../src/conform/index.ts'
import {
  DEVICE,
  fabric_clflush,
  fabric_clflushopt,
  fabric_clwb,
  fabric_read,
  fabric_write,
  LINK,
} from '../../src/fabric/index.ts'
import { MAP_SHARED, PROT_READ, PROT_WRITE, type ProcessEnd } from '../../src/kernel/index.ts'
import { MiB } from '../../src/sim/index.ts'

describe('the cause of an access', () => {
  it('is a user task in all that applications can do', () => {
    const rig = new Rig()
    const s = rig.server()
    s.files.set('f', { nodeid: 100, size: MiB(2), fmap: simpleMap([[0, 0, MiB(2)]]) })
    rig.mount(s)
    rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', 2)
      yield* sys.pwrite(fd, new Uint8Array(100).fill(7), 0)
      yield* sys.pread(fd, 100, 0)
      const at = yield* sys.mmap(0, MiB(2), PROT_READ | PROT_WRITE, MAP_SHARED, fd)
      yield* sys.store(at + 200, Uint8Array.of(1))
      yield* sys.load(at, new Uint8Array(300))
      yield* sys.tool_read('dax0.0', 0, new Uint8Array(64))
      yield* sys.close(fd)
      yield* sys.munmap(at, MiB(2))
      yield* sys.umount('/mnt')
    })
    rig.poison(0, 4096)
    expect(rig.problems()).toEqual([])
  })

  it('canary: a kernel thread that reads the superblock is reported, with its backtrace', () => {
    for (const [op, why] of [
      [fabric_read, 'read'],
      [fabric_write, 'write'],
    ] as const) {
      const rig = new Rig()
      rig.kthread('check superblock', function* () {
        yield* op(rig.mems[0]!, 0, new Uint8Array(312), why)
      })
      expect(rig.go()).toBe('failed')
      const [p] = rig.m.problems
      expect(p!.kind).toBe('cause')
      expect(p!.text).toContain('h0/check superblock touches dax0.0 at 0x0')
      expect(p!.task).toBe('h0/check superblock')
      expect(p!.backtrace).toContain('check superblock')
    }
  })

  it('canary: and one that flushes', () => {
    for (const op of [fabric_clwb, fabric_clflushopt, fabric_clflush]) {
      const rig = new Rig()
      rig.kthread('flusher', function* () {
        yield* op(rig.mems[0]!, 0, 4096, 'store')
      })
      expect(rig.go()).toBe('failed')
      expect(rig.problems()[0]).toContain('h0/flusher touches dax0.0')
    }
  })

  it('canary: a task of nobody is reported as well', () => {
    const rig = new Rig()
    rig.m.spawn(
      'nobody',
      (function* () {
        yield* fabric_read(rig.mems[0]!, 64, new Uint8Array(8), 'tool')
      })(),
    )
    expect(rig.go()).toBe('failed')
    expect(rig.problems()[0]).toContain('nobody touches dax0.0 at 0x40')
  })
})

describe('what an access costs', () => {
  const cost = (bytes: number): number => {
    const rig = new Rig()
    const t = rig.spawn('app', function* (sys) {
      const from = sys.ts.task!.now
      yield* fabric_read(rig.mems[0]!, 0, new Uint8Array(bytes), 'load')
      return sys.ts.task!.now - from
    })
    rig.go()
    return (t.value as ProcessEnd).value as number
  }
  it('latency once, then by length', () => {
    const latency = LINK.latency + DEVICE.latency
    expect(cost(0)).toBe(latency)
    expect(cost(1000 * LINK.bytesPerNs)).toBe(latency + 1000)
  })
})

describe('bytes', () => {
  it('written by one task are read by the next, anywhere on the device', () => {
    const rig = new Rig()
    const ends = [0, 4095, MiB(2) - 3, MiB(510) - 6]
    rig.run(function* () {
      for (const off of ends) {
        const b = Uint8Array.of(1, 2, 3, 4, 5, off % 251)
        expect(yield* fabric_write(rig.mems[0]!, off, b, 'store')).toBe(6)
      }
    })
    rig.run(function* () {
      for (const off of ends) {
        const b = new Uint8Array(6)
        expect(yield* fabric_read(rig.mems[0]!, off, b, 'load')).toBe(6)
        expect([...b]).toEqual([1, 2, 3, 4, 5, off % 251])
      }
    })
  })
})
