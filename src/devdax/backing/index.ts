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
export { type BackingRequest, type BackingSurvey, type BackingWish, chooseBacking, surveyBackings } from './choose.ts'
export { type FileOptions, openFile } from './file.ts'
export { freeHugePages, openHugetlb } from './hugetlb.ts'
export { type MemfdOptions, openMemfd } from './memfd.ts'
