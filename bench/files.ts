// Does it stay as quick with many files? One mount with 10, 1,000 and 100,000 files: opening, reading and closing each for the
// first time, what the kernel and the daemon keep of one, and faults with all of them cached. The log is written by hand, as
// the owner's tools would take longer than what is measured.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MAP_SHARED, PROT_READ, type Sys } from '../src/kernel/index.ts'
import { KERNELS } from '../src/profile/index.ts'
import { KiB, MiB, type Step } from '../src/sim/index.ts'
import type { Host, World } from '../src/world/index.ts'
import { filePath, isFile, worldWith } from './log-play.ts'
import { took } from './measure.ts'
import { OFF } from './sanitizers.ts'

export interface FilesFigure {
  readonly kernel: string
  readonly files: number
  /** First open, read and close, a second. */
  readonly opens: number
  /** What a file costs while it is cached, kernel and daemon. */
  readonly bytes: number
  /** ns of a fault on a page and on 2 MiB; munmap included. */
  readonly pte: number
  readonly pmd: number
}

const MPT = '/mnt/famfs'
const DEVICE = '/dev/dax0.0'
/** How often, at least. */
export interface HowOften {
  readonly opens: number
  readonly faults: number
}
/**
 * All files lie in these units. Each in its own, every 512th would map another GiB of the device, and with each of those V8
 * looks through the whole heap, since it counts them as memory that might be freed.
 */
const UNITS = 256
const FULL: HowOften = { opens: 5_000, faults: 40_000 }

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void
const heap = (): number => {
  gc()
  return process.memoryUsage().heapUsed
}

/** Seconds that a process of this host takes. */
function seconds(w: World, h: Host, body: (sys: Sys) => Step<void>): number {
  const c0 = process.cpuUsage()
  const t0 = performance.now()
  w.setup(h, 'bench', body)
  const wall = performance.now() - t0
  const { user, system } = process.cpuUsage(c0)
  return took(wall / 1000, (user + system) / 1e6).seconds
}

/** Open, read and close the files of these entries of the log. */
const openAll = (from: number, to: number) =>
  function* (sys: Sys): Step<void> {
    const buf = new Uint8Array(64)
    for (let i = from; i < to; i++) {
      if (!isFile(i)) continue
      const fd = yield* sys.open(`${MPT}/${filePath(i)}`)
      const n = yield* sys.pread(fd, buf, 0)
      if (n !== buf.length) throw new Error(`read of ${filePath(i)}: ${n}`)
      yield* sys.close(fd)
    }
  }
function* drop(sys: Sys): Step<void> {
  yield* sys.drop_caches()
}

/** Load from every `step` bytes of a file, so that each faults; again and again. */
const faultAll = (path: string, len: number, step: number, wants: 'PTE' | 'PMD', least: number) =>
  function* (sys: Sys): Step<void> {
    const fd = yield* sys.open(`${MPT}/${path}`)
    const buf = new Uint8Array(8)
    const { faults } = sys.ts.k
    const before = faults.get(wants) ?? 0
    let n = 0
    while (n < least) {
      const at = yield* sys.mmap(0, len, PROT_READ, MAP_SHARED, fd)
      for (let off = 0; off < len; off += step, n++) yield* sys.load(at + off, buf)
      yield* sys.munmap(at, len)
    }
    yield* sys.close(fd)
    if ((faults.get(wants) ?? 0) - before !== n) throw new Error(`${path}: not every load was a ${wants} fault`)
  }

/** One mount with so many files, a directory for every 999. */
export function filesFigure(kernel: string, files: number, least = FULL): FilesFigure {
  const end = files + Math.ceil(files / 999)
  const { w, h } = worldWith(MiB(64), end, OFF, { size: MiB(2), units: UNITS, kernel })
  const done = h.cli(`famfs mount ${DEVICE} ${MPT}`)
  if (done.rc !== 0) throw new Error(`mount: ${done.err.join('; ')}`)
  // Compiled first. Few files are forgotten and opened again.
  for (let n = 0; n < least.opens; n += files) w.setup(h, 'bench', openAll(0, Math.min(end, least.opens)))
  let s = 0
  let opens = 0
  let before = 0
  while (opens < least.opens) {
    w.setup(h, 'bench', drop)
    before = heap()
    s += seconds(w, h, openAll(0, end))
    opens += files
  }
  const bytes = (heap() - before) / files
  const ns = (body: (sys: Sys) => Step<void>): number => {
    seconds(w, h, body)
    return (seconds(w, h, body) / least.faults) * 1e9
  }
  const pte = ns(faultAll(filePath(1), KiB(64), KiB(4), 'PTE', least.faults))
  const pmd = ns(faultAll(filePath(2), MiB(2), MiB(2), 'PMD', least.faults))
  w.close()
  return { kernel, files, opens: opens / s, bytes, pte, pmd }
}

export function* filesFigures(kernels: readonly string[]): Generator<FilesFigure> {
  // Standalone mode has no daemon to ask; host tools mount it another way.
  const all = KERNELS.filter(k => k.kabi === null).map(k => k.name)
  for (const kernel of kernels.length > 0 ? kernels : all)
    for (const files of [10, 1_000, 100_000]) yield filesFigure(kernel, files)
}

/** The figures of a kernel, and how the last compares with the first. */
export function filesText(figures: readonly FilesFigure[]): string[] {
  const cell = (v: string, width = 13): string => v.padStart(width)
  const lines = [
    `${'kernel'.padEnd(8)}${['files', 'opens/s', 'bytes a file', 'PTE ns', 'PMD ns'].map(c => cell(c)).join('')}`,
  ]
  for (const f of figures) {
    const n = (v: number): string => cell(Math.round(v).toLocaleString('en-US'))
    // Of ten files the heap says nothing.
    const bytes = f.files < 1000 ? cell('-') : n(f.bytes)
    lines.push(`${f.kernel.padEnd(8)}${n(f.files)}${n(f.opens)}${bytes}${n(f.pte)}${n(f.pmd)}`)
    const first = figures.find(o => o.kernel === f.kernel)!
    if (f.files !== 100_000) continue
    const r = (v: number): string => cell(v.toFixed(2))
    lines.push(
      `${'  100,000 to 10'.padEnd(21)}${r(f.opens / first.opens)}${cell('')}${r(f.pte / first.pte)}${r(f.pmd / first.pmd)}`,
    )
  }
  return lines
}
