// Shadow files: the very text of the real ones, what a reader makes of it, and what it refuses (famfs_file_yaml).
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeEntry, type Fmap } from '../../../src/media/index.ts'
import { emit_file_yaml, type FileMeta, parse_file_yaml } from '../../../src/server/lib/shadow-yaml.ts'
import { EINVAL, EOVERFLOW } from '../../../src/wire/index.ts'
import { fmap, text, u32, u64 } from '../../media/arbitraries.ts'
import { image, vectors } from '../../media/images.ts'

type Tree = Record<string, string>
const { basic4g, interleave8g, samples } = vectors<Record<'basic4g' | 'interleave8g' | 'samples', Tree>>('shadow-tree')
const FORMAT = { extents: 16, strips: 16 }

describe('the shadow tree of a reference image', () => {
  test.each([
    ['basic4g', basic4g, 13],
    ['interleave8g', interleave8g, 8],
  ] as const)('%s: each logged file gives its very text', (name, tree, count) => {
    const files = image(name)
      .entries.map(decodeEntry)
      .filter(e => e.type === 'file')
    expect(files.length).toBe(count)
    for (const e of files) {
      if (e.fmap.kind === 'bad') throw new Error(e.fmap.why)
      const { path, size, flags, mode, uid, gid } = e
      const meta = { path, size, flags, mode, uid, gid, fmap: e.fmap }
      expect(emit_file_yaml(meta)).toBe(tree[path])
      expect(parse_file_yaml(tree[path]!, FORMAT)).toEqual({ ok: true, meta })
    }
  })

  test.each(Object.entries({ ...basic4g, ...interleave8g, ...samples }).filter(([, t]) => t.startsWith('---')))(
    '%s: reading and writing gives the same text',
    (_path, told) => {
      const got = parse_file_yaml(told, FORMAT)
      expect(got.ok && emit_file_yaml(got.meta)).toBe(told)
    },
  )

  test.each(['garbage', 'emptyshadow'])('%s is refused', name => {
    expect(parse_file_yaml(samples[name]!, FORMAT)).toMatchObject({ ok: false, rc: -EINVAL })
  })
})

const anyMap = fmap as fc.Arbitrary<Fmap>
const meta: fc.Arbitrary<FileMeta> = fc.record({
  path: text(79),
  size: u64,
  flags: u32,
  mode: u32,
  uid: u32,
  gid: u32,
  fmap: anyMap,
})

test('whatever a log can hold comes back', () => {
  fc.assert(
    fc.property(meta, m => {
      expect(parse_file_yaml(emit_file_yaml(m)!, FORMAT)).toEqual({ ok: true, meta: m })
    }),
  )
})

test('a path that is no UTF-8 cannot be written; mode 0 is written 00', () => {
  const m = {
    path: 'a\udc80',
    size: 1,
    flags: 2,
    mode: 0,
    uid: 0,
    gid: 0,
    fmap: { kind: 'simple', extents: [] },
  } as const
  expect(emit_file_yaml({ ...m, fmap: { kind: 'simple', extents: [] } })).toBeNull()
  expect(emit_file_yaml({ ...m, path: 'a', fmap: { kind: 'simple', extents: [] } })).toContain('\n  mode: 00\n')
})

