// The superblock of a further device of a file system, as its authors plan it (userspace.md i.4): no log, the same file system,
// its own device uuid, and which device has the log. The real mkfs writes none yet; the field it uses is there.
import { OMF_MAJOR, OMF_MINOR, SB_FLAG_SECONDARY, SB_MAGIC, SB_VERSION } from './constants.ts'
import type { Superblock } from './superblock.ts'

/** The superblock of a further device of the file system of `primary`. Size in bytes. */
export const secondarySuperblock = (
  primary: Superblock,
  d: { devUuid: string; size: number; name: string },
): Superblock => ({
  magic: SB_MAGIC,
  version: SB_VERSION,
  logOffset: 0,
  logLen: 0,
  allocUnit: primary.allocUnit,
  omfMajor: OMF_MAJOR,
  omfMinor: OMF_MINOR,
  fsUuid: primary.fsUuid,
  devUuid: d.devUuid,
  systemUuid: primary.systemUuid,
  sbFlags: SB_FLAG_SECONDARY,
  daxdevSize: d.size,
  daxdevUuid: primary.devUuid,
  daxdevName: d.name,
})

/** Is this the superblock of a further device? */
export const isSecondary = (sb: Superblock): boolean => (sb.sbFlags & SB_FLAG_SECONDARY) !== 0 && sb.logLen === 0

/** What to say to whoever looks for a log on one. */
export const secondaryWhy = (sb: Superblock): string =>
  `superblock: a further device of file system ${sb.fsUuid}; its log is on the device ${sb.daxdevUuid}: look at that one`
