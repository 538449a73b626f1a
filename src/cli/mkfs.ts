// famsim mkfs IMAGE...: a famfs file system made in files, as mkfs.famfs makes it on devices; with several, one over all of
// them. Whatever is wrong is told before a byte is written.
import { randomUUID } from 'node:crypto'
import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { resolve } from 'node:path'
import {
  decodeSuperblock,
  encodeEntry,
  encodeLogHeader,
  encodeSuperblock,
  entryOffset,
  fsckReport,
  LOG_LEN_DEFAULT,
  LOG_OFFSET,
  MAX_DAXDEVS,
  type MkfsPlan,
  mkfsPlan,
  parseUuid,
  SB,
  SB_SIZE,
  secondarySuperblock,
} from '../media/index.ts'
import { nativeAvailable, tryLock } from '../native/index.ts'
import { fsck_text, parse_size } from '../server/index.ts'
import { oneLine, UserError } from './errors.ts'
import { imageJson, lookAt, ownUuid } from './image.ts'

interface MkfsOptions {
  readonly force?: boolean
  readonly kill?: boolean
  readonly loglen?: string
  readonly size?: string
  readonly owner?: string
  readonly json?: boolean
}

/** A file to write to. */
interface Target {
  readonly name: string
  readonly path: string
  readonly fd: number
  readonly size: number
  /** It was not there before. */
  readonly made: boolean
}

const ZEROS = new Uint8Array(0x100000)

function sizeOf(option: string, s: string): number {
  const n = parse_size(s, false)
  if (n < 0) throw new UserError(`${option} '${s}': expected bytes, or a number with k, m or g behind it, such as 4g`)
  return n
}

/** The path a name means; UserError where it is none of a file that can be written. */
function pathOf(name: string): string {
  const [, scheme, path = name] = /^(dax|file):(.*)$/.exec(name) ?? []
  if (scheme === 'dax') throw new UserError(`${name}: a device, expected a file; on a device type mkfs.famfs ${path}`)
  if (!existsSync(path)) return path
  const at = statSync(path)
  if (at.isCharacterDevice())
    throw new UserError(`${name}: a device, expected a file; on a device type mkfs.famfs ${path}`)
  if (!at.isFile()) throw new UserError(`${name}: not a plain file; give the path of one, or of none yet with --size`)
  return path
}

/** How large the device in this file is to be. */
function deviceSize(name: string, path: string, asked: number | null): number {
  if (!existsSync(path)) {
    if (asked === null) throw new UserError(`${name}: no such file; --size 4g makes one`)
    return asked
  }
  const { size } = statSync(path)
  if (asked !== null && size !== asked)
    throw new UserError(`${name}: is there, with ${size} bytes, not ${asked}; leave out --size, or remove the file`)
  return size
}

/** Why it must not be written to without --force; null: it may. */
function held(fd: number, o: MkfsOptions): string | null {
  const first = new Uint8Array(SB_SIZE)
  const n = readSync(fd, first, 0, SB_SIZE, 0)
  if (first[0] === 0x1f && first[1] === 0x8b) return 'gzip, which is only read; gunzip it first'
  if (o.force === true || n === 0) return null
  const found = decodeSuperblock(first)
  if (found.ok || found.code === 1) return 'there is a famfs superblock already; --force writes over it'
  return first.subarray(SB.magic, SB.version).some(b => b !== 0) ? 'holds something; --force writes over it' : null
}

function openTarget(name: string, path: string, size: number, o: MkfsOptions): Target {
  let fd = -1
  const made = !existsSync(path)
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644)
    const why = !nativeAvailable().ok || tryLock(fd) ? held(fd, o) : 'another famsim runs on it; wait for its end'
    if (why !== null) throw new Error(why)
    if (made) ftruncateSync(fd, size)
    return { name, path, fd, size, made }
  } catch (e) {
    if (fd >= 0) closeSync(fd)
    throw new UserError(`${name}: ${oneLine((e as Error).message)}`)
  }
}

/** Make bytes zero; where they are, nothing is written, so that a hole stays one. */
function zero(fd: number, at: number, len: number): void {
  const part = new Uint8Array(ZEROS.length)
  for (const end = at + len; at < end; at += part.length) {
    const n = end - at < part.length ? end - at : part.length
    readSync(fd, part, 0, n, at)
    if (Buffer.compare(part.subarray(0, n), ZEROS.subarray(0, n)) !== 0) writeSync(fd, ZEROS, 0, n, at)
  }
}

