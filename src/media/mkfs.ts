// What mkfs does to the memory, as a list of steps in memory order (userspace.md b.5). A plan: it writes nothing itself,
// and stopping after any step is what a crash in mkfs leaves behind. Offsets are device bytes.

import {
  AU_SIZE,
  DEVICE_SIZE_MIN,
  LH,
  LOG_HEADER_SIZE,
  LOG_LEN_MIN,
  LOG_OFFSET,
  NAME_FIELD,
  OMF_MAJOR,
  OMF_MINOR,
  SB,
  SB_AREA,
  SB_MAGIC,
  SB_VERSION,
} from './constants.ts'
import { isPowerOfTwo } from './ints.ts'
import { encodeLogHeader, freshLogHeader, type LogHeader } from './log.ts'
import { encodeSuperblock, type Superblock } from './superblock.ts'
import { NIL_UUID, parseUuid } from './uuid.ts'

export type MkfsStep =
  /** Store `bytes` at `at`; `what` names the field or fields. */
  | { do: 'write'; at: number; bytes: Uint8Array; what: string }
  /** Read back `bytes.length` bytes at `at`: another value means that the device does not take stores. */
  | { do: 'readback'; at: number; bytes: Uint8Array; what: string }
  | { do: 'zero'; at: number; len: number; what: string }
  /** Write the cache lines of the range back to the memory, then fence. */
  | { do: 'flush'; at: number; len: number; what: string }

export type MkfsArgs = {
  deviceSize: number
  logLen: number
  devName: string
  fsUuid: string
  devUuid: string
  systemUuid: string
  /** mkfs leaves these two as they are on the memory; they only show in `superblock` below. */
  sbFlagsBefore?: number
  daxdevUuidBefore?: string
  /** Smallest device to accept, in place of 4 GiB (mkfs itself has no such option; small worlds do). */
  minDeviceSize?: number
}

export type MkfsPlan = { steps: MkfsStep[]; superblock: Superblock; logHeader: LogHeader }

function argumentError(a: MkfsArgs): string | null {
  if (!isPowerOfTwo(a.logLen) || a.logLen < LOG_LEN_MIN) {
    return `log length ${a.logLen}: expected a power of two of at least ${LOG_LEN_MIN}; try --loglen 8m`
  }
  const min = a.minDeviceSize ?? DEVICE_SIZE_MIN
  if (!Number.isSafeInteger(a.deviceSize) || a.deviceSize < min) {
    return `device size ${a.deviceSize}: expected at least ${min} bytes; use a larger device`
  }
  if (a.deviceSize % AU_SIZE !== 0) {
    return `device size ${a.deviceSize}: expected a multiple of ${AU_SIZE}; align the device to 2 MiB`
  }
  if (SB_AREA + a.logLen > a.deviceSize) {
    return `log length ${a.logLen}: a device of ${a.deviceSize} bytes has room for ${a.deviceSize - SB_AREA}; try --loglen 8m`
  }
  const uuids = { fsUuid: a.fsUuid, devUuid: a.devUuid, systemUuid: a.systemUuid }
  for (const [name, text] of Object.entries(uuids)) {
    if (!parseUuid(text)) return `${name} "${text}": expected a uuid, 8-4-4-4-12 hexadecimal digits`
  }
  if (a.daxdevUuidBefore !== undefined && !parseUuid(a.daxdevUuidBefore)) {
    return `daxdevUuidBefore "${a.daxdevUuidBefore}": expected a uuid, 8-4-4-4-12 hexadecimal digits`
  }
  if (a.devName === '' || a.devName.includes('\0')) {
    return `device name ${JSON.stringify(a.devName)}: expected a path such as /dev/dax0.0`
  }
  return null
}

/**
 * The stores and flushes of mkfs in their order: superblock fields (magic read back before the rest), CRC, log zeroed,
 * log header; then the whole log is flushed, and the superblock area last. sb_flags and the device's own uuid are not
 * stored. Role, mount and "already formatted" checks come before and are the caller's (b.3, b.4).
 */
export function mkfsPlan(a: MkfsArgs): MkfsPlan | { error: string } {
  const error = argumentError(a)
  if (error !== null) return { error }
  const superblock: Superblock = {
    magic: SB_MAGIC,
    version: SB_VERSION,
    logOffset: LOG_OFFSET,
    logLen: a.logLen,
    allocUnit: AU_SIZE,
    omfMajor: OMF_MAJOR,
    omfMinor: OMF_MINOR,
    fsUuid: a.fsUuid,
    devUuid: a.devUuid,
    systemUuid: a.systemUuid,
    sbFlags: a.sbFlagsBefore ?? 0,
    daxdevSize: a.deviceSize,
    daxdevUuid: a.daxdevUuidBefore ?? NIL_UUID,
    daxdevName: a.devName,
  }
  const sb = encodeSuperblock(superblock)
  const logHeader = freshLogHeader(a.logLen)
  const lh = encodeLogHeader(logHeader)
  const sbField = (from: number, to: number, what: string): MkfsStep => {
    return { do: 'write', at: from, bytes: sb.slice(from, to), what: `superblock ${what}` }
  }
  const steps: MkfsStep[] = [
    sbField(SB.systemUuid, SB.crc, 'system uuid'),
    sbField(SB.magic, SB.version, 'magic'),
    sbField(SB.version, SB.logOffset, 'version'),
    sbField(SB.logOffset, SB.allocUnit, 'log offset and length'),
    sbField(SB.allocUnit, SB.omfMajor, 'allocation unit'),
    sbField(SB.omfMajor, SB.fsUuid, 'omf version'),
    sbField(SB.fsUuid, SB.devUuid, 'fs uuid'),
    { do: 'readback', at: SB.magic, bytes: sb.slice(SB.magic, SB.version), what: 'superblock magic' },
    sbField(SB.devUuid, SB.systemUuid, 'device uuid'),
    sbField(SB.daxdevSize, SB.daxdevUuid, 'device size'),
    sbField(SB.daxdevName, SB.daxdevName + NAME_FIELD, 'device name'),
    sbField(SB.crc, SB.sbFlags, 'crc'),
    { do: 'zero', at: LOG_OFFSET, len: a.logLen, what: 'log' },
    { do: 'write', at: LOG_OFFSET, bytes: lh.slice(0, LH.crc), what: 'log header magic, length, last index' },
    { do: 'write', at: LOG_OFFSET + LH.crc, bytes: lh.slice(LH.crc, LH.nextSeqnum), what: 'log header crc' },
    {
      do: 'write',
      at: LOG_OFFSET + LH.nextSeqnum,
      bytes: lh.slice(LH.nextSeqnum, LOG_HEADER_SIZE),
      what: 'log header counters',
    },
    { do: 'flush', at: LOG_OFFSET, len: a.logLen, what: 'log' },
    { do: 'flush', at: 0, len: SB_AREA, what: 'superblock' },
  ]
  return { steps, superblock, logHeader }
}
