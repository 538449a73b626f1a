// Damaged images looked at in every way there is, many of them: none may make a decoder throw. Not a figure but a check that
// is too long for a test; how many a second is told beside it.
import fc from 'fast-check'
import { damaged, type Findings, lookAtDamaged } from '../test/media/damage.ts'

export interface ImagesLookedAt {
  readonly images: number
  readonly found: Findings
  readonly seconds: number
}

/** Throws fast-check's report of the smallest image that something goes wrong with. */
export function lookAtImages(images: number, seed: number): ImagesLookedAt {
  const found: Findings = { unreadable: 0, wrong: 0, sound: 0, stopped: 0 }
  const started = performance.now()
  fc.assert(
    fc.property(damaged, d => lookAtDamaged(d, found)),
    { numRuns: images, seed },
  )
  return { images, found, seconds: (performance.now() - started) / 1000 }
}

export function imagesText({ images, found, seconds }: ImagesLookedAt): string {
  const n = (v: number): string => v.toLocaleString('en-US')
  return [
    `${n(images)} damaged images described, checked and played, no exception`,
    `  ${n(found.unreadable)} without a good superblock or log header`,
    `  ${n(found.wrong)} with something wrong in the log, ${n(found.sound)} with nothing`,
    `  ${n(found.stopped)} of which log play stopped before the end`,
    `  ${seconds.toFixed(1)} s, ${n(Math.round(images / seconds))} a second`,
  ].join('\n')
}
