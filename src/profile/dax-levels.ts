// Which DAX half lies under the kernel's famfs, as data (kernel.md 2.7, 2.11, 2.15, 2.16). What a level does wrong is in the
// catalogue of defects (`dax` there); here is what it has.
import { UsageError } from '../sim/index.ts'

/** One state of drivers/dax and fs/dax.c. */
export interface DaxLevelTable {
  readonly name: string
  readonly title: string
  /** Version of the kernel around it; user space asks. */
  readonly linux: readonly [number, number]
  /** The driver whose devices a file system can hold. Without fsdev_dax there is no famfs mode. */
  readonly fs_driver: 'device_dax' | 'fsdev_dax'
  /** A fault on a folio that somebody still counts as referenced: a warning only, or a warning and the fault fails. */
  readonly stale_folio: 'warn' | 'fail'
}

export const DAX_LEVELS: readonly DaxLevelTable[] = [
  {
    name: 'devdax-6.14',
    title: 'device_dax with the iomap patches of the RFC, on 6.14: a folio left behind warns',
    linux: [6, 14],
    fs_driver: 'device_dax',
    stale_folio: 'warn',
  },
  {
    name: 'devdax-6.15',
    title: 'the same on 6.15, whose stricter reference check makes the fault fail',
    linux: [6, 15],
    fs_driver: 'device_dax',
    stale_folio: 'fail',
  },
  {
    name: 'fsdev-v3',
    title: 'the fsdev driver of V3: folios are reset when it is bound, unbind is refused while held',
    linux: [6, 19],
    fs_driver: 'fsdev_dax',
    stale_folio: 'fail',
  },
  {
    name: 'fsdev-v8',
    title: 'the fsdev driver of V8 to V10, merged for 7.1: folios are reset at unbind too, unbind wins',
    linux: [7, 1],
    fs_driver: 'fsdev_dax',
    stale_folio: 'fail',
  },
  {
    name: 'fix',
    title: 'the same with the ten fixes of June 2026, in 7.2',
    linux: [7, 2],
    fs_driver: 'fsdev_dax',
    stale_folio: 'fail',
  },
]

/** The level of this name. Throws UsageError for an unknown one. */
export function daxLevel(name: string): DaxLevelTable {
  const level = DAX_LEVELS.find(l => l.name === name)
  if (!level)
    throw new UsageError(`unknown DAX level '${name}': expected one of ${DAX_LEVELS.map(l => l.name).join(', ')}`)
  return level
}
