// Which kernel this is, as data. Numbers are those of kernel.md 1.1, 1.2 and 2.16. Kernel code reads fields and asks `has`;
// it never compares a name.
import { UsageError } from '../sim/index.ts'
import { type DaxLevelTable, daxLevel } from './dax-levels.ts'
import { DEFECTS } from './defects.ts'
import { type DefectSwitches, switchDefects } from './switches.ts'

/** One kernel with famfs in it. Sizes in bytes. */
export interface KernelTable {
  readonly name: string
  readonly title: string
  /** DAX level it sits on unless told otherwise. */
  readonly dax: string
  /** Numbers of the famfs requests on the wire (1.1). */
  readonly opcodes: { readonly GET_FMAP: number; readonly GET_DAXDEV: number }
  /** Bit of FUSE_DAX_FMAP in the 64-bit INIT flags (1.2). */
  readonly dax_fmap_bit: number
  /** INIT flags offered besides DAX_FMAP, as the two words on the wire (oracle init.in). */
  readonly init_flags: { readonly flags: number; readonly flags2: number }
  /** FUSE_KERNEL_MINOR_VERSION as the header has it. */
  readonly minor: number
  /** The mounter must have CAP_SYS_RAWIO for the flag to be offered (2.1). */
  readonly needs_cap_sys_rawio: boolean
  /** Output buffer of the first GET_FMAP. */
  readonly fmap_bufsize: number
  /**
   * GET_FMAP says how large the buffer is and the reply how large the map is; one that does not fit is asked for once
   * more, in a buffer of just its size, up to this many bytes (2.3). Null: no body, no second try.
   */
  readonly fmap_sized: number | null
  /** Who delivers devices: the kernel asks (GET_DAXDEV), or the server pushes them (an ioctl on /dev/fuse) (2.6). */
  readonly daxdev: 'pull' | 'push'
  /** Most extents, or groups of strips, of a map; null: as many as the reply holds. */
  readonly max_extents: number | null
  readonly max_strips: number
  readonly max_daxdevs: number
  /** Alignment of extent offsets and lengths. */
  readonly extent_align: number
  /** chunk_size must be a multiple of this... */
  readonly chunk_align: number
  /** ...and one of these; null: any. */
  readonly chunk_sizes: readonly number[] | null
  /**
   * The parser does its sums without overflow, knows the largest file size, takes an index for what the table has, and
   * wants the groups of an interleaved map to cover the file (2.4).
   */
  readonly strict_fmap: boolean
  /** A list of equal extents of a power of two is looked up by a shift (2.9). */
  readonly ext_shift: boolean
  /** A famfs file gets address space operations of its own (2.5). */
  readonly famfs_aops: boolean
}

const PAGE_SIZE = 0x1000
const PMD_SIZE = 0x200000

export const KERNELS: readonly KernelTable[] = [
  {
    name: 'v10',
    title: 'V10 of the fuse series (31 Mar 2026)',
    // What was measured is V10 on 7.2, which has the fixes.
    dax: 'fix',
    opcodes: { GET_FMAP: 54, GET_DAXDEV: 55 },
    dax_fmap_bit: 43,
    init_flags: { flags: 0x73fffffb, flags2: 0x5fd },
    minor: 45,
    needs_cap_sys_rawio: true,
    fmap_bufsize: 4096,
    fmap_sized: null,
    daxdev: 'pull',
    max_extents: 32,
    max_strips: 32,
    max_daxdevs: 24,
    extent_align: PMD_SIZE,
    chunk_align: PMD_SIZE,
    chunk_sizes: null,
    strict_fmap: false,
    ext_shift: false,
    famfs_aops: true,
  },
  {
    name: 'new',
    title: "the author's tree after the series, the newest text found: devices pushed, maps of any size (NEWb)",
    dax: 'fix',
    // Opcodes and INIT bits were not read again in that text: taken from V10 (inferred).
    opcodes: { GET_FMAP: 54, GET_DAXDEV: 55 },
    dax_fmap_bit: 43,
    init_flags: { flags: 0x73fffffb, flags2: 0x5fd },
    minor: 45,
    needs_cap_sys_rawio: true,
    fmap_bufsize: 4096,
    fmap_sized: 0x1000000,
    daxdev: 'push',
    max_extents: null,
    max_strips: 32,
    max_daxdevs: 64,
    extent_align: PAGE_SIZE,
    chunk_align: PAGE_SIZE,
    chunk_sizes: [PAGE_SIZE, PMD_SIZE],
    strict_fmap: true,
    ext_shift: true,
    famfs_aops: false,
  },
]

export const DEFAULT_KERNEL = 'v10'

/** A kernel's table, the DAX level it sits on, and its set of defects after the switches of this run. */
export class KernelProfile {
  readonly t: KernelTable
  readonly dax: DaxLevelTable
  private readonly on: ReadonlySet<string>
  constructor(t: KernelTable, dax: DaxLevelTable, on: ReadonlySet<string>) {
    this.t = t
    this.dax = dax
    this.on = on
  }
  /** Is this defect in the kernel that runs? */
  has(defect: string): boolean {
    return this.on.has(defect)
  }
  /** Numbers of the defects that are on, in catalogue order. */
  defects(): string[] {
    return DEFECTS.filter(d => this.on.has(d.id)).map(d => d.id)
  }
}

/**
 * The profile of this name with these switches, on its own DAX level or another. Throws UsageError for an unknown name or
 * number.
 */
export function kernelProfile(name: string, s: DefectSwitches = {}, dax?: string): KernelProfile {
  const t = KERNELS.find(k => k.name === name)
  if (!t) throw new UsageError(`unknown kernel '${name}': expected one of ${KERNELS.map(k => k.name).join(', ')}`)
  const level = daxLevel(dax ?? t.dax)
  const on = new Set(DEFECTS.filter(d => d.kernels.includes(name) || d.dax?.includes(level.name)).map(d => d.id))
  switchDefects(on, s)
  return new KernelProfile(t, level, on)
}
