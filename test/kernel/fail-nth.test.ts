// One allocation after the other fails, on every kernel. With its defects off nothing goes wrong but an errno, and the next
// mount works; with them on, what goes wrong is what these defects say. Some allocations in `npm test`, all in test:long.
import { describe, expect, it } from 'vitest'
import { times } from '../times.ts'
import { all, noDefects } from './fail-nth.ts'

const STRIPS = 'leak: famfs_meta_simple_ext[] (48 bytes) never freed on h0'
const REPLY = 'leak: fmap reply (4096 bytes) never freed on h0'
const DEVICE = 'leak: reference to dax0.0 never dropped on h0'
const NO_BUFFER = 'oops: NULL pointer dereference: the buffer in fuse_get_fmap (B59)'
const MAPS = [
  'leak: famfs_file_meta (64 bytes) never freed on h0',
  'leak: famfs_meta_interleaved_ext[] (32 bytes) never freed on h0',
  'leak: famfs_meta_interleaved_ext[] (64 bytes) never freed on h0',
  'leak: famfs_meta_simple_ext[] (24 bytes) never freed on h0',
]
const NO_ROOM = 'out of bounds: 48 bytes are stored to famfs_meta_simple_ext[] (24 bytes)'
const NO_LENGTH = ['WARN: h0: iomap of no length', 'WARN: h0: iomap shorter than a page']

/** What goes wrong on a kernel, by the defect (or the two of them) without which it does not. */
const WRONG: Record<string, Record<string, readonly string[]>> = {
  std: { B13: [DEVICE], S02: MAPS, 'S02 B17': [STRIPS], S04: [NO_ROOM] },
  rfc: { B13: [DEVICE], B17: [STRIPS], B59: [REPLY, NO_BUFFER], B62: NO_LENGTH },
  v2: { B08: [REPLY], B13: [DEVICE], B17: [STRIPS], B62: NO_LENGTH },
  v3: { B17: [STRIPS], B62: NO_LENGTH },
  v10: {},
  new: {},
}
/** Every so many-th allocation. */
const STEP = times(13, 1)

describe.each(Object.keys(WRONG))('%s', kernel => {
  const wrong = Object.values(WRONG[kernel]!).flat().sort()
  it('as posted: what its defects say', () => {
    const { allocations, findings, dead } = all(kernel, {}, STEP)
    expect(allocations).toBeGreaterThan(60)
    if (STEP === 1) expect(findings).toEqual(wrong)
    else for (const f of findings) expect(wrong).toContain(f)
    if (!wrong.includes(NO_BUFFER)) expect(dead).toEqual([])
  })
  it('without its defects: nothing', () => {
    expect(all(kernel, noDefects(kernel), STEP)).toMatchObject({ findings: [], dead: [] })
  })
  it.runIf(STEP === 1).each(Object.entries(WRONG[kernel]!))('%s is what it takes', (defect, its) => {
    const { findings } = all(kernel, { noDefect: defect.split(' ') })
    for (const f of its) expect(findings).not.toContain(f)
  })
})

it('canary: a leak on the way out is found', () => {
  expect(all('v10', { defect: ['B08'] }).findings).toEqual([REPLY])
})
