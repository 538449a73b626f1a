// The races of kernel.md 3.3: the scenario that shows each, in which kernels it is there, and how it is reached. docs/races.md has the
// same table for people.
import type { SearchOptions } from '../../src/explore/index.ts'
import type { Mark } from '../../src/profile/index.ts'

/** How far to go: one run by the clock, or so many executions under a strategy. */
export type Reach =
  | { readonly plain: true }
  | { readonly strategy: string; readonly seed: number; readonly runs: number }

export interface Race {
  readonly id: string
  readonly story: string
  /** How well it is known. */
  readonly mark: Mark
  /** Below scenarios/. */
  readonly scenario: string
  /**
   * One of these shows in an execution where it comes about: in what the applications say, in a problem, in a `sometimes` that
   * is reached, or in a mark of the kernel.
   */
  readonly shows: readonly string[]
  /** Kernel profiles in which it is reached. */
  readonly kernels: readonly string[]
  readonly reach: Reach
  /** It takes these besides. */
  readonly with?: Pick<SearchOptions, 'dax' | 'model'> & { readonly noDefect?: readonly string[] }
  /** Kinds of problems that its scenario has even by the default choices: they are what it shows. */
  readonly always?: readonly string[]
  /** Not there: all executions with so many preemptions, in these functions, were searched and none shows it. */
  readonly proof?: { readonly preemptions: number; readonly focus: readonly string[] }
}

const ALL = ['rfc', 'v2', 'v3', 'v10', 'new']
const SINCE_V2 = ALL.slice(1)
const SINCE_V3 = ALL.slice(2)
const PLAIN: Reach = { plain: true }
const pct = (seed = 1, runs = 400): Reach => ({ strategy: 'pct2', seed, runs })

