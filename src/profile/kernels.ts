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
  /** Output buffer of the first GET_FMAP. */
  readonly fmap_bufsize: number
  /**
   * GET_FMAP says how large the buffer is. A map that does not fit is asked for once more, in a buffer of just its size:
   * the reply's header says which, or the reply is that number and nothing else (2.3). With B46 none of this is there.
   */
  readonly fmap_size_in: 'header' | 'number'
  /** The largest map that is asked for again, bytes. */
  readonly fmap_max: number
  /** Who delivers devices: the kernel asks (GET_DAXDEV), or the server pushes them (an ioctl on /dev/fuse) (2.6). */
  readonly daxdev: 'pull' | 'push'
  /** Most extents, or groups of strips, of a map; null: as many as the reply holds. */
  readonly max_extents: number | null
  readonly max_strips: number
  /** What a map with too few or too many of them gives, as a name; with B23. Else it is ERANGE. */
  readonly count_errno: { readonly few: 'EINVAL'; readonly many: 'EINVAL' | 'E2BIG' }
  readonly max_daxdevs: number
  /** famfs_devlist_sem is taken anew for each index that a map names, or once to look at them all (2.6). */
  readonly devlist_lock: 'each' | 'once'
  /** Who makes famfs_devlist_sem: every connection has one, or the INIT reply that turns famfs on makes it (2.1). */
  readonly devlist_sem_init: 'connection' | 'INIT'
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
  /** The mount option shadow=DIR is parsed, kept and shown (2.16). */
  readonly shadow_option: boolean
  /** famfs is a file system of its own: the ABI version of its ioctls (1.5). Null: it is a part of FUSE. */
  readonly kabi: number | null
}

const PAGE_SIZE = 0x1000
const PMD_SIZE = 0x200000

const IN_FUSE: readonly KernelTable[] = [
  {
    name: 'rfc',
    title: 'the first posting as a part of fuse (RFC, 20 Apr 2025, on 6.14): the map is fetched by LOOKUP',
    dax: 'devdax-6.14',
    opcodes: { GET_FMAP: 53, GET_DAXDEV: 54 },
    dax_fmap_bit: 42,
    // Bit 42 of what was measured is another feature, so it is left out here and in v2 (inferred).
    init_flags: { flags: 0x73fffffb, flags2: 0x1fd },
    minor: 42,
    fmap_bufsize: 4096,
    fmap_size_in: 'header',
    fmap_max: 0x1000000,
    daxdev: 'pull',
    max_extents: 2,
    max_strips: 16,
    count_errno: { few: 'EINVAL', many: 'EINVAL' },
    max_daxdevs: 24,
    devlist_lock: 'each',
    devlist_sem_init: 'connection',
    extent_align: PMD_SIZE,
    chunk_align: PMD_SIZE,
    chunk_sizes: null,
    strict_fmap: false,
    ext_shift: false,
    famfs_aops: false,
    shadow_option: true,
    kabi: null,
  },
  {
    name: 'v2',
    title: 'V2 (3 Jul 2025): the map is fetched by OPEN, and an open whose map fails goes on without',
    dax: 'devdax-6.15',
    opcodes: { GET_FMAP: 53, GET_DAXDEV: 54 },
    dax_fmap_bit: 42,
    init_flags: { flags: 0x73fffffb, flags2: 0x1fd },
    minor: 43,
    fmap_bufsize: 4096,
    fmap_size_in: 'number',
    // No limit was seen; kmalloc() has this one (inferred).
    fmap_max: 0x400000,
    daxdev: 'pull',
    // The limits of the RFC, as the notes of those who measured have it; the source facts say 32 and were not re-checked.
    max_extents: 2,
    max_strips: 16,
    count_errno: { few: 'EINVAL', many: 'EINVAL' },
    max_daxdevs: 24,
    devlist_lock: 'each',
    devlist_sem_init: 'INIT',
    extent_align: PMD_SIZE,
    chunk_align: PMD_SIZE,
    chunk_sizes: null,
    strict_fmap: false,
    ext_shift: false,
    famfs_aops: false,
    shadow_option: true,
    kabi: null,
  },
  {
    name: 'v3',
    title: 'V3 (7 Jan 2026): opcodes 54 and 55, CAP_SYS_RAWIO, the fsdev driver; a map that fails fails the open',
    dax: 'fsdev-v3',
    opcodes: { GET_FMAP: 54, GET_DAXDEV: 55 },
    dax_fmap_bit: 43,
    init_flags: { flags: 0x73fffffb, flags2: 0x5fd },
    minor: 45,
    fmap_bufsize: 4096,
    fmap_size_in: 'header',
    fmap_max: 0x1000000,
    daxdev: 'pull',
    max_extents: 32,
    max_strips: 32,
    count_errno: { few: 'EINVAL', many: 'E2BIG' },
    max_daxdevs: 24,
    devlist_lock: 'once',
    devlist_sem_init: 'INIT',
    extent_align: PMD_SIZE,
    chunk_align: PMD_SIZE,
    chunk_sizes: null,
    strict_fmap: false,
    ext_shift: false,
    famfs_aops: true,
    shadow_option: true,
    kabi: null,
  },
  {
    name: 'v10',
    title: 'V10 of the fuse series (31 Mar 2026)',
    // What was measured is V10 on 7.2, which has the fixes.
    dax: 'fix',
    opcodes: { GET_FMAP: 54, GET_DAXDEV: 55 },
    dax_fmap_bit: 43,
    init_flags: { flags: 0x73fffffb, flags2: 0x5fd },
    minor: 45,
    fmap_bufsize: 4096,
    fmap_size_in: 'header',
    fmap_max: 0x1000000,
    daxdev: 'pull',
    max_extents: 32,
    max_strips: 32,
    count_errno: { few: 'EINVAL', many: 'E2BIG' },
    devlist_lock: 'once',
    devlist_sem_init: 'INIT',
    max_daxdevs: 24,
    extent_align: PMD_SIZE,
    chunk_align: PMD_SIZE,
    chunk_sizes: null,
    strict_fmap: false,
    ext_shift: false,
    famfs_aops: true,
    shadow_option: false,
    kabi: null,
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
    fmap_bufsize: 4096,
    fmap_size_in: 'header',
    fmap_max: 0x1000000,
    daxdev: 'push',
    max_extents: null,
    max_strips: 32,
    count_errno: { few: 'EINVAL', many: 'E2BIG' },
    devlist_lock: 'once',
    devlist_sem_init: 'INIT',
    max_daxdevs: 64,
    extent_align: PAGE_SIZE,
    chunk_align: PAGE_SIZE,
    chunk_sizes: [PAGE_SIZE, PMD_SIZE],
    strict_fmap: true,
    ext_shift: true,
    famfs_aops: false,
    shadow_option: false,
    kabi: null,
  },
]

/** No FUSE in its way: user space makes the files and gives each its map. What its fields say of FUSE is of no account. */
const STD: KernelTable = {
  ...IN_FUSE[0]!,
  name: 'std',
  title: 'the standalone file system (Feb and Apr 2024, before 6.10), with the maps of KABI 43',
  // The level nearest to it: a file system holds a device that device_dax drives.
  dax: 'devdax-6.14',
  max_extents: 2,
  max_strips: 16,
  kabi: 43,
}

export const KERNELS: readonly KernelTable[] = [STD, ...IN_FUSE]

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