describe('famfs_file_yaml: what is taken and what is refused', () => {
  const HEAD = 'path: f\nsize: 10\nflags: 2\nmode: 0644\nuid: 1\ngid: 2\n'
  const ext = (n: number): string =>
    Array.from({ length: n }, (_, i) => `- offset: 0x${i + 1}00000\n  length: 0x200000\n`).join('')
  /** Below `file:`. */
  const doc = (body: string): string => `---\nfile:\n${body.replaceAll(/^/gm, '  ').trimEnd()}\n...\n`
  const simple = (n: number, of = n): string => doc(`${HEAD}nextents: ${of}\nsimple_ext_list:\n${ext(n)}`)
  const striped = (nstrips: number, of = nstrips): string =>
    doc(
      `${HEAD}nextents: 1\nstriped_ext_list:\n- nstrips: ${of}\n  chunk_size: 0x200000\n  simple_ext_list:\n` +
        ext(nstrips).replaceAll(/^/gm, '  '),
    )
  const one = (item: string): string => doc(`${HEAD}nextents: 1\nsimple_ext_list:\n${item}`)

  test.each<[string, string, number, { extents: number; strips: number }?]>([
    ['one extent', simple(1), 0],
    ['three extents', simple(3), 0],
    ['as many as fit', simple(16), 0],
    ['one more', simple(17), -EOVERFLOW],
    ['more than the reader takes', simple(3), -EOVERFLOW, { extents: 2, strips: 16 }],
    ['fewer than nextents', simple(2, 3), -EINVAL],
    ['more than nextents', simple(3, 2), -EINVAL],
    ['nextents behind the list', doc(`${HEAD}simple_ext_list:\n${ext(1)}nextents: 1\n`), -EINVAL],
    ['another order', doc(`nextents: 1\nsimple_ext_list:\n${ext(1)}${HEAD}`), 0],
    ['an unknown key', doc(`${HEAD}color: red\nnextents: 1\nsimple_ext_list:\n${ext(1)}`), -EINVAL],
    ['no list', doc(`${HEAD}nextents: 1\n`), -EINVAL],
    ['a device index', one('- devindex: 3\n  offset: 1\n  length: 2\n'), 0],
    ['length before offset', one('- length: 1\n  offset: 2\n'), 0],
    ['no length', one('- offset: 1\n'), -EINVAL],
    ['no offset', one('- length: 1\n'), -EINVAL],
    ['an unknown key in the place of length', one('- offset: 1\n  luck: 2\n'), -EINVAL],
    ['an unknown key beside both', one('- offset: 1\n  length: 2\n  luck: 3\n'), 0],
    ['an extent that is a text', one('- 5\n'), -EINVAL],
    ['a list for a number', doc(`${HEAD.replace('10', '[1]')}nextents: 1\nsimple_ext_list:\n${ext(1)}`), -EINVAL],
    ['a text for a list', doc(`${HEAD}nextents: 1\nsimple_ext_list: 5\n`), -EINVAL],
    ['strips', striped(8), 0, { extents: 1, strips: 8 }],
    ['strips with room to spare', striped(8), 0, { extents: 1, strips: 100 }],
    ['more strips than the reader takes', striped(8), -EOVERFLOW, { extents: 1, strips: 3 }],
    ['fewer strips than nstrips', striped(7, 8), -EINVAL],
    ['plain extents in a striped list', doc(`${HEAD}nextents: 1\nstriped_ext_list:\n${ext(1)}`), 0],
    ['two striped extents', doc(`${HEAD}nextents: 2\nstriped_ext_list:\n- nstrips: 0\n- nstrips: 0\n`), -EOVERFLOW],
    ['another key first', simple(1).replace('file:', 'fire:'), -EINVAL],
    ['file not first', `---\na: 1\n${simple(1).slice(4)}`, -EINVAL],
    ['something behind file', simple(1).replace('...', 'more: 1'), 0],
    ['nothing', '', -EINVAL],
    ['a list', '- file\n', -EINVAL],
    ['file without anything', 'file:\n', -EINVAL],
    ['an anchor', one('- &x\n  offset: 1\n  length: 2\n'), 0],
    ['an alias', simple(1).replace('size: 10', 'size: &x 10').replace('uid: 1', 'uid: *x'), -EINVAL],
  ])('%s', (_name, yaml, rc, limits = FORMAT) => {
    const got = parse_file_yaml(yaml, limits)
    expect(got.ok ? 0 : got.rc).toBe(rc)
    if (!got.ok) expect(got.why).toMatch(/^[^\n]+$/)
  })

  test('numbers are hexadecimal, octal or decimal; 32 bits of a mode count', () => {
    const got = parse_file_yaml(
      doc(
        'size: 0x10\nmode: 0644\nuid: 1000\ngid: -1\nflags: two\nnextents: 1\nsimple_ext_list:\n- offset: 010\n  length: 9\n',
      ),
      FORMAT,
    )
    expect(got).toEqual({
      ok: true,
      meta: {
        path: '',
        size: 16,
        mode: 0o644,
        uid: 1000,
        gid: 0xffffffff,
        flags: 0,
        fmap: { kind: 'simple', extents: [{ dev: 0, offset: 8, len: 9 }] },
      },
    })
  })
})

test('no text makes the reader throw, random or a good one damaged', () => {
  const goods = Object.values({ ...basic4g, ...interleave8g, ...samples })
  const bit = fc.constantFrom(
    ' ',
    '\n',
    ': ',
    '- ',
    '  ',
    '[',
    ']',
    '{',
    '}',
    '&a ',
    '*a',
    '!t ',
    '|\n',
    '"',
    "'",
    '#',
    '\t',
    '%',
  )
  const mess = fc.oneof(bit, fc.string({ unit: 'binary', maxLength: 3 }))
  const damaged = fc
    .tuple(fc.constantFrom(...goods), fc.array(fc.tuple(fc.nat(1300), fc.nat(3), mess), { minLength: 1, maxLength: 5 }))
    .map(([good, hurts]) => hurts.reduce((t, [at, cut, put]) => t.slice(0, at) + put + t.slice(at + cut), good))
  fc.assert(
    fc.property(
      fc.oneof(
        damaged,
        fc.array(mess, { maxLength: 60 }).map(a => a.join('')),
      ),
      yaml => {
        const got = parse_file_yaml(yaml, FORMAT)
        if (!got.ok) expect([-EINVAL, -EOVERFLOW]).toContain(got.rc)
      },
    ),
    { numRuns: 1000 },
  )
})
