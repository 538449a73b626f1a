/**
 * What the kernel says of a real devdax device: size, alignment, driver, node, who uses it, which of its bytes are bad.
 * Reads /dev, /sys and /proc only; a test gives places of its own.
 * Units: bytes. A device number is written `major:minor`, as sysfs does.
 */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { BackingError, reasonOf } from './backing.ts'

/** Where the kernel shows things. */
export interface DaxPlaces {
  readonly sys: string
  readonly proc: string
  readonly dev: string
  /** Number of the character device at a path, links followed; null when it is none. */
  readonly number: (path: string) => string | null
}

/** Linux keeps the low 8 bits of a minor number below the major, the rest above it. */
const numberText = (rdev: number): string => {
  const high = Math.floor(rdev / 2 ** 32)
  const low = rdev >>> 0
  return `${((low >>> 8) & 0xfff) | (high & 0xfffff000)}:${(low & 0xff) | ((low >>> 12) & 0xfff00)}`
}

/** The places of this machine. */
export const MACHINE: DaxPlaces = {
  sys: '/sys',
  proc: '/proc',
  dev: '/dev',
  number: path => {
    const s = statSync(path)
    return s.isCharacterDevice() ? numberText(s.rdev) : null
  },
}

/** One devdax device. */
export interface DaxDevice {
  /** Its node, as it was asked for. */
  readonly path: string
  /** e.g. `dax0.0` */
  readonly name: string
  readonly number: string
  readonly size: number
  /** A mapping starts and ends at multiples of this. */
  readonly align: number
  /** null: bound to none. */
  readonly driver: string | null
  /** NUMA node that system-ram would go to; null when there is none. */
  readonly node: number | null
  /** Its folder in sysfs. */
  readonly dir: string
}

/** What the drivers are called as modes. */
const MODES: Readonly<Record<string, string>> = {
  device_dax: 'devdax',
  fsdev_dax: 'famfs',
  kmem: 'system-ram',
}

/** The mode a device is in, in the words of daxctl. */
export const modeOf = (driver: string | null): string => (driver === null ? 'none' : (MODES[driver] ?? driver))

const text = (file: string): string | null => {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return null
  }
}

/** Read what sysfs says of the device at `path`. Throws BackingError: nothing there, no devdax device. */
export const readDaxDevice = (path: string, places: DaxPlaces = MACHINE): DaxDevice => {
  const no = (why: string): never => {
    throw new BackingError(`dax backing ${path}: ${why}; the devices there are: famsim doctor`)
  }
  let number: string | null
  try {
    number = places.number(path)
  } catch (error) {
    return no(reasonOf(error))
  }
  if (number === null) return no('not a character device, expected a devdax device like /dev/dax0.0')
  const link = join(places.sys, 'dev/char', number)
  let dir: string
  try {
    dir = realpathSync(link)
    if (basename(realpathSync(join(dir, 'subsystem'))) !== 'dax') return no(`device ${number} is no devdax device`)
  } catch {
    return no(`device ${number} is no devdax device`)
  }
  const whole = (name: string): number => {
    const n = Number(text(join(dir, name)) ?? Number.NaN)
    return Number.isSafeInteger(n) && n > 0 ? n : no(`sysfs does not say its ${name} (${join(dir, name)})`)
  }
  const bound = join(dir, 'driver')
  const node = Number(text(join(dir, 'target_node')) ?? -1)
  return {
    path,
    name: basename(dir),
    number,
    size: whole('size'),
    align: whole('align'),
    driver: existsSync(bound) ? basename(realpathSync(bound)) : null,
    node: node >= 0 ? node : null,
    dir,
  }
}

/** Nodes of all devdax devices of this machine, in the order of their numbers. */
export const daxNodes = (places: DaxPlaces = MACHINE): string[] => {
  try {
    const order = (name: string): number[] => (name.match(/\d+/g) ?? []).map(Number)
    return readdirSync(join(places.sys, 'bus/dax/devices'))
      .sort((a, b) => {
        const [x, y] = [order(a), order(b)]
        return (x[0] ?? 0) - (y[0] ?? 0) || (x[1] ?? 0) - (y[1] ?? 0)
      })
      .map(name => join(places.dev, name))
  } catch {
    return []
  }
}

/** A process that has the device open or mapped. */
export interface DaxUser {
  readonly pid: number
  readonly comm: string
  readonly how: 'maps it' | 'has it open'
}

