/**
 * Bytes of a real devdax device, mapped shared. It is nobody's by default: what could lose data or disturb others is refused
 * unless the caller says otherwise.
 * Units: bytes.
 */
import { closeSync, constants, openSync } from 'node:fs'
import { nativeAvailable, tryLock } from '../../native/index.ts'
import { type Backing, BackingError, bytesText, checkSize, reasonOf, SIZE_UNIT } from './backing.ts'
import { contentText, famfsText, wipe } from './contents.ts'
import {
  badRanges,
  type DaxDevice,
  type DaxPlaces,
  type DaxUser,
  daxNodes,
  daxUsers,
  MACHINE,
  modeOf,
  type Range,
  readDaxDevice,
} from './dax-device.ts'
import { MappedBacking } from './mapped.ts'

export type DaxOptions = {
  /** Nothing is written to a real device without it. */
  allowRealDevice?: boolean
  /** Take a device that holds something; its lent bytes are zeroed. */
  overwrite?: boolean
  /** Take a device that is in use, or in another mode. */
  force?: boolean
  /** `onClose` is called when the bytes are given back. */
  onClose?: () => void
  places?: DaxPlaces
}

/** Alignments there are: of a page, a PMD, a PUD. */
const ALIGNS = [4096, SIZE_UNIT, 2 ** 30]

/** The grain of poison, bytes. */
const PAGE = 4096

/**
 * Lend the first `size` bytes of the device at `path`, zeroed. Bytes the device has lost are in `badPages`, and ordinary
 * memory stands in for the aligned piece around each, so that nothing ever touches them.
 * Throws BackingError: no device, no leave to write, another mode, in use, too small, holds something, refused.
 */
export const openDax = (size: number, path: string, options: DaxOptions = {}): Backing => {
  checkSize(size)
  const places = options.places ?? MACHINE
  const d = readDaxDevice(path, places)
  const no = (why: string): never => {
    throw new BackingError(`dax backing ${path}: ${why}`)
  }
  if (!options.allowRealDevice) no('a run writes to it, which a real device needs leave for; add --allow-real-device')
  if (!options.force) checkMode(d)
  if (d.size < size)
    no(`${bytesText(d.size)}, smaller than the ${bytesText(size)} the scenario asks; take a larger one`)
  const { users } = daxUsers(d, places)
  if (users.length > 0 && !options.force) no(`in use: ${usersText(users)}; end that first, or add --force`)
  const bad = badRanges(d, places)
  return open(d, size, bad, false, options.onClose, backing => {
    if (options.overwrite) return wipe(backing)
    if (bad.some(r => r.offset < PAGE)) no('its first page is bad, so what it holds cannot be told; add --overwrite')
    const content = contentText(backing)
    if (content !== null) no(`${content}; add --overwrite to lose it`)
  })
}

/** The device at `path` to look at: nothing is written, whatever is asked, and others may use it meanwhile. Throws BackingError. */
export const openDaxToRead = (path: string, places: DaxPlaces = MACHINE): { device: DaxDevice; backing: Backing } => {
  const device = readDaxDevice(path, places)
  checkMode(device)
  const size = device.size - (device.size % SIZE_UNIT)
  checkSize(size)
  return { device, backing: open(device, size, badRanges(device, places), true) }
}

const checkMode = (d: DaxDevice): void => {
  if (d.driver === 'device_dax') return
  const now = d.driver === null ? 'bound to no driver' : `in mode ${modeOf(d.driver)} (driver ${d.driver})`
  const type = d.driver === null ? `daxctl enable-device ${d.name}` : `daxctl reconfigure-device -m devdax ${d.name}`
  throw new BackingError(`dax backing ${d.path}: ${now}, expected mode devdax (driver device_dax); ${type}`)
}

/** At most three of them, in words. */
export const usersText = (users: readonly DaxUser[]): string => {
  const some = users.slice(0, 3).map(u => `process ${u.pid} (${u.comm}) ${u.how}`)
  return users.length > 3 ? `${some.join(', ')} and ${users.length - 3} more` : some.join(', ')
}

const open = (
  d: DaxDevice,
  size: number,
  bad: readonly Range[],
  readOnly: boolean,
  onClose?: () => void,
  prepare: (backing: Backing) => void = () => {},
): Backing => {
  const where = `dax backing ${d.path}`
  const native = nativeAvailable()
  if (!native.ok) throw new BackingError(`${where}: no native calls: ${native.why}`)
  if (!ALIGNS.includes(d.align))
    throw new BackingError(`${where}: align ${d.align}, expected ${ALIGNS.map(bytesText).join(', ')}`)
  let fd = -1
  try {
    fd = openSync(d.path, readOnly ? constants.O_RDONLY : constants.O_RDWR)
    if (!readOnly && !tryLock(fd)) throw new Error('another famsim runs on it; wait for its end')
  } catch (error) {
    if (fd >= 0) closeSync(fd)
    throw new BackingError(`${where}: ${reasonOf(error)}`)
  }
  const align = Math.max(d.align, SIZE_UNIT)
  const pages = pagesOf(bad, size)
  const lost = pages.length === 0 ? '' : `, ${pages.length} of its pages bad`
  const backing = new MappedBacking('dax', fd, size, `${d.path}, ${bytesText(d.size)}${lost}`, {
    where,
    readOnly,
    align,
    badPages: pages,
    onClose,
  })
  try {
    prepare(backing)
    return backing
  } catch (error) {
    backing.close()
    throw error
  }
}

/** Numbers of the pages that ranges touch, below `size`, ascending. */
const pagesOf = (ranges: readonly Range[], size: number): number[] => {
  const pages = new Set<number>()
  for (const { offset, length } of ranges)
    for (let page = Math.floor(offset / PAGE); page * PAGE < Math.min(offset + length, size); page++) pages.add(page)
  return [...pages].sort((a, b) => a - b)
}

/** One line about a device: could a run have it, and what it is. */
export type DaxSurvey = { path: string; usable: boolean; why: string }

/** What a device is, in words. */
export const deviceText = (d: DaxDevice): string => {
  const node = d.node === null ? '' : `, node ${d.node}`
  return `${bytesText(d.size)}, align ${bytesText(d.align)}, mode ${modeOf(d.driver)}${node}`
}

/** All devdax devices of this machine. Of each the first page is looked at; nothing is written, nothing stays open. */
export const surveyDax = (places: DaxPlaces = MACHINE): DaxSurvey[] =>
  daxNodes(places).map(path => {
    try {
      const { device, backing } = openDaxToRead(path, places)
      const held = famfsText(backing.window(0))
      backing.close()
      const { users } = daxUsers(device, places)
      const bad = backing.badPages?.length ?? 0
      const state = users.length > 0 ? `in use: ${usersText(users)}` : 'idle'
      const notes = [
        deviceText(device),
        ...(bad > 0 ? [`${bad} pages bad`] : []),
        state,
        ...(held === null ? [] : [held]),
      ]
      return { path, usable: users.length === 0, why: notes.join(', ') }
    } catch (error) {
      return { path, usable: false, why: reasonOf(error) }
    }
  })
