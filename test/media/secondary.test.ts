// The superblock of a further device: it says whose it is, and sends whoever checks it to the one with the log.
import { expect, test } from 'vitest'
import {
  decodeSuperblock,
  encodeSuperblock,
  isSecondary,
  mkfsPlan,
  secondarySuperblock,
  validateImage,
} from '../../src/media/index.ts'

const GiB = 0x40000000
const uuid = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`
const plan = mkfsPlan({
  deviceSize: 4 * GiB,
  logLen: 0x800000,
  devName: '/dev/dax0.0',
  fsUuid: uuid(1),
  devUuid: uuid(2),
  systemUuid: uuid(3),
})
if ('error' in plan) throw new Error(plan.error)
const sb = secondarySuperblock(plan.superblock, { devUuid: uuid(4), size: 8 * GiB, name: '/dev/dax1.0' })

test('it is read back as it was written, and passes the check of every superblock', () => {
  const back = decodeSuperblock(encodeSuperblock(sb))
  expect(back).toMatchObject({ ok: true, sb })
  expect([isSecondary(sb), isSecondary(plan.superblock)]).toEqual([true, false])
})

test('a check of the device alone names the file system and the device to look at', () => {
  const bytes = encodeSuperblock(sb)
  const read = (off: number, len: number): Uint8Array => {
    const b = new Uint8Array(len)
    b.set(bytes.subarray(off, off + len))
    return b
  }
  expect(validateImage(read, 8 * GiB)).toEqual([
    `superblock: a further device of file system ${uuid(1)}; its log is on the device ${uuid(2)}: look at that one`,
  ])
})
