// A measured map: what the real kernel answered to open, read and fault of a file with this GET_FMAP reply, and the same done
// to the model.
import { MAP_SHARED, O_RDONLY, PROT_READ, type Stat } from '../kernel/index.ts'
import { MiB, roundUp } from '../sim/index.ts'
import { errnoName } from '../wire/index.ts'
import { complaints, errnoOf, signalFields } from './results.ts'
import { DEVICE_SIZE, Rig } from './rig.ts'
import { type ReplaySetting, withoutIndex0Check } from './setting.ts'
import type { Tally } from './tally.ts'
import { runsOf, wordBacking } from './word-memory.ts'

/** As measured. -8 was written as a number of 64 bits, which JSON rounds up to 2^64. */
export interface FmapCase {
  /** Where the trace has it. */
  readonly line: number
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
  /** offset, 'ok' or signal, device or si_code, device offset; or what was not tried */
  readonly faults?: readonly (string | readonly [number, string, number, number?])[]
  readonly msgs: readonly string[]
}

const signed = (v: number): number => (v >= 2 ** 63 ? -8 : v)

/** How many results a case has. */
export const fmapResults = (c: FmapCase): number => (c.open === '0' ? 4 + (c.reads?.length ?? 0) + tried(c).length : 3)

type Fault = Exclude<NonNullable<FmapCase['faults']>[number], string>
const tried = (c: FmapCase): Fault[] => (c.faults ?? []).filter((f): f is Fault => typeof f !== 'string')

/** Run the case on the model. The case says whether device index 0 is insisted on. */
export function replayFmapCase(c: FmapCase, how: ReplaySetting, t: Tally): void {
  const rig = new Rig({
    ...(c.index0_check === 0 ? withoutIndex0Check(how) : how),
    devices: [0, 1].map(i => ({ backing: wordBacking(i, DEVICE_SIZE) })),
  })
  const s = rig.server()
  const body = new Uint8Array(c.fmap_len)
  body.set(Buffer.from(c.fmap, 'hex'))
  s.files.set('f', { nodeid: 100, size: 4096, fmap: c.fmap_err === '0' ? body : errnoOf(c.fmap_err) })
  if (c.daxdev0_err !== '0') s.daxdevs[0] = errnoOf(c.daxdev0_err)
  rig.mount(s)
  s.log.length = 0
  const where = `line ${c.line}, case ${c.case} (${c.mutation})`
  rig.run(function* (sys) {
    const fd = yield* sys.open('/mnt/f', O_RDONLY)
    t.result(`${where} open`, { err: errnoName(fd < 0 ? fd : 0) }, { err: c.open })
    if (c.open !== '0') return
    t.result(`${where} fstat`, { size: ((yield* sys.fstat(fd)) as Stat).size }, { size: c.size })
    for (const [off, len, ret, err, runs] of c.reads ?? []) {
      const buf = new Uint8Array(len)
      const n = yield* sys.pread(fd, buf, signed(off))
      // A read that starts inside a word was recorded as device -1: where it came from is not known.
      const at = runs !== undefined && runs[0]![1] !== -1 ? { at: runs } : {}
      const got = { ret: n < 0 ? -1 : n, err: errnoName(n < 0 ? n : 0), at: n > 0 ? runsOf(buf, n) : undefined }
      t.result(`${where} pread ${len} at ${signed(off)}`, got, { ret, err, ...at })
    }
    const faults = tried(c)
    if (faults.length > 0) {
      // The measuring program mapped beyond the end of the file.
      const len = roundUp(c.size!, MiB(2)) + MiB(2)
      const at = yield* sys.mmap(0, len, PROT_READ, MAP_SHARED, fd)
      for (const [off, result, which, devoff] of faults) {
        const buf = new Uint8Array(8)
        const sig = at < 0 ? null : yield* sys.load_or_signal(at + off, buf)
        const ok = { at: runsOf(buf, 8)[0]?.slice(1) }
        t.result(
          `${where} load at ${off}`,
          at < 0 ? { mmap: errnoName(at) } : sig === null ? ok : signalFields(sig),
          result === 'ok' ? { at: [which, devoff] } : { signal: result, si_code: which },
        )
      }
    }
  })
  t.result(`${where} messages`, { msgs: s.log }, { msgs: c.msgs })
  t.result(`${where} afterwards`, { complaints: complaints(rig) }, { complaints: [] })
}
