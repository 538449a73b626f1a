// Some operations of fsx on every kernel (`npm run bench -- --fsx` plays millions); and whatever breaks the path is found out.
import { afterEach, describe, expect, it } from 'vitest'
import { KERNELS } from '../../src/profile/index.ts'
import { MiB, replace, replaceAll } from '../../src/sim/index.ts'
import { times } from '../times.ts'
import { draw } from './draw.ts'
import { type FsxOptions, playFsx } from './play.ts'
import { failure, opText, smallest } from './smallest.ts'

const COUNT = times(5_000, 100_000)

it.each(KERNELS.map(k => k.name))('%s: what is read is what was written, and no access costs a message', kernel => {
  const end = playFsx(draw(2), COUNT, { kernel })
  expect(end.ops).toBe(COUNT)
  for (const [what, least] of [
    ['accesses', 1000],
    ['faults', 1000],
    ['turns', 2],
    ['remounts', 1],
  ] as const)
    expect(end[what], what).toBeGreaterThanOrEqual(least)
})

describe('canary', () => {
  let undo = (): void => {}
  afterEach(() => {
    undo()
    undo = () => {}
  })
  /** The resolver, and what is done to what it found. */
  const resolver = (change: (inode: any, offset: number, map: any) => void): void => {
    undo = replaceAll([
      replace(
        'famfs_fuse_iomap_begin',
        original =>
          function* (inode: any, offset: any, length: any, flags: any, map: any) {
            const rc = yield* original(inode, offset, length, flags, map)
            change(inode, offset, map)
            return rc
          },
      ),
    ])
  }
  it.each<[string, FsxOptions, (() => void) | null, RegExp]>([
    ['a host that does not write back', { forget: 'flush' }, null, /^byte \d+ of \/\w+ on h1 is \d+, expected \d+: /],
    ['a host that keeps old lines', { forget: 'invalidate' }, null, /^byte \d+ .*: written last by operation \d+ \(/],
    [
      'a resolver that takes the wrong chunk',
      {},
      () =>
        resolver((_inode, offset, map) => {
          if (offset >= MiB(14)) map.addr -= MiB(2)
        }),
      /^byte \d+ of \/many /,
    ],
    [
      'an access that asks the server',
      {},
      () =>
        resolver(inode => {
          const { upcalls } = inode.k.current
          upcalls.poke(upcalls.peek() + 1)
        }),
      /^1 messages for an access to the data$/,
    ],
  ])('%s', (_name, o, breakIt, text) => {
    breakIt?.()
    const found = failure(draw(1), COUNT, o)
    expect(found?.message).toMatch(text)
    // The same seed fails at the same operation, and a few of those before it are enough.
    expect(failure(draw(1), found!.op.n + 1, o)).toMatchObject({ op: found!.op, message: found!.message })
    expect(failure(draw(1), found!.op.n, o)).toBeNull()
  })
  it('a failure becomes a few operations', () => {
    const o = { forget: 'flush' } as const
    const { op } = failure(draw(1), COUNT, o)!
    const few = smallest(draw(1), op.n + 1, o, 6)
    expect(few.length).toBeLessThan(op.n)
    expect(few.map(opText).at(-1)).toMatch(/^\d+: \w+, file [01], \d+ bytes at \d+$/)
    expect(failure(few, few.length, o)).not.toBeNull()
  })
})
