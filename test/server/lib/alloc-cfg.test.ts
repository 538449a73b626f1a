// .alloc.cfg as the reference test famfs_config_yaml has it, with the check of what was read.
import { expect, test } from 'vitest'
import { validateInterleave } from '../../../src/server/alloc/index.ts'
import { parse_alloc_cfg } from '../../../src/server/lib/alloc-cfg.ts'
import { EINVAL } from '../../../src/wire/index.ts'

const cfg = (...lines: string[]): string => `---\ninterleaved_alloc:\n${lines.map(l => `  ${l}\n`).join('')}...\n`
const eight = { ok: true, nbuckets: 8, nstrips: 6, chunkSize: 0x200000 }

test.each<[string, string, object]>([
  ['in order', cfg('nbuckets: 8', 'nstrips: 6', 'chunk_size: 2m'), eight],
  ['in another', cfg('chunk_size: 2097152', 'nstrips: 6', 'nbuckets: 8'), eight],
  ['hexadecimal, capital', cfg('nstrips: 6', 'chunk_size: 0x200000', 'nbuckets: 0x8'), eight],
  ['K', cfg('nbuckets: 8', 'nstrips: 6', 'chunk_size: 2048K'), eight],
  ['g', cfg('nbuckets: 8', 'nstrips: 6', 'chunk_size: 1g'), { ...eight, chunkSize: 0x40000000 }],
  ['all zero', cfg('nbuckets: 0', 'nstrips: 0', 'chunk_size: 0'), { ok: true, nbuckets: 0, nstrips: 0, chunkSize: 0 }],
  ['one missing', cfg('nbuckets: 8', 'chunk_size: 2m'), { ...eight, nstrips: 0 }],
  ['an unknown key', cfg('nbuckets: 8', 'buckets: 8'), { ok: false, rc: -EINVAL }],
  ['a list for a number', cfg('nbuckets: [8]'), { ok: false, rc: -EINVAL }],
  ['a key of every object', cfg('toString: 8'), { ok: false, rc: -EINVAL }],
  ['another document', '---\nfile:\n  path: f\n', { ok: false, rc: -EINVAL }],
  ['empty', '', { ok: false, rc: -EINVAL }],
  ['no YAML', '{[', { ok: false, rc: -EINVAL }],
])('famfs_config_yaml: %s', (_name, text, want) => {
  expect(parse_alloc_cfg(text)).toMatchObject(want)
})

test.each<[string, number]>([
  ['2m', 0],
  ['2', -EINVAL],
  ['3000000', -EINVAL],
])('famfs_config_yaml: a chunk of %s is checked by the allocator', (chunk, rc) => {
  const got = parse_alloc_cfg(cfg('nbuckets: 8', 'nstrips: 6', `chunk_size: ${chunk}`))
  expect(got.ok && validateInterleave(got, 2 ** 34, 0x200000)).toBe(rc)
})
