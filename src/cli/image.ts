// A famfs image to look at, for info and fsck: a file (.gz too), `file:PATH` or `dax:/dev/daxX.Y`. Writes nothing.
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { daxUsers, deviceText, modeOf, openDaxToRead, usersText } from '../devdax/index.ts'
import {
  decodeSuperblock,
  describeImage,
  entryOffset,
  type ImageDump,
  LOG_HEADER_SIZE,
  LOG_OFFSET,
  MAX_BITS,
  SB_SIZE,
  validateImage,
} from '../media/index.ts'
import { count, hanging } from '../report/index.ts'
import { oneLine, UserError } from './errors.ts'

/** The grain in which memory goes bad, bytes. */
const PAGE = 4096

/** Where an image comes from. */
interface Source {
  /** Its name, as typed. */
  readonly name: string
  /** Bytes, zeros behind the end. */
  readonly read: (off: number, len: number) => Uint8Array
  /** How many there are. */
  readonly size: number
  /** What it lies on; null: a file. */
  readonly device: { readonly text: string; readonly json: object } | null
  close(): void
}

/** An image looked at. */
export interface Image {
  readonly name: string
  readonly device: Source['device']
  readonly dump: ImageDump
  /** What is wrong with it, a line each. Where `dump.entries` is null the first one is why nothing could be made of it. */
  readonly problems: readonly string[]
}

/** Where a famfs host keeps its uuid. The real tools make the file when it is missing; famsim does not. */
const SYSTEM_UUID = '/opt/famfs/system_uuid'

/** The uuid of this machine; null: it has none yet. */
export const ownUuid = (): string | null => {
  try {
    return readFileSync(SYSTEM_UUID, 'latin1').slice(0, 36)
  } catch {
    return null
  }
}

/** Do it; what the system has against it becomes one line. */
function told<T>(name: string, act: () => T): T {
  try {
    return act()
  } catch (e) {
    throw new UserError(`${name}: ${oneLine((e as Error).message)}`)
  }
}

/** The same bytes, zeros behind their end. */
const padded =
  (bytes: Uint8Array): Source['read'] =>
  (off, len) => {
    const b = new Uint8Array(len)
    b.set(bytes.subarray(off, off + len))
    return b
  }

function fileSource(name: string, path: string): Source {
  const fd = told(name, () => openSync(path, 'r'))
  const close = (): void => closeSync(fd)
  try {
    const read = (off: number, len: number): Uint8Array => {
      const b = new Uint8Array(len)
      told(name, () => readSync(fd, b, 0, len, off))
      return b
    }
    const [first, second] = read(0, 2)
    if (first !== 0x1f || second !== 0x8b) return { name, read, size: fstatSync(fd).size, device: null, close }
    const image = told(`${name}: not a whole gzip file`, () => gunzipSync(readFileSync(fd)))
    return { name, read: padded(image), size: image.length, device: null, close }
  } catch (e) {
    close()
    throw e
  }
}

/** A real device, mapped so that it cannot be written, whoever uses it meanwhile. */
function deviceSource(name: string, path: string): Source {
  const { device, backing } = openDaxToRead(path)
  const { users } = daxUsers(device)
  const bad = backing.badPages ?? []
  const read = (off: number, len: number): Uint8Array => {
    const lost = bad.find(page => (page + 1) * PAGE > off && page * PAGE < off + len)
    if (lost !== undefined)
      throw new UserError(`${name}: the page at 0x${(lost * PAGE).toString(16)} is bad, so what it held cannot be told`)
    const b = new Uint8Array(len)
    for (let at = 0; at < len && off + at < backing.size; ) {
      const window = backing.window(Math.floor((off + at) / backing.windowSize))
      const start = (off + at) % backing.windowSize
      const part = window.subarray(start, start + len - at)
      b.set(part, at)
      at += part.length
    }
    return b
  }
  const { size, align, driver, node } = device
  const state = users.length === 0 ? 'idle' : `in use: ${usersText(users)}`
  return {
    name,
    read,
    size,
    device: {
      text: `device: ${path}, ${deviceText(device)}, ${count(bad.length, 'bad page')}, ${state}`,
      json: { path, size, align, mode: modeOf(driver), driver, node, bad_pages: bad, users },
    },
    close: () => backing.close(),
  }
}

/** `dax:/dev/daxX.Y`, `file:PATH` or a path. */
function sourceOf(name: string): Source {
  const [, scheme, path] = /^(dax|file):(.*)$/.exec(name) ?? []
  if (scheme === 'dax') return deviceSource(name, path!)
  const file = path ?? name
  if (existsSync(file) && statSync(file).isCharacterDevice())
    throw new UserError(`${name}: a device, expected an image; for a devdax device type dax:${file}`)
  return fileSource(name, file)
}

function look({ name, read, size, device }: Source): Image {
  if (size < SB_SIZE) throw new UserError(`${name}: ${size} bytes; a superblock takes ${SB_SIZE}`)
  const { ok, sb } = decodeSuperblock(read(0, SB_SIZE))
  // The superblock's size of the device is outside its CRC. A real device knows its own; a file may be the first bytes.
  const claimed = sb!.daxdevSize
  const deviceSize = device === null || claimed < size ? claimed : size
  if (ok && deviceSize > MAX_BITS * sb.allocUnit)
    throw new UserError(`${name}: superblock: device size ${claimed}, expected at most ${MAX_BITS} units`)
  const dump = describeImage(read, deviceSize)
  const used = LOG_OFFSET + (dump.entries === null ? LOG_HEADER_SIZE : entryOffset(dump.entries.length))
  if (ok && size < used)
    throw new UserError(`${name}: truncated: ${size} bytes; superblock and the part of the log in use end at ${used}`)
  return { name, device, dump, problems: validateImage(read, deviceSize) }
}

/** Look at the image of this name. UserError: there is none, or too little of it. */
export function lookAt(name: string): Image {
  const source = sourceOf(name)
  try {
    return look(source)
  } finally {
    source.close()
  }
}

/** What it lies on, in lines; none for a file. */
export const deviceLines = ({ device }: Image): string[] => (device === null ? [] : hanging(device.text, 78))

/** So many problems are told in words; --json tells all. */
const TOLD = 50

/** Everything wrong with it, in lines; the first sums up. */
export const checkLines = ({ problems }: Image): string[] => [
  problems.length === 0 ? 'check: nothing wrong' : `check: ${count(problems.length, 'problem')}`,
  ...problems.slice(0, TOLD).flatMap(p => hanging(p, 76, '  ')),
  ...(problems.length > TOLD ? [`  and ${problems.length - TOLD} more; --json tells all`] : []),
]

/** A line with a name of the image in it: what could steer a terminal, and what is no UTF-8, as an escape. */
export const readable = (line: string): string =>
  line.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, c => `\\u${c.codePointAt(0)!.toString(16).padStart(4, '0')}`)

/** As one object. */
export const imageJson = ({ dump, problems, device }: Image): object => ({
  ...dump,
  problems,
  ...(device === null ? {} : { device: device.json }),
})
