// media: bytes on the memory. Superblock, log, fmap, CRC: pure maps between bytes and values; reads nothing by itself.

export * from './constants.ts'
export { crc32 } from './crc.ts'
export {
  type BadFmap,
  type Extent,
  type Fmap,
  type InterleavedFmap,
  type LoggedFmap,
  mapOffset,
  type SimpleFmap,
} from './fmap.ts'
export { type BucketUse, type FsckReport, fsckReport } from './fsck.ts'
export {
  describeImage,
  describeUsage,
  type EntryDump,
  type ExtentDump,
  type ImageDump,
  type ReadBytes,
  type UsageDump,
} from './image.ts'
export { isPowerOfTwo } from './ints.ts'
export {
  type AddDaxdevEntry,
  checkEntry,
  decodeEntry,
  decodeLogHeader,
  type EntryCheck,
  encodeEntry,
  encodeLogHeader,
  entryOffset,
  type FileEntry,
  freshLogHeader,
  type LogEntry,
  type LogHeader,
  type LogHeaderCheck,
  logCapacity,
  type MkdirEntry,
  type OtherEntry,
  pathTerminated,
} from './log.ts'
export { type PlayedEntry, type PlayStop, playLog, skipReason } from './logplay.ts'
export { type MkfsArgs, type MkfsPlan, type MkfsStep, mkfsPlan } from './mkfs.ts'
export { isSecondary, secondarySuperblock, secondaryWhy } from './secondary.ts'
export {
  accountOf,
  claimEntry,
  claimRange,
  countTaken,
  MAX_BITS,
  newUnitMap,
  openAccount,
  opensAccount,
  type SpaceAccount,
  setUnits,
  takenRuns,
  type UnitMap,
  unitMapCrc,
  unitTaken,
} from './space.ts'
export { decodeSuperblock, encodeSuperblock, type Superblock, type SuperblockCheck } from './superblock.ts'
export { getText, putText, textBytes } from './text.ts'
export { NIL_UUID, parseUuid, putUuid, UUID_SIZE, uuidFrom, uuidText } from './uuid.ts'
export { counterProblems, LogValidator, validateImage } from './validate.ts'
