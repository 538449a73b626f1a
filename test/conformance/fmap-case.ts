// One measured map: what the real kernel answered to open, read and fault of a file with this GET_FMAP reply, and the same
// done to the model. A difference is one line.

import { DEVICE_SIZE, Rig, runsOf, wordBacking } from '../../src/conform/index.ts'
import { MAP_SHARED, O_RDONLY, PROT_READ, type Stat } from '../../src/kernel/index.ts'
import type { DefectSwitches } from '../../src/profile/index.ts'
import { MiB, roundUp } from '../../src/sim/index.ts'
import { errnoName, errnoNumber } from '../../src/wire/index.ts'

/** As measured. -8 was written as a number of 64 bits, which JSON rounds up to 2^64. */
export interface FmapCase {
  readonly case: number
  /** 0: the test for device index 0 was off (defect B44 away). */
  readonly index0_check: number
  readonly mutation: string
  /** Length of the body; longer than `fmap`: zeros follow. */
  readonly fmap_len: number
  readonly fmap_err: string
  readonly daxdev0_err: string
  /** hex */
  readonly fmap: string
  readonly open: string
  readonly size?: number
  /** offset, length, returned, errno, [position, device, device offset] of each run */
  readonly reads?: readonly (readonly [number, number, number, string, (readonly [number, number, number])[]?])[]
  /** offset, 'ok' or signal, device or si_code, device offset */
  readonly faults?: readonly (string | readonly [number, string, number, number?])[]
  readonly msgs: readonly string[]
}

const signed = (v: number): number => (v >= 2 ** 63 ? -8 : v)
const errnoOf = (name: string): number => (name === '0' ? 0 : errnoNumber(name)!)
const BUS_ADRERR = 2

/** Run the case on the model, with further switches for canaries; what came out otherwise than measured. */
export function replayFmapCase(c: FmapCase, more: DefectSwitches = {}): string[] {
  const rig = new Rig({
    switches: { ...more, noDefect: [...(more.noDefect ?? []), ...(c.index0_check === 0 ? ['B44'] : [])] },
    devices: [0, 1].map(i => ({ backing: wordBacking(i, DEVICE_SIZE) })),
  })
  const s = rig.server()
  const body = new Uint8Array(c.fmap_len)
  body.set(Buffer.from(c.fmap, 'hex'))
  s.files.set('f', { nodeid: 100, size: 4096, fmap: c.fmap_err === '0' ? body : errnoOf(c.fmap_err) })
  if (c.daxdev0_err !== '0') s.daxdevs[0] = errnoOf(c.daxdev0_err)
  rig.mount(s)
  s.log.length = 0
  const out: string[] = []
  const differ = (what: string, got: unknown, want: unknown): void => {
    const [g, w] = [JSON.stringify(got), JSON.stringify(want)]
    if (g !== w) out.push(`case ${c.case} (${c.mutation}): ${what}: model ${g}, measured ${w}`)
  }
  rig.run(function* (sys) {
    const fd = yield* sys.open('/mnt/f', O_RDONLY)
    differ('open', fd < 0 ? errnoName(-fd) : '0', c.open)
    if (fd < 0) return
    differ('size', ((yield* sys.fstat(fd)) as Stat).size, c.size)
    for (const [off, len, ret, err, runs] of c.reads ?? []) {
      const buf = new Uint8Array(len)
      const n = yield* sys.pread(fd, buf, signed(off))
      differ(`pread ${len} at ${off}`, n < 0 ? [-1, errnoName(-n)] : [n, '0'], [ret, err])
      if (n > 0 && runs !== undefined && runs[0]![1] !== -1) differ(`bytes of ${len} at ${off}`, runsOf(buf, n), runs)
    }
    const faults = (c.faults ?? []).filter(f => typeof f !== 'string')
    if (faults.length > 0) {
      // The measuring program mapped beyond the end of the file.
      const len = roundUp(c.size!, MiB(2)) + MiB(2)
      const at = yield* sys.mmap(0, len, PROT_READ, MAP_SHARED, fd)
      if (at < 0) out.push(`case ${c.case}: mmap: ${errnoName(-at)}`)
      else
        for (const f of faults) {
          const buf = new Uint8Array(8)
          const sig = yield* sys.load_or_signal(at + f[0], buf)
          const got = sig
            ? [f[0], sig.signal, sig.si_code === 'BUS_ADRERR' ? BUS_ADRERR : sig.si_code]
            : [f[0], 'ok', ...(runsOf(buf, 8)[0] ?? []).slice(1)]
          differ(`load at ${f[0]}`, got, sig ? f.slice(0, 3) : f)
        }
    }
    yield* sys.close(fd)
  })
  differ('messages', s.log, c.msgs)
  for (const p of rig.problems()) out.push(`case ${c.case}: ${p}`)
  return out
}
