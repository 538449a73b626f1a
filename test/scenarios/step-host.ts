// What the step-by-step scenarios of kernel.md section 10 start from: one host with a scripted server built for its kernel.
import { describe, expect, it } from 'vitest'
import { RawServer, Rig, type RigOptions, simpleMap } from '../../src/conform/index.ts'
import { MAP_SHARED, O_RDWR, PROT_READ, PROT_WRITE, type Sys } from '../../src/kernel/index.ts'
import { MiB, type Step } from '../../src/sim/index.ts'
import { errnoName } from '../../src/wire/index.ts'
import { FUSED } from './pairs.ts'

export const TWO = MiB(2)
/** An answer in words; a descriptor is `ok`. */
export const text = (n: number): string => (n < 0 ? errnoName(-n) : String(n))
/** The map of a file of 2 MiB, at so many MiB of a device. */
export const file = (at: number, dev = 0): Uint8Array => simpleMap([[dev, MiB(at), TWO]])

export class StepHost {
  readonly rig: Rig
  readonly s: RawServer
  /** What was seen so far. */
  readonly out: string[] = []
  readonly pull: boolean

  constructor(kernel: string, files: Record<string, Uint8Array | number>, o: RigOptions = {}) {
    this.rig = new Rig({ kernel, kasan: true, ...o })
    this.s = this.server(files)
    this.pull = this.rig.k.profile.t.daxdev === 'pull'
  }
  server(files: Record<string, Uint8Array | number>): RawServer {
    const { rig } = this
    return RawServer.of(
      rig.k.profile,
      files,
      rig.mems.map(m => `/dev/${m.name}`),
    )
  }
  /** Messages so far, without those about the root and of the start. */
  log(from = 0): string[] {
    return this.s.log.slice(from).filter(l => !/^(GETATTR:1|INIT:0)$/.test(l))
  }
  asked(op: string, from = 0): number {
    return this.s.log.slice(from).filter(l => l.startsWith(`${op}:`)).length
  }
  /** open(2), one pread(2), close(2), in words. */
  openRead(path: string): string {
    return this.rig.run(function* (sys) {
      const fd = yield* sys.open(path, O_RDWR)
      if (fd < 0) return `open ${text(fd)}`
      const n = yield* sys.pread(fd, 8, 0)
      yield* sys.close(fd)
      return text(n)
    })
  }
  umount(path = '/mnt'): number {
    return this.rig.run(function* (sys) {
      return yield* sys.umount(path)
    })
  }
  evict(): void {
    this.rig.run(function* (sys) {
      yield* sys.drop_caches()
    })
  }
  /** Kernel memory that is not given back. */
  left(): string {
    return this.rig.leaks().join(', ') || 'nothing left'
  }
  /** Kinds of problems so far. */
  problems(): string {
    return [...new Set(this.rig.m.problems.map(p => p.kind))].sort().join(', ') || 'no problem'
  }
}

/** The file mapped: its address or -errno. */
export function* mapped(sys: Sys, path: string, len = TWO): Step<number> {
  const fd = yield* sys.open(path, O_RDWR)
  return fd < 0 ? fd : yield* sys.mmap(0, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
}
/** A load or a store at an address: data, or the signal's code. */
export function* touch(sys: Sys, at: number, store = false): Step<string> {
  const byte = Uint8Array.of(1)
  const sig = yield* store ? sys.store_or_signal(at, byte) : sys.load_or_signal(at, byte)
  return sig?.si_code ?? 'data'
}

/** What each kernel comes to; `else` is what V10 does, and all that are not named. */
type Want = Readonly<Record<string, string>>

export const step = (title: string, want: Want, run: (kernel: string) => string): void => {
  describe(title, () => {
    it.each(FUSED)('%s', kernel => expect(run(kernel)).toBe(want[kernel] ?? want.else))
  })
}
