// tokenize_string of the reference tests.
import { expect, test } from 'vitest'
import { tokenize_string } from '../../../src/server/lib/tokenize.ts'

test.each<[string, string, string[]]>([
  ['', ',', []],
  [',', ',', []],
  [',,,', ',', []],
  ['a', ',', ['a']],
  ['a,', ',', ['a']],
  [',a', ',', ['a']],
  ['a,b', ',', ['a', 'b']],
  ['a,,b', ',', ['a', 'b']],
  [',,a,,b,,', ',', ['a', 'b']],
  ['/mnt/famfs/q,4K,1', ',', ['/mnt/famfs/q', '4K', '1']],
  ['/mnt/famfs/q,1,2,3', ',', ['/mnt/famfs/q', '1', '2', '3']],
  ['a b', ',', ['a b']],
  ['a b', ' ', ['a', 'b']],
  ['a, b;c', ',; ', ['a', 'b', 'c']],
  ['a,b', '', ['a,b']],
  ['é,日本', ',', ['é', '日本']],
])('tokenize_string: %j by %j', (text, delim, words) => {
  expect(tokenize_string(text, delim)).toEqual(words)
})