/**
 * Who uses a device, other than this process: open files and mappings of all processes that can be looked at. `unseen`
 * counts the others (of another user). Processes beyond our own /proc, the kernel itself and other hosts are not seen.
 */
export const daxUsers = (d: DaxDevice, places: DaxPlaces = MACHINE): { users: DaxUser[]; unseen: number } => {
  const users: DaxUser[] = []
  let unseen = 0
  const node = statSync(d.path)
  // `maps` names a file by the device of its file system and its inode, whatever its path is elsewhere.
  const [major, minor] = numberText(node.dev)
    .split(':')
    .map(n => Number(n).toString(16).padStart(2, '0'))
  const mapped = new RegExp(`^\\S+ \\S+ \\S+ ${major}:${minor} ${node.ino} `, 'm')
  for (const entry of readdirSync(places.proc)) {
    const pid = Number(entry)
    if (!/^\d+$/.test(entry) || pid === process.pid) continue
    const at = join(places.proc, entry)
    const comm = text(join(at, 'comm')) ?? '?'
    const maps = text(join(at, 'maps'))
    if (maps !== null && mapped.test(maps)) {
      users.push({ pid, comm, how: 'maps it' })
      continue
    }
    try {
      const open = readdirSync(join(at, 'fd')).some(fd => isDevice(join(at, 'fd', fd), d.number, places))
      if (open) users.push({ pid, comm, how: 'has it open' })
    } catch (error) {
      // Gone meanwhile is no process any more; the rest may not be looked at.
      if ((error as NodeJS.ErrnoException).code === 'EACCES') unseen++
    }
  }
  return { users, unseen }
}

const isDevice = (path: string, number: string, places: DaxPlaces): boolean => {
  try {
    return places.number(path) === number
  } catch {
    return false
  }
}

/** Part of a device, bytes. */
export interface Range {
  readonly offset: number
  readonly length: number
}

/**
 * The bytes of a device that its memory has lost, as the kernel knows them: the list `badblocks` of the region the device
 * lies in, in sectors of 512 bytes from the region's start. The device's own ranges are physical addresses, and so is that
 * start. Memory without such a list (all that is not persistent) gives none. Throws BackingError when there are bad blocks
 * and it cannot be told where.
 */
export const badRanges = (d: DaxDevice, places: DaxPlaces = MACHINE): Range[] => {
  const root = realpathSync(places.sys)
  let region = dirname(d.dir)
  while (region.startsWith(root) && !(existsSync(join(region, 'badblocks')) && existsSync(join(region, 'resource'))))
    region = dirname(region)
  if (!region.startsWith(root)) return []
  const lines = text(join(region, 'badblocks'))
  if (lines === '') return []
  const start = address(join(region, 'resource'))
  const ranges = deviceRanges(d)
  if (lines === null || start === null || ranges === null)
    throw new BackingError(
      `dax backing ${d.path}: cannot read where its bad blocks are (${region}); run as root, or clear them: ndctl clear-errors`,
    )
  const out: Range[] = []
  for (const line of lines.split('\n')) {
    const [sector, count] = line.trim().split(/\s+/).map(Number)
    const from = start + sector! * 512
    const to = from + count! * 512
    for (const r of ranges) {
      const low = Math.max(from, r.start)
      const high = Math.min(to, r.start + r.length)
      if (low < high) out.push({ offset: r.offset + low - r.start, length: high - low })
    }
  }
  return out.sort((a, b) => a.offset - b.offset)
}

/** A number sysfs writes in hexadecimal; null when it may not be read. */
const address = (file: string): number | null => {
  const n = Number(text(file) || Number.NaN)
  return Number.isSafeInteger(n) ? n : null
}

/** Which physical addresses the device consists of, and where in the device each range lies. */
const deviceRanges = (d: DaxDevice): { start: number; length: number; offset: number }[] | null => {
  const out: { start: number; length: number; offset: number }[] = []
  for (let i = 0; existsSync(join(d.dir, `mapping${i}`)); i++) {
    const [start, end, page] = ['start', 'end', 'page_offset'].map(f => address(join(d.dir, `mapping${i}`, f)))
    if (start == null || end == null || page == null) return null
    out.push({ start, length: end + 1 - start, offset: page * 4096 })
  }
  if (out.length > 0) return out
  const start = address(join(d.dir, 'resource'))
  return start === null ? null : [{ start, length: d.size, offset: 0 }]
}
