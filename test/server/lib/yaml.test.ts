// YAML as libyaml writes it, read back by the package; and what no text may do to us.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { read_yaml, yaml_text } from '../../../src/server/lib/yaml.ts'
import { vectors } from '../../media/images.ts'

const { cases } = vectors<{ cases: [string, string][] }>('yaml-text')

test('a text is written as libyaml writes it', () => {
  expect(cases.length).toBeGreaterThan(150)
  for (const [s, want] of cases) expect(` ${yaml_text(s, 8, 4)}`).toBe(want)
})

test('any text comes back', () => {
  const special = fc.constantFrom(...'ab  :#-?\'"\\[{&*!|>%@,~.\n\t\x07\x85\xa0\u2028é日')
  const unit = fc.oneof(special, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }))
  const text = fc.array(unit, { minLength: 1, maxLength: 90 }).map(a => a.join('').replaceAll('\0', ''))
  fc.assert(
    fc.property(text, s => {
      expect(read_yaml(`---\na:\n  path: ${yaml_text(s, 8, 4)}\n  b: 1\n...\n`)).toEqual({
        pairs: [
          [
            'a',
            {
              pairs: [
                ['path', s],
                ['b', '1'],
              ],
            },
          ],
        ],
      })
    }),
  )
})

test.each<[string, string, unknown]>([
  ['nothing', '', ''],
  ['an empty document', '---\n...\n', ''],
  ['tags do not matter', '!!int 5', '5'],
  ['nor does the version', '%YAML 1.1\n---\n- yes\n- 0x10\n- ~\n', { list: ['yes', '0x10', '~'] }],
  ['a key twice', 'a: 1\na: 2\n', { pairs: ['12'].flatMap(v => [...v].map(x => ['a', x])) }],
  [
    'no value',
    'a:\nb: []\n',
    {
      pairs: [
        ['a', ''],
        ['b', { list: [] }],
      ],
    },
  ],
  ['only the first document', 'a: 1\n---\nb: 2\n', { pairs: [['a', '1']] }],
  ['an alias', 'a: &x 1\nb: *x\n', null],
  ['not closed', 'a: [', null],
  ['indented wrongly', 'a: 1\n b: 2\n', null],
  ['a control character', 'a: \x01', null],
  ['a byte that was no UTF-8', 'a: \udc80', null],
  ['deep', `${'- '.repeat(17)}a`, null],
])('%s', (_name, text, tree) => {
  expect(read_yaml(text)).toEqual(tree)
})

test.each(['[', '{a: ', '- ', '? ', '[{', '&a ', '!a '])('16 KiB of %j are refused, and quickly', unit => {
  expect(read_yaml(unit.repeat(16384 / unit.length))).toBeNull()
})
