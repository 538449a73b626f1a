// The check of many damaged images: the same images every time, and what it prints fits.
import { expect, test } from 'vitest'
import { imagesText, lookAtImages } from '../../bench/images.ts'

test('a seed gives the same images, and each of them is counted once', () => {
  const a = lookAtImages(100, 7)
  const { unreadable, wrong, sound } = a.found
  expect(unreadable + wrong + sound).toBe(100)
  expect(lookAtImages(100, 7).found).toEqual(a.found)
  for (const l of imagesText({ ...a, images: 100_000 }).split('\n')) expect(l.length).toBeLessThanOrEqual(80)
})
