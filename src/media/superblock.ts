// The superblock: 200 bytes at the start of the device (userspace.md a.2). Sizes and offsets in bytes.

import { AU_SIZE, AU_SMALL, NAME_FIELD, SB, SB_CRC_LEN, SB_MAGIC, SB_SIZE, SB_VERSION } from './constants.ts'
import { crc32 } from './crc.ts'
import { getU32, getU64, hexU64, isU32InU64, putU32, putU64 } from './ints.ts'
import { getText, putText } from './text.ts'
import { putUuid, uuidText } from './uuid.ts'

/** What a superblock says. The CRC is not in it: encoding computes it. Numbers over 2^53 come out rounded. */
export type Superblock = {
  magic: number
  version: number
  logOffset: number
  logLen: number
  allocUnit: number
  omfMajor: number
  omfMinor: number
  fsUuid: string
  devUuid: string
  systemUuid: string
  /** Bit 0 primary, bit 1 secondary: defined, never set by mkfs. This and what follows is outside the CRC. */
  sbFlags: number
  daxdevSize: number
  daxdevUuid: string
  /** At most 64 bytes; exactly 64 leave no room for the NUL. */
  daxdevName: string
}

/**
 * Outcome of a check. `code` is what the library's own check returns: -1, or +1 for another format version.
 * `sb` holds the fields as found whenever all 200 bytes were there, right or wrong; `crc` is the stored value's low half.
 */
export type SuperblockCheck =
  | { ok: true; sb: Superblock; crc: number; crcComputed: number }
  | { ok: false; code: -1 | 1; why: string; sb: Superblock | null; crc: number; crcComputed: number }

/** The 200 bytes of `sb`, CRC computed, padding zero. A name over 64 bytes is cut, as mkfs does. */
export function encodeSuperblock(sb: Superblock): Uint8Array {
  const b = new Uint8Array(SB_SIZE)
  putU64(b, SB.magic, sb.magic)
  putU64(b, SB.version, sb.version)
  putU64(b, SB.logOffset, sb.logOffset)
  putU64(b, SB.logLen, sb.logLen)
  putU64(b, SB.allocUnit, sb.allocUnit)
  putU32(b, SB.omfMajor, sb.omfMajor)
  putU32(b, SB.omfMinor, sb.omfMinor)
  putUuid(b, SB.fsUuid, sb.fsUuid)
  putUuid(b, SB.devUuid, sb.devUuid)
  putUuid(b, SB.systemUuid, sb.systemUuid)
  putU32(b, SB.crc, crc32(b, 0, SB_CRC_LEN))
  putU32(b, SB.sbFlags, sb.sbFlags)
  putU64(b, SB.daxdevSize, sb.daxdevSize)
  putUuid(b, SB.daxdevUuid, sb.daxdevUuid)
  putText(b, SB.daxdevName, NAME_FIELD, sb.daxdevName)
  return b
}

function readSuperblock(b: Uint8Array): Superblock {
  return {
    magic: getU64(b, SB.magic),
    version: getU64(b, SB.version),
    logOffset: getU64(b, SB.logOffset),
    logLen: getU64(b, SB.logLen),
    allocUnit: getU64(b, SB.allocUnit),
    omfMajor: getU32(b, SB.omfMajor),
    omfMinor: getU32(b, SB.omfMinor),
    fsUuid: uuidText(b, SB.fsUuid),
    devUuid: uuidText(b, SB.devUuid),
    systemUuid: uuidText(b, SB.systemUuid),
    sbFlags: getU32(b, SB.sbFlags),
    daxdevSize: getU64(b, SB.daxdevSize),
    daxdevUuid: uuidText(b, SB.daxdevUuid),
    daxdevName: getText(b, SB.daxdevName, NAME_FIELD),
  }
}

/**
 * Read and check a superblock, in the library's order: magic, version, CRC, allocation unit (a.2). The version comes
 * before the CRC on purpose: another version's superblock is told apart from a broken one. Never throws.
 */
export function decodeSuperblock(bytes: Uint8Array): SuperblockCheck {
  if (bytes.length < SB_SIZE) {
    const why = `superblock: only ${bytes.length} bytes, expected ${SB_SIZE}`
    return { ok: false, code: -1, why, sb: null, crc: 0, crcComputed: 0 }
  }
  const sb = readSuperblock(bytes)
  const crc = getU32(bytes, SB.crc)
  const crcComputed = crc32(bytes, 0, SB_CRC_LEN)
  const no = (code: -1 | 1, why: string): SuperblockCheck => ({ ok: false, code, why, sb, crc, crcComputed })
  if (!isU32InU64(bytes, SB.magic, SB_MAGIC)) {
    return no(
      -1,
      `superblock: magic ${hexU64(bytes, SB.magic)} at byte ${SB.magic}, expected 0x${SB_MAGIC.toString(16)}`,
    )
  }
  if (!isU32InU64(bytes, SB.version, SB_VERSION)) {
    return no(1, `superblock: version ${sb.version} at byte ${SB.version}, expected ${SB_VERSION}`)
  }
  if (!isU32InU64(bytes, SB.crc, crcComputed)) {
    return no(-1, `superblock: crc ${hexU64(bytes, SB.crc)} at byte ${SB.crc}, expected 0x${crcComputed.toString(16)}`)
  }
  if (sb.allocUnit !== AU_SIZE && sb.allocUnit !== AU_SMALL) {
    const found = `allocation unit ${sb.allocUnit} at byte ${SB.allocUnit}`
    return no(-1, `superblock: ${found}, expected ${AU_SMALL} or ${AU_SIZE}`)
  }
  return { ok: true, sb, crc, crcComputed }
}
