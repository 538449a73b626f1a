/** backing: where a device's bytes live. The kinds, the choice among them and the survey of what this machine offers. */
export { openArrayBuffer } from './arraybuffer.ts'
export {
  BACKING_KINDS,
  type Backing,
  BackingError,
  type BackingKind,
  bytesText,
  checkSize,
  MAPPED_WINDOW,
  MAX_SIZE,
  SIZE_UNIT,
} from './backing.ts'
export { type BackingRequest, type BackingSurvey, chooseBacking, type PlainKind, surveyBackings } from './choose.ts'
export {
  type DaxOptions,
  type DaxSurvey,
  deviceText,
  openDax,
  openDaxToRead,
  surveyDax,
  usersText,
} from './dax.ts'
export {
  badRanges,
  type DaxDevice,
  type DaxPlaces,
  type DaxUser,
  daxNodes,
  daxUsers,
  modeOf,
  type Range,
  readDaxDevice,
} from './dax-device.ts'
export { type FileOptions, openFile } from './file.ts'
export { freeHugePages, openHugetlb } from './hugetlb.ts'
export { Lender, type LendOptions } from './lend.ts'
export { type MemfdOptions, openMemfd } from './memfd.ts'
