// getopt: what GNU getopt_long makes of the same words (its messages among them).
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Got, getopt, type OptionTable } from '../../../src/server/lib/getopt.ts'

const CREAT: OptionTable = {
  short: '+s:rS:m:vo::h?',
  long: [
    { name: 'size', arg: 'required', short: 's' },
    { name: 'seed', arg: 'required', short: 'S' },
    { name: 'mode', arg: 'required', short: 'm' },
    { name: 'verbose', arg: 'none', short: 'v' },
    { name: 'nbuckets', arg: 'required' },
    { name: 'nodax', arg: 'none', short: 'D' },
    { name: 'optional', arg: 'optional', short: 'o' },
    { name: 'human', arg: 'none', short: 'H' },
    { name: 'hum', arg: 'none', short: 'H' },
  ],
}

/** Options as `s=4096`, `v`, or the error's text. */
const told = (opts: readonly Got[]): string[] =>
  opts.map(o => ('error' in o ? o.error : o.value === null ? o.opt : `${o.opt}=${o.value}`))

describe('as getopt_long does it', () => {
  test.each<[string, string[], string[]]>([
    ['', [], []],
    ['-s4096 f', ['s=4096'], ['f']],
    ['-s 4096 f', ['s=4096'], ['f']],
    ['-rvs4096', ['r', 'v', 's=4096'], []],
    ['-rvs 4096 -v', ['r', 'v', 's=4096', 'v'], []],
    ['-s -v', ['s=-v'], []],
    ['-s -- -v', ['s=--', 'v'], []],
    ['--size=4096 --seed 7', ['s=4096', 'S=7'], []],
    ['--size= x', ['s='], ['x']],
    ['--mode=a=b', ['m=a=b'], []],
    ['--si 5 --se=6 --verb', ['s=5', 'S=6', 'v'], []],
    ['--nb 4', ['nbuckets=4'], []],
    ['--hum --huma --hu', ['H', 'H', 'H'], []],
    ['-o -ox --optional x', ['o', 'o=x', 'o'], ['x']],
    ['--optional=y', ['o=y'], []],
    ['a -v', [], ['a', '-v']],
    ['-v a -r', ['v'], ['a', '-r']],
    ['-v -- -r a', ['v'], ['-r', 'a']],
    ['- -v', [], ['-', '-v']],
    ['-?', ['?'], []],
    ['-x', ["famfs: invalid option -- 'x'"], []],
    ['-xv f', ["famfs: invalid option -- 'x'", 'v'], ['f']],
    ['-+ -:', ["famfs: invalid option -- '+'", "famfs: invalid option -- ':'"], []],
    ['-s', ["famfs: option requires an argument -- 's'"], []],
    ['-rs', ['r', "famfs: option requires an argument -- 's'"], []],
    ['--size', ["famfs: option '--size' requires an argument"], []],
    ['--siz', ["famfs: option '--size' requires an argument"], []],
    ['--verbose=3', ["famfs: option '--verbose' doesn't allow an argument"], []],
    ['--bogus=1 x', ["famfs: unrecognized option '--bogus'"], ['x']],
    ['--s 1', ["famfs: option '--s' is ambiguous; possibilities: '--size' '--seed'"], ['1']],
    ['--n', ["famfs: option '--n' is ambiguous; possibilities: '--nbuckets' '--nodax'"], []],
  ])('%s', (line, opts, rest) => {
    const got = getopt(['famfs', ...line.split(' ').filter(w => w !== '')], CREAT)
    expect([told(got.opts), got.rest]).toEqual([opts, rest])
  })

  test('without a + in front options may follow operands', () => {
    const got = getopt(['mkfs.famfs', 'a', '-v', 'b', '--', '-v'], { short: 'v' })
    expect([told(got.opts), got.rest]).toEqual([['v'], ['a', 'b', '-v']])
  })

  test('an empty word is an operand, and an argument', () => {
    expect(getopt(['famfs', '-s', '', '', '-v'], CREAT)).toEqual({ opts: [{ opt: 's', value: '' }], rest: ['', '-v'] })
  })
})

test('whatever the words: one line an error, and every word behind the first operand is left as it is', () => {
  const word = fc.oneof(
    fc.constantFrom('-', '--', '--=', '-s', '--s', '--size', '-rvx', '--seed=4', '=', 'file'),
    fc.string({ maxLength: 6 }).map(s => `-${s}`),
    fc.string({ maxLength: 6 }),
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), words => {
      const { opts, rest } = getopt(['famfs', ...words], CREAT)
      expect(words.slice(words.length - rest.length)).toEqual(rest)
      for (const o of opts) if ('error' in o) expect(o.error).toMatch(/^famfs: /)
    }),
  )
})
