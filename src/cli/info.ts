// famsim info IMAGE: what a famfs image holds, in a file or on a real device, and what is wrong with it. Writes nothing.
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { daxUsers, deviceText, modeOf, openDaxToRead, usersText } from '../devdax/index.ts'
import { decodeSuperblock, describeImage, SB_SIZE, validateImage } from '../media/index.ts'
import { count, hanging } from '../report/index.ts'
import { oneLine, UserError } from './errors.ts'

/** Superblock, the largest log there is, and a little: all that `info` looks at. */
const ENOUGH = 0x200000 + 0x10000000

/** The grain in which memory goes bad, bytes. */
const PAGE = 4096

/** The first bytes of an image file, unpacked if it is gzip. */
export function readImage(path: string): Uint8Array {
  let raw: Buffer
  try {
    const fd = openSync(path, 'r')
    try {
      raw = Buffer.alloc(Math.min(fstatSync(fd).size, ENOUGH))
      raw = raw.subarray(0, readSync(fd, raw, 0, raw.length, 0))
    } finally {
      closeSync(fd)
    }
  } catch (e) {
    throw new UserError(`${path}: ${oneLine((e as Error).message)}`)
  }
  try {
    return raw[0] === 0x1f && raw[1] === 0x8b ? gunzipSync(raw) : raw
  } catch (e) {
    throw new UserError(`${path}: not a whole gzip file: ${oneLine((e as Error).message)}`)
  }
}

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

function fileSource(name: string, path: string): Source {
  const image = readImage(path)
  const read = (off: number, len: number): Uint8Array => {
    const b = new Uint8Array(len)
    b.set(image.subarray(off, off + len))
    return b
  }
  return { name, read, size: image.length, device: null, close: () => {} }
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
    size: backing.size,
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
    throw new UserError(`${name}: a device, expected an image; type: famsim info dax:${file}`)
  return fileSource(name, file)
}

export function info(image: string, o: { json?: boolean }): void {
  const source = sourceOf(image)
  try {
    show(source, o.json === true)
  } finally {
    source.close()
  }
}

function show({ name, read, size, device }: Source, json: boolean): void {
  if (size < SB_SIZE) throw new UserError(`${name}: ${size} bytes; a superblock takes ${SB_SIZE}`)
  const sb = decodeSuperblock(read(0, SB_SIZE))
  if (!sb.ok) throw new UserError(`${name}: ${sb.why}`)
  const d = describeImage(read, sb.sb.daxdevSize)
  if (d.log_header_rc !== 0) throw new UserError(`${name}: log header at 0x200000: wrong magic or CRC`)
  const problems = validateImage(read, sb.sb.daxdevSize)
  if (json) {
    console.log(JSON.stringify({ ...d, problems, ...(device === null ? {} : { device: device.json }) }))
    return
  }
  if (device !== null) for (const l of hanging(device.text, 78)) console.log(l)
  const { superblock: s, log, entries, stats, bitmap } = d as any
  console.log(
    `superblock: version ${s.version}, OMF ${s.omf_major}.${s.omf_minor}, device ${s.daxdev_name}, ${s.daxdev_size} bytes`,
  )
  console.log(`  fs    ${s.fs_uuid}`)
  console.log(`  owner ${s.system_uuid}`)
  console.log(`log: ${log.next_index} of ${log.last_index + 1} entries in use, ${stats.bad_entries} bad`)
  console.log(
    `  ${stats.f_logged} files, ${stats.d_logged} directories; ${bitmap.bits_set} of ${bitmap.nbits} units taken, ${bitmap.collisions} collisions`,
  )
  for (const e of entries) {
    const kind = e.type === 1 ? 'dir ' : e.ext_type === 1 ? `x${String(e.nstrips).padEnd(3)}` : 'file'
    console.log(
      `  ${String(e.i).padStart(5)} ${kind} ${e.mode ?? ''} ${String(e.size ?? '').padStart(12)} ${e.path ?? `type ${e.type}`}`,
    )
  }
  console.log(problems.length === 0 ? 'check: nothing wrong' : `check: ${count(problems.length, 'problem')}`)
  for (const p of problems) for (const l of hanging(p, 76, '  ')) console.log(l)
}
