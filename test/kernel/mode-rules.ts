// What should happen when the mode of a device changes, cell by cell: written down from the facts, not from the code. In
// each table the first row that fits holds. Marks say how a row is known: measured on a real kernel, read in source,
// told on the list, or inferred from these. Sections are those of the kernel facts.
import { EBUSY, EINVAL, EIO, ENODEV, ENOENT, ENXIO } from '../../src/wire/index.ts'

export const MODES = ['devdax', 'famfs', 'system-ram', 'fsdax', 'disabled'] as const
export type Mode = (typeof MODES)[number]
export const MAPPED = ['no', 'file', 'raw'] as const

/** One cell. */
export interface Cell {
  /** DAX level; `fsdev-v3 - B25` is the third without its refusal. */
  readonly level: string
  readonly from: Mode
  readonly to: Mode
  /** A mounted famfs holds the device. */
  readonly held: boolean
  /** 2 MiB of it are mapped: through a famfs file, or through the device node. */
  readonly mapped: (typeof MAPPED)[number]
}

type Mark = 'measured' | 'source' | 'list' | 'inferred'
export interface Rule<T> {
  readonly when: (c: Cell) => boolean
  readonly want: T
  readonly mark: Mark
  readonly why: string
}
export const ruleFor = <T>(rules: readonly Rule<T>[], c: Cell): T => rules.find(r => r.when(c))!.want

const fsdev = (c: Cell): boolean => c.level.startsWith('fsdev') || c.level === 'fix'
/** The mode whose devices a famfs can hold. */
export const canHold = (c: Cell): boolean => c.from === (fsdev(c) ? 'famfs' : 'devdax')

/** What the first access through a mount says that tries to hold the device: 0 or errno. */
export const HOLD: readonly Rule<number>[] = [
  { when: canHold, want: 0, mark: 'measured', why: '2.7: driver of the file systems' },
  { when: () => true, want: EIO, mark: 'measured', why: '2.6: a device that is not had is EIO for the connection' },
]

/** What mapping the device node says: 0 or errno of open(2), else of mmap(2). */
export const RAW: readonly Rule<number>[] = [
  { when: c => c.from === 'devdax', want: 0, mark: 'measured', why: 'raw.devdax' },
  { when: c => c.from === 'famfs', want: ENODEV, mark: 'measured', why: 'raw.fsdev: open works, mmap does not' },
  { when: () => true, want: ENXIO, mark: 'measured', why: 'hold.unbind: raw_open without a driver of the node' },
]

/** Errno of the change (0: it happened). `unbound`: the old driver has gone all the same. */
export const CHANGE: readonly Rule<{
  readonly errno: number
  readonly unbound: boolean
  readonly mode: Mode | null
}>[] = [
  {
    when: c => c.from === 'system-ram' && c.to === 'famfs',
    want: { errno: EINVAL, unbound: false, mode: null },
    mark: 'source',
    why: '2.15: go through devdax',
  },
  {
    when: c => c.from === 'system-ram' && c.to === 'disabled',
    want: { errno: ENXIO, unbound: false, mode: null },
    mark: 'source',
    why: 'daxctl: status operations are not for memory',
  },
  {
    when: c => c.from === 'system-ram' && c.to === 'system-ram',
    want: { errno: 0, unbound: false, mode: null },
    mark: 'source',
    why: 'daxctl: nothing to disable, its memory is online',
  },
  {
    when: c => c.from === 'system-ram' && c.to === 'fsdax',
    want: { errno: EBUSY, unbound: true, mode: 'disabled' },
    mark: 'source',
    why: '2.15: online memory stays, and so does its place in the resource tree',
  },
  {
    when: c => c.from === 'fsdax' && c.to !== 'fsdax' && c.to !== 'devdax',
    want: { errno: ENXIO, unbound: false, mode: null },
    mark: 'source',
    why: 'a namespace in fsdax mode is no device of the dax bus',
  },
  {
    when: c => c.level === 'fsdev-v3' && c.held,
    want: { errno: EBUSY, unbound: false, mode: null },
    mark: 'list',
    why: 'B25: unbind is refused while held',
  },
  {
    when: c => c.to === 'famfs' && !fsdev(c),
    want: { errno: ENOENT, unbound: true, mode: 'disabled' },
    mark: 'inferred',
    why: 'daxctl disables first, then finds no module fsdev_dax',
  },
  {
    when: () => true,
    want: { errno: 0, unbound: true, mode: null },
    mark: 'source',
    why: '2.15, 2.16: unbind wins, the new driver probes',
  },
]
/** Has the old driver gone, and with what mode does it end? */
export const changeOf = (c: Cell): { errno: number; unbound: boolean; mode: Mode } => {
  const r = ruleFor(CHANGE, c)
  const unbound = r.unbound && c.from !== 'disabled'
  return { errno: r.errno, unbound, mode: r.mode ?? (r.errno === 0 ? c.to : c.from) }
}
const unbound = (c: Cell): boolean => changeOf(c).unbound

