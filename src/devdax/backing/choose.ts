/**
 * Which kind of backing: the one asked for, or the best one this machine offers, with the reasons kept in words.
 * Called by whoever builds a device, and by `doctor`.
 */
import { openArrayBuffer } from './arraybuffer.ts'
import { BACKING_KINDS, type Backing, BackingError, checkSize, reasonOf } from './backing.ts'
import { openFile } from './file.ts'
import { openHugetlb } from './hugetlb.ts'
import { openMemfd } from './memfd.ts'

/** A kind any machine may have. */
export type PlainKind = (typeof BACKING_KINDS)[number]

/** A request for bytes; `size` in bytes. `refused`: what kept better kinds away, for the `why` line. */
export type BackingRequest = { size: number; want?: 'auto' | PlainKind; refused?: readonly string[] }

/** One line of the survey: could this kind hold the size, and why (not). */
export type BackingSurvey = { kind: PlainKind; usable: boolean; why: string }

const open = (kind: PlainKind, size: number, refused: readonly string[] = []): Backing => {
  switch (kind) {
    case 'hugetlb':
      return openHugetlb(size)
    case 'memfd':
      return openMemfd(size, { refused })
    case 'file':
      return openFile(size, { refused })
    case 'arraybuffer':
      return openArrayBuffer(size, { refused })
  }
}

/**
 * Open the kind wished for, or with `auto` (the default) the first of hugetlb, memfd, file, arraybuffer that opens; its
 * `why` then also says why the better ones did not. Throws BackingError: bad size, wished kind not to be had.
 */
export const chooseBacking = (request: BackingRequest): Backing => {
  const { size, want = 'auto', refused = [] } = request
  checkSize(size)
  return want === 'auto' ? chooseBest(size, refused) : open(want, size, refused)
}

const chooseBest = (size: number, refused: readonly string[]): Backing => {
  const refusals = [...refused]
  for (const kind of BACKING_KINDS) {
    try {
      return open(kind, size, refusals)
    } catch (error) {
      refusals.push(reasonOf(error))
    }
  }
  throw new BackingError(`no backing of ${size} bytes: ${refusals.join('; ')}`)
}

/**
 * Try each kind at `size` bytes and close it again. Nothing stays open; a kind that is refused says why.
 * Throws BackingError on a bad size only.
 */
export const surveyBackings = (size: number): BackingSurvey[] => {
  checkSize(size)
  return BACKING_KINDS.map(kind => {
    try {
      const backing = open(kind, size)
      backing.close()
      return { kind, usable: true, why: backing.why }
    } catch (error) {
      return { kind, usable: false, why: reasonOf(error) }
    }
  })
}
