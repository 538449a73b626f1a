// What a kernel makes of one map, with no world around it: its parser's verdict with the reasons, and what its resolver says.
import {
  famfs_fuse_meta_alloc,
  famfs_iomap_ops,
  famfs_meta_free,
  fdget,
  IOMAP_WRITE,
  MARKS,
  new_iomap,
  O_RDONLY,
} from '../kernel/index.ts'
import type { KernelProfile } from '../profile/index.ts'
import { Marks, MiB, UsageError } from '../sim/index.ts'
import { EFBIG, EIO, fuse_famfs_fmap_header } from '../wire/index.ts'
import { Rig } from './rig.ts'
import type { ReplaySetting } from './setting.ts'

/** 0 or a negative errno, and what for: every check that found something, in the kernel's order. */
export interface Verdict {
  readonly rc: number
  readonly reasons: readonly string[]
}

/** Why a reply of this length does not get as far as the parser; null: it does. */
function reply_length(p: KernelProfile, bytes: number): Verdict | null {
  const { fmap_bufsize, fmap_max } = p.t
  const no = (rc: number, reason: string): Verdict => ({ rc, reasons: [`${bytes} bytes: ${reason}`] })
  // The buffer has one size (B46), or the reply is asked for again in one that it fits.
  if (p.has('B46')) return bytes > fmap_bufsize ? no(-EIO, `the buffer has ${fmap_bufsize}`) : null
  const { size } = fuse_famfs_fmap_header
  if (bytes < size) return no(-EIO, `a header has ${size}`)
  return bytes > fmap_max ? no(-EFBIG, `at most ${fmap_max}`) : null
}

/** A verdict, and of a map that is taken the device indices that are asked for. */
interface Parsed extends Verdict {
  readonly devices: readonly number[]
}

function parsed(how: ReplaySetting, bodies: readonly Uint8Array[]): Parsed[] {
  const rig = new Rig({ ...how, devices: [], maxSteps: 1_000_000_000 })
  const { k } = rig
  const { name, kabi } = k.profile.t
  if (kabi !== null)
    throw new UsageError(
      `kernel '${name}' is given maps by ioctl, as lists of its caller's memory: expected one with GET_FMAP`,
    )
  return rig.run(function* () {
    const out: Parsed[] = []
    for (const body of bodies) {
      const early = reply_length(k.profile, body.length)
      const reasons: string[] = []
      const meta = early === null ? yield* famfs_fuse_meta_alloc(k, body, reasons) : early.rc
      if (typeof meta === 'number') out.push({ rc: meta, devices: [], reasons: early?.reasons ?? reasons })
      else {
        yield* famfs_meta_free(k, meta)
        out.push({ rc: 0, devices: meta.dev_bitmap, reasons })
      }
    }
    return out
  })
}

/** The verdict on each body of a GET_FMAP reply. Throws UsageError for a kernel or a defect that is not known. */
export const verdictsOf = (how: ReplaySetting, bodies: readonly Uint8Array[]): Verdict[] =>
  parsed(how, bodies).map(({ rc, reasons }) => ({ rc, reasons }))

/** struct iomap as iomap_begin() left it: bytes, and the index of the device (null: none). */
export interface Mapping {
  readonly addr: number
  readonly offset: number
  readonly length: number
  readonly device: number | null
  readonly flags: number
}

/** With a negative `rc` nothing was filled in: why, and whether the parser had `refused` the map already. */
export type Resolved =
  | (Mapping & { readonly rc: number })
  | { readonly rc: number; readonly reasons: readonly string[]; readonly refused: boolean }

/** Nothing of a device is touched, so one size will do. */
const DEVICE_OF_A_MAP = MiB(2)

/** A range of a file that is asked for, as a read or a write does. */
export interface Ask {
  readonly offset: number
  readonly length: number
  readonly write: boolean
}

/**
 * iomap_begin() of a file with this map, whose devices are all there, for each range. A map that is refused gives the parser's
 * verdict each time. Throws UsageError for a kernel or a defect that is not known.
 */
export function resolvedBy(how: ReplaySetting, body: Uint8Array, asks: readonly Ask[]): Resolved[] {
  const { rc: refused, reasons, devices } = parsed(how, [body])[0]!
  if (refused !== 0) return asks.map(() => ({ rc: refused, reasons, refused: true }))
  const rig = new Rig({ ...how, devices: devices.map(() => ({ size: DEVICE_OF_A_MAP })) })
  const s = rig.server()
  s.daxdevs.length = 0
  for (const [i, index] of devices.entries()) s.daxdevs[index] = `/dev/${rig.mems[i]!.name}`
  s.files.set('f', { nodeid: 100, size: 0, fmap: body })
  rig.mount(s)
  const slots = rig.k.bus.devices().map(d => d.dax_dev)
  return rig.run(function* (sys) {
    const file = fdget(sys.ts, yield* sys.open('/mnt/f', O_RDONLY))
    if (typeof file === 'number') throw new UsageError(`kernel ${rig.k.profile.t.name} did not open the file: ${file}`)
    const out: Resolved[] = []
    for (const { offset, length, write } of asks) {
      const marks = new Marks(MARKS)
      rig.m.marks = marks
      const map = new_iomap()
      const rc = yield* famfs_iomap_ops.iomap_begin(file.f_inode, offset, length, write ? IOMAP_WRITE : 0, map)
      rig.m.marks = null
      const device = map.dax_dev === null ? null : devices[slots.indexOf(map.dax_dev)]!
      if (rc !== 0) out.push({ rc, reasons: marks.counts().flatMap(c => (c.hits > 0 ? [c.mark] : [])), refused: false })
      else out.push({ rc, addr: map.addr, offset: map.offset, length: map.length, device, flags: map.flags })
    }
    return out
  })
}