/** The folio that was mapped, right after: as it was, as of nobody, or the file's still. */
export const LEFT: readonly Rule<'kept' | 'clean' | 'stale'>[] = [
  { when: c => c.mapped === 'no', want: 'clean', mark: 'source', why: '2.13: nothing maps it, no entry has it' },
  { when: c => !unbound(c), want: 'kept', mark: 'source', why: 'the driver is where it was' },
  {
    when: c => c.mapped === 'raw',
    want: 'clean',
    mark: 'source',
    why: '2.15: kill unmaps the node, the last put frees',
  },
  {
    when: c => c.to === 'system-ram',
    want: 'clean',
    mark: 'inferred',
    why: 'the allocator has taken the page, and said so if it was stale',
  },
  {
    when: c => c.level === 'fsdev-v8' || c.level === 'fix',
    want: 'clean',
    mark: 'source',
    why: '2.15: folio reset at unbind while user PTEs exist (L17)',
  },
  { when: c => c.to === 'famfs' && fsdev(c), want: 'clean', mark: 'source', why: '2.16: V3 clears at probe' },
  { when: () => true, want: 'stale', mark: 'source', why: 'B05, and 2.16: none before V3' },
]

/** What the kernel complains of until everybody has gone, as the start of each problem. */
export const NOISE: readonly Rule<readonly string[]>[] = [
  {
    when: c => c.mapped === 'file' && unbound(c) && changeOf(c).mode === 'disabled',
    want: ['oops'],
    mark: 'measured',
    why: 'hold.unbind_mapped: munmap finds no struct page (measured on 7.2)',
  },
  {
    when: c =>
      c.mapped === 'file' && unbound(c) && c.to === 'system-ram' && c.level !== 'fsdev-v8' && c.level !== 'fix',
    want: ['Bad page state', 'bad page map'],
    mark: 'source',
    why: 'B05: junk after famfs is found by the allocator',
  },
  {
    when: c => c.mapped === 'file' && unbound(c) && ruleFor(LEFT, c) === 'clean',
    want: ['bad page map'],
    mark: 'inferred',
    why: 'L17: the folio was reset under a mapping',
  },
  { when: () => true, want: [], mark: 'source', why: 'section 10 item 8: no WARN' },
]
/** What an access through the mount that holds it says then. */
export const HEARD: readonly Rule<'EHWPOISON' | 'works'>[] = [
  { when: unbound, want: 'EHWPOISON', mark: 'measured', why: 'hold.unbind: notified, and dead for good' },
  { when: () => true, want: 'works', mark: 'source', why: 'nothing has happened' },
]

/** What a fresh mount then gets: bytes, or EIO. */
export const LATER: readonly Rule<'works' | 'EIO'>[] = [
  {
    when: c => c.held && !unbound(c),
    want: 'EIO',
    mark: 'measured',
    why: 'hold.second_mount: the first one has it still',
  },
  {
    when: c => changeOf(c).mode === (fsdev(c) ? 'famfs' : 'devdax'),
    want: 'works',
    mark: 'measured',
    why: 'hold.unbind: fresh_mount',
  },
  { when: () => true, want: 'EIO', mark: 'measured', why: '2.6' },
]

/** Does the umount of the first mount warn that it puts what it does not hold? */
export const PUT_WARN: readonly Rule<boolean>[] = [
  { when: c => !c.held || !unbound(c), want: false, mark: 'source', why: '2.7: it is the holder' },
  {
    when: c => ruleFor(LATER, c) === 'works',
    want: true,
    mark: 'inferred',
    why: '2.7: the fresh mount is the holder by then, and the put even wipes its ops',
  },
  { when: c => c.level !== 'fix', want: true, mark: 'measured', why: 'B39, daxdev.dead.null: the WARN at umount' },
  { when: () => true, want: false, mark: 'source', why: '2.7: NULL is fine, kill_dax was here' },
]
