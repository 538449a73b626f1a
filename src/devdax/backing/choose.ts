/**
 * Which kind of backing: the one asked for, or the best one this machine offers, with the reasons kept in words.
 * Called by whoever builds a device, and by `doctor`.
 */
import { openArrayBuffer } from './arraybuffer.ts'
import { BACKING_KINDS, type Backing, BackingError, type BackingKind, checkSize, reasonOf } from './backing.ts'
import { openFile } from './file.ts'
import { openHugetlb } from './hugetlb.ts'
import { openMemfd } from './memfd.ts'

/** What to build a device on: `file:PATH` keeps the bytes in that file. */
export type BackingWish = 'auto' | BackingKind | `file:${string}`

/** A request for bytes; `size` in bytes, `hugePageAdvice` (default true) matters to memfd only. */
export type BackingRequest = { size: number; want?: BackingWish; hugePageAdvice?: boolean }

/** One line of the survey: could this kind hold the size, and why (not). */
export type BackingSurvey = { kind: BackingKind; usable: boolean; why: string }

const FILE_PREFIX = 'file:'

const open = (kind: BackingKind, request: BackingRequest, refused: readonly string[] = []): Backing => {
  switch (kind) {
    case 'hugetlb':
      return openHugetlb(request.size)
    case 'memfd':
      return openMemfd(request.size, { hugePageAdvice: request.hugePageAdvice, refused })
    case 'file':
      return openFile(request.size, { refused })
    case 'arraybuffer':
      return openArrayBuffer(request.size, { refused })
  }
}

/**
 * Open the backing wished for, or with `auto` (the default) the first of hugetlb, memfd, file, arraybuffer that opens; its
 * `why` then also says why the better ones did not. Throws BackingError: bad size, unknown wish, wished kind not to be had.
 */
export const chooseBacking = (request: BackingRequest): Backing => {
  checkSize(request.size)
  const want = request.want ?? 'auto'
  if (want === 'auto') return chooseBest(request)
  if (want.startsWith(FILE_PREFIX)) return openFile(request.size, { path: want.slice(FILE_PREFIX.length) })
  const kind = BACKING_KINDS.find(known => known === want)
  if (kind === undefined)
    throw new BackingError(`backing '${want}': expected auto, ${BACKING_KINDS.join(', ')} or file:PATH`)
  return open(kind, request)
}

const chooseBest = (request: BackingRequest): Backing => {
  const refusals: string[] = []
  for (const kind of BACKING_KINDS) {
    try {
      return open(kind, request, refusals)
    } catch (error) {
      refusals.push(reasonOf(error))
    }
  }
  throw new BackingError(`no backing of ${request.size} bytes: ${refusals.join('; ')}`)
}

/**
 * Try each kind at `size` bytes and close it again. Nothing stays open; a kind that is refused says why.
 * Throws BackingError on a bad size only.
 */
export const surveyBackings = (size: number): BackingSurvey[] => {
  checkSize(size)
  return BACKING_KINDS.map(kind => {
    try {
      const backing = open(kind, { size })
      backing.close()
      return { kind, usable: true, why: backing.why }
    } catch (error) {
      return { kind, usable: false, why: reasonOf(error) }
    }
  })
}
