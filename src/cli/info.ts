// famsim info IMAGE: what a famfs image holds. Reads the file, writes nothing.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { decodeSuperblock, describeImage, SB_SIZE } from '../media/index.ts'
import { oneLine, UserError } from './errors.ts'

/** Superblock, the largest log there is, and a little: all that `info` looks at. */
const ENOUGH = 0x200000 + 0x10000000

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

export function info(path: string, o: { json?: boolean }): void {
  const image = readImage(path)
  if (image.length < SB_SIZE) throw new UserError(`${path}: ${image.length} bytes; a superblock takes ${SB_SIZE}`)
  const sb = decodeSuperblock(image.subarray(0, SB_SIZE))
  if (!sb.ok) throw new UserError(`${path}: ${sb.why}`)
  const read = (off: number, len: number): Uint8Array => {
    const b = new Uint8Array(len)
    b.set(image.subarray(off, off + len))
    return b
  }
  const d = describeImage(read, sb.sb.daxdevSize)
  if (d.log_header_rc !== 0) throw new UserError(`${path}: log header at 0x200000: wrong magic or CRC`)
  if (o.json) {
    console.log(JSON.stringify(d))
    return
  }
  const { superblock: s, log, entries, stats, bitmap } = d as any
  console.log(
    `superblock: version ${s.version}, OMF ${s.omf_major}.${s.omf_minor}, device ${s.daxdev_name}, ${s.daxdev_size} bytes`,
  )
  console.log(`  fs ${s.fs_uuid}, owner ${s.system_uuid}`)
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
}