function carryOut({ steps }: MkfsPlan, { name, fd }: Target): void {
  for (const s of steps) {
    if (s.do === 'write') writeSync(fd, s.bytes, 0, s.bytes.length, s.at)
    else if (s.do === 'zero') zero(fd, s.at, s.len)
    else if (s.do === 'flush') fsyncSync(fd)
    else {
      const back = new Uint8Array(s.bytes.length)
      readSync(fd, back, 0, back.length, s.at)
      if (Buffer.compare(back, s.bytes) !== 0) throw new UserError(`${name}: does not keep what is written to it`)
    }
  }
}

/** The file system of `plan` on the first, and the others added to it. */
function write(plan: MkfsPlan, [first, ...further]: readonly [Target, ...Target[]]): void {
  const { superblock, logHeader } = plan
  carryOut(plan, first)
  for (const [i, { fd, size }] of further.entries()) {
    const devUuid = randomUUID()
    const sb = encodeSuperblock(secondarySuperblock(superblock, { devUuid, size, name: deviceName(i + 1) }))
    writeSync(fd, sb, 0, sb.length, 0)
    fsyncSync(fd)
    const entry = encodeEntry({ type: 'add_daxdev', seqnum: i, size, uuid: devUuid, index: i + 1 })
    writeSync(first.fd, entry, 0, entry.length, LOG_OFFSET + entryOffset(i))
    const header = encodeLogHeader({ ...logHeader, nextSeqnum: i + 1, nextIndex: i + 1 })
    writeSync(first.fd, header, 0, header.length, LOG_OFFSET)
  }
  fsyncSync(first.fd)
}

/** Where a world has the device. */
const deviceName = (index: number): string => `/dev/dax${index}.0`

export function mkfs(names: readonly string[], o: MkfsOptions): void {
  if (o.kill && !o.force) throw new UserError('--kill makes a file system unusable: type it together with --force')
  const asked = o.size === undefined ? null : sizeOf('--size', o.size)
  const logLen = o.loglen === undefined ? LOG_LEN_DEFAULT : sizeOf('--loglen', o.loglen)
  const owner = o.owner ?? ownUuid() ?? randomUUID()
  if (!parseUuid(owner)) throw new UserError(`--owner '${owner}': expected a uuid, 8-4-4-4-12 hexadecimal digits`)
  if (names.length > MAX_DAXDEVS)
    throw new UserError(`${names.length} images: expected at most ${MAX_DAXDEVS} devices of a file system`)
  const files = names.map((name, i) => {
    const path = pathOf(name)
    if (names.slice(0, i).some(n => resolve(pathOf(n)) === resolve(path))) throw new UserError(`${name}: given twice`)
    return { name, path, size: deviceSize(name, path, asked) }
  })
  // Each of them has to do for a device; the first plan is carried out.
  const plans = files.map(({ name, size }, i) => {
    const uuids = { fsUuid: randomUUID(), devUuid: randomUUID(), systemUuid: owner }
    const plan = mkfsPlan({ deviceSize: size, logLen, devName: deviceName(i), ...uuids })
    if ('error' in plan) throw new UserError(`${name}: ${plan.error}`)
    return plan
  })
  const targets = openAll(files, o)
  try {
    if (o.kill) for (const { fd } of targets) writeSync(fd, ZEROS, 0, SB.version, SB.magic)
    else write(plans[0]!, targets as [Target, ...Target[]])
  } finally {
    for (const { fd } of targets) closeSync(fd)
  }
  tell(names, o, owner)
}

/** All of them, or none: what was made for the first goes when a later one is refused. */
function openAll(files: readonly { name: string; path: string; size: number }[], o: MkfsOptions): Target[] {
  const targets: Target[] = []
  try {
    for (const { name, path, size } of files) targets.push(openTarget(name, path, size, o))
    return targets
  } catch (e) {
    for (const { fd, path, made } of targets) {
      closeSync(fd)
      if (made) unlinkSync(path)
    }
    throw e
  }
}

function tell(names: readonly string[], o: MkfsOptions, owner: string): void {
  if (o.kill) {
    console.log(o.json ? JSON.stringify({ killed: names }) : `famfs superblock killed: ${names.join(', ')}`)
    return
  }
  const image = lookAt(names[0]!)
  const report = fsckReport(image.dump, owner)!
  if (o.json) {
    console.log(JSON.stringify({ ...imageJson(image), ...report }))
    return
  }
  console.log(`devsize: ${report.capacity.device}`)
  for (const l of fsck_text(image.dump, report, { human: true })) console.log(l)
}