export const RACES: readonly Race[] = [
  {
    id: 'R1',
    story: 'two openers of one file both ask for its map; one map is dropped',
    mark: 'measured',
    scenario: 'races/two-openers.ts',
    shows: ['lost the cmpxchg (R1)'],
    // The RFC asks while it looks the name up, and a name is looked up by one.
    kernels: SINCE_V2,
    reach: pct(),
  },
  {
    id: 'R2',
    story: 'two first openers on a mount both make a device table',
    mark: 'measured',
    scenario: 'races/first-openers.ts',
    shows: ['lost the cmpxchg (R2)'],
    kernels: ALL,
    reach: pct(),
  },
  {
    id: 'R3',
    story: 'one device index is fetched, or pushed, twice; the second answer is not looked at',
    mark: 'measured',
    scenario: 'races/first-openers.ts',
    shows: ['slot filled meanwhile (R3)', 'pushed already'],
    kernels: ALL,
    reach: pct(),
  },
  {
    id: 'R4',
    story: 'a reader meets a map before the size of the file: ENXIO, and the file is bad for good',
    mark: 'inferred',
    scenario: 'races/half-published.ts',
    shows: ['read ENXIO, later EIO'],
    kernels: SINCE_V2,
    reach: pct(8, 3000),
  },
  {
    id: 'R5',
    story: 'a processor that reorders shows a slot as valid before what is in it',
    mark: 'inferred',
    scenario: 'races/torn-slot.ts',
    shows: ['expectation: read: expected -5, got 64'],
    // Early postings read nothing where the slot is in error, and where devices are pushed a slot in error is not valid.
    kernels: ['v3', 'v10'],
    reach: pct(),
    with: { model: 'weak' },
  },
  {
    id: 'R6',
    story: 'a notice of bad memory finds a holder without operations; the holder never learns',
    mark: 'source',
    scenario: 'poison/claim-gap.ts',
    shows: ['memory_failure: EBUSY'],
    kernels: ALL,
    reach: PLAIN,
  },
  {
    id: 'R7',
    story: 'a notice comes while the slot is being filled, waits, and marks it',
    mark: 'source',
    scenario: 'poison/while-installing.ts',
    shows: ['after it waited for the installer'],
    // Before fsdev no notice reaches the holder.
    kernels: SINCE_V3,
    reach: PLAIN,
  },
  {
    id: 'R8',
    story: 'a notice goes on while the last unmount takes the table, or the connection, away',
    mark: 'inferred',
    scenario: 'races/notify-vs-umount.ts',
    shows: ['(R8)', 'use after free: '],
    kernels: SINCE_V3,
    reach: pct(),
  },
  {
    id: 'R9',
    story: 'unbinding and installing take the device lock and famfs_devlist_sem in two orders',
    mark: 'inferred',
    scenario: 'races/unbind-vs-install.ts',
    shows: ['deadlock: wait-for cycle'],
    always: ['lock order'],
    // Before V8 installing takes no device lock (B20).
    kernels: ['v10', 'new'],
    reach: pct(),
    with: { noDefect: ['B44'] },
  },
  {
    id: 'R10',
    story: 'a path is walked under famfs_devlist_sem, and the walk waits for the server',
    mark: 'inferred',
    scenario: 'races/path-in-own-mount.ts',
    // The RFC holds the directory as well, and needs it again.
    shows: ['after it waited for the walk of another', 'recursive lock: '],
    kernels: ['rfc', 'v2', 'v3', 'v10'],
    reach: PLAIN,
  },
  {
    id: 'R11',
    story: 'a driver goes under live mappings: who unmaps later finds no struct page',
    mark: 'measured',
    scenario: 'races/fault-vs-unbind.ts',
    shows: ['is gone', '(L17)'],
    always: ['lock order'],
    // V3 refuses the unbind (B25).
    kernels: ['rfc', 'v2', 'v10', 'new'],
    reach: pct(),
  },
  {
    id: 'R12',
    story: 'a fault inserts its page after the device is dead',
    mark: 'inferred',
    scenario: 'races/fault-vs-unbind.ts',
    shows: ['R12: a page of a dead device is mapped'],
    kernels: ['rfc', 'v2', 'v10', 'new'],
    reach: pct(),
  },
  {
    id: 'R13',
    story: 'a fault inserts its page past the end of a file that got shorter meanwhile',
    mark: 'inferred',
    scenario: 'races/truncate-vs-fault.ts',
    shows: ['R13: a page past the end is mapped'],
    // Truncating what is mapped warns (L22).
    always: ['WARN'],
    kernels: ALL,
    reach: pct(),
  },
  {
    id: 'R14',
    story: 'a file gets shorter between the two looks of a read at its size',
    mark: 'inferred',
    scenario: 'races/truncate-vs-read.ts',
    shows: ["is not the map's", 'h0/reader: read: EIO'],
    kernels: ALL,
    reach: pct(),
  },
  {
    id: 'R15',
    story: 'a file goes while a page of it is pinned: whoever evicts it waits, not to be killed',
    mark: 'source',
    scenario: 'races/pinned-page.ts',
    shows: ['after it waited for the driver'],
    kernels: ALL,
    reach: PLAIN,
  },
  {
    id: 'R16',
    story: 'an opener is killed while it waits for the map: taken back, or not to be killed',
    mark: 'measured',
    scenario: 'races/kill-while-fetching.ts',
    shows: ['killed too late (R16)'],
    kernels: ALL,
    reach: pct(),
  },
  {
    id: 'R17',
    story: 'an abort while the device is fetched: the open succeeds, the file is dead',
    mark: 'measured',
    scenario: 'races/abort-while-fetching.ts',
    shows: ['open: ok, read: EIO', 'open: ok, read: 0'],
    // The RFC opens only then, and the connection is gone.
    kernels: ['v2', 'v3', 'v10'],
    reach: pct(),
  },
  {
    id: 'R18',
    story: 'a reply comes when nobody waits for it any more: ENOENT',
    mark: 'measured',
    scenario: 'races/abort-while-fetching.ts',
    shows: ['R18: a reply comes too late'],
    kernels: ALL,
    reach: pct(),
  },
  {
    id: 'R19',
    story: 'a mount comes while the server of the last one lingers: the device is busy, for good',
    mark: 'inferred',
    scenario: 'races/linger.ts',
    shows: ['read: EIO', 'read: 0'],
    kernels: ALL,
    reach: pct(),
  },
  {
    id: 'R20',
    story: 'a device is in devdax mode at the first open: dead until the next mount',
    mark: 'measured',
    scenario: 'museum/devdax-mode.ts',
    shows: ['h0/user: read: EIO', 'h0/user: read: 0'],
    // Before fsdev devdax mode is the mode.
    kernels: SINCE_V3,
    reach: PLAIN,
  },
  {
    id: 'R21',
    story: 'two writes of one range are mixed',
    mark: 'measured',
    scenario: 'races/torn-write.ts',
    shows: ['finds a then b', 'finds b then a'],
    kernels: ALL,
    reach: pct(),
  },
  {
    id: 'R22',
    story: 'write(2) unmaps what another program loads from',
    mark: 'measured',
    scenario: 'races/write-vs-load.ts',
    shows: ['2 faults for 3 loads'],
    kernels: ALL,
    reach: pct(),
  },
  {
    id: 'R23',
    story: 'a fault of 2 MiB falls back because of a small page; measured, it does not',
    mark: 'measured',
    scenario: 'races/pmd-vs-pte.ts',
    shows: ['h0/large: a load: 1 pages'],
    kernels: [],
    reach: pct(),
    proof: { preemptions: 3, focus: ['grab_mapping_entry', 'dax_iomap_pmd_fault', 'dax_iomap_pte_fault'] },
  },
  {
    id: 'R24',
    story: 'a holder comes while another goes, and is deaf to poison',
    mark: 'source',
    scenario: 'poison/put-vs-get.ts',
    shows: ['fs_dax_get: 0'],
    // By DAX level: gone with the fixes (B38).
    kernels: ['rfc', 'v2', 'v3'],
    reach: PLAIN,
  },
  {
    id: 'R25',
    story: 'a driver goes while its holder leaves: a false warning',
    mark: 'source',
    scenario: 'races/kill-vs-put.ts',
    shows: ['put by one who does not hold it'],
    // By DAX level: gone with the fixes (B39); V3 refuses the unbind.
    kernels: ['rfc', 'v2'],
    reach: pct(),
  },
  {
    id: 'R26',
    story: 'a holder comes while the driver goes, and holds a dead device',
    mark: 'inferred',
    scenario: 'poison/kill-vs-get.ts',
    shows: ['dead, with a holder'],
    kernels: ALL,
    reach: PLAIN,
  },
  {
    id: 'R27',
    story: 'a new inode takes the map of a freed one for its own',
    mark: 'source',
    scenario: 'races/recycled-inode.ts',
    shows: ['maps asked for: 0', 'use after free: '],
    kernels: [],
    reach: pct(),
    proof: {
      preemptions: 3,
      focus: ['evict', 'fuse_evict_inode', '__famfs_meta_free', 'fuse_get_fmap', 'famfs_file_init_dax'],
    },
  },
  {
    id: 'R28',
    story: 'the server invalidates a file while a page of it is faulted in: it faults again',
    mark: 'inferred',
    scenario: 'races/inval-while-mapped.ts',
    shows: ['2 faults for 3 loads'],
    kernels: ALL,
    reach: pct(),
  },
  {
    id: 'R29',
    story: 'two mounts of one device: one of them is dead',
    mark: 'measured',
    scenario: 'races/two-mounts.ts',
    shows: ['read: EIO', 'read: 0'],
    kernels: ALL,
    reach: pct(),
  },
  {
    id: 'R30',
    story: 'a reader looks at the device table while it is taken away',
    mark: 'source',
    scenario: 'races/teardown-vs-read.ts',
    shows: ['read: EIO', 'use after free: ', 'oops: '],
    kernels: [],
    reach: pct(),
    proof: {
      preemptions: 3,
      focus: ['do_umount', 'fuse_kill_sb_anon', 'famfs_teardown', 'famfs_fileofs_to_daxofs', 'famfs_dax_err'],
    },
  },
  {
    id: 'R31',
    story: 'a file comes back in the space of another that is mapped',
    mark: 'inferred',
    scenario: 'races/reused-space.ts',
    shows: ['the page belongs to another'],
    always: ['WARN'],
    kernels: ALL,
    reach: pct(),
  },
  {
    id: 'R32',
    story: 'two hosts share memory that nobody keeps equal',
    mark: 'source',
    scenario: 'multihost/stale-read.ts',
    shows: ['expectation: what h1 reads of what h0 wrote'],
    kernels: ALL,
    reach: pct(),
  },
]

/** Which kernels, in words. */
const where = (r: Race): string => {
  const { kernels } = r
  if (kernels.length === 0) return 'none'
  const i = ALL.indexOf(kernels[0]!)
  const run = ALL.slice(i)
  if (kernels.length === ALL.length) return 'all'
  return run.join() === kernels.join() ? `from ${kernels[0]} on` : kernels.join(', ')
}

const how = (r: Race): string => {
  if (r.proof !== undefined)
    return `unreachable: ${r.proof.preemptions} preemptions in ${r.proof.focus.length} functions`
  return 'plain' in r.reach ? 'a plain run' : `${r.reach.strategy}, seed ${r.reach.seed}`
}

/** The table of docs/races.md. */
export const raceTable = (): string =>
  RACES.map(
    r => `| ${r.id} | ${r.story} | [${r.scenario}](../scenarios/${r.scenario}) | ${where(r)} | ${r.mark} | ${how(r)} |`,
  ).join('\n')
