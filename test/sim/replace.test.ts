// Replacing functions of the model: what a replacement sees and gives, that it is undone, and what is refused.
import { afterEach, describe, expect, it } from 'vitest'
import { kfn, local, Machine, type Op, replace, replaceAll, replacements, type Step } from '../../src/sim/index.ts'

const twice = kfn('test_twice', function* (n: number): Step<number> {
  return 2 * n
})
const caller = kfn('test_caller', function* (n: number): Step<number> {
  return yield* twice(n)
})
kfn('test_double', function* (): Step<void> {})
kfn('test_double', function* (): Step<void> {})
local('test_local', function* (): Step<void> {})

const run = (op: () => Op<number>): number => {
  const m = new Machine()
  const t = m.spawn(
    't',
    (function* (): Step<number> {
      return yield* op()
    })(),
  )
  m.run()
  return t.value
}

const undos: (() => void)[] = []
const using = (...all: Parameters<typeof replaceAll>[0]): void => {
  undos.push(replaceAll(all))
}
afterEach(() => {
  for (const undo of undos.splice(0).reverse()) undo()
})

it('every caller gets the replacement, in backtraces under the same name, until it is undone', () => {
  let where: string[] = []
  const undo = replaceAll([
    replace('test_twice', function* (n: number): Step<number> {
      where = here()
      return 3 * n
    }),
  ])
  let m: Machine
  const here = (): string[] => m.current!.backtrace()
  const go = (): number => {
    m = new Machine()
    const t = m.spawn('t', caller(7) as unknown as Step<number>)
    m.run()
    return t.value
  }
  expect(go()).toBe(21)
  expect(where).toEqual(['test_twice', 'test_caller', 't'])
  undo()
  expect(go()).toBe(14)
})

it('can call the original', () => {
  using(
    replace(
      'test_twice',
      original =>
        function* (n: number): Step<number> {
          return 1 + (yield* original(n))
        },
    ),
  )
  expect(run(() => caller(7))).toBe(15)
})

describe('refused, with nothing swapped', () => {
  const three = function* (n: number): Step<number> {
    return 3 * n
  }
  it.each<[string, Parameters<typeof replaceAll>[0], RegExp]>([
    [
      'a name that is not there',
      [replace('test_twize', three)],
      /no function .* 'test_twize'; did you mean test_twice, /,
    ],
    ['a name like none', [replace('qqqqqqqqqqqqqq', three)], /'qqqqqqqqqqqqqq'; expected the name of a kfn/],
    ['a name of two', [replace('test_double', function* () {})], /'test_double' is the name of 2 functions/],
    [
      'one made on the way',
      [replace('test_local', function* () {})],
      /no function of the model is called 'test_local'/,
    ],
    ['twice', [replace('test_twice', three), replace('test_twice', three)], /'test_twice' is replaced twice/],
    ['other parameters', [replace('test_twice', function* () {})], /takes 0 parameters, the function 1 parameter$/],
    ['a function that is no generator', [replace('test_twice', (() => 1) as never)], /no generator function/],
    ['no function', [replace('test_twice', 5 as never)], /no generator function/],
  ])('%s', (_name, all, want) => {
    expect(() => replaceAll([replace('test_caller', three), ...all])).toThrow(want)
    expect(run(() => caller(7))).toBe(14)
  })
})

it('an export stands for one, a list, or bodies by name', () => {
  const r = replace('a', function* () {})
  const body = function* () {}
  expect(replacements(r)).toEqual([r])
  expect(replacements([r, r])).toEqual([r, r])
  expect(replacements({ a: body })).toEqual([replace('a', body)])
  for (const x of [undefined, null, 5, 'a', {}, [], [1], { a: 1 }]) expect(replacements(x)).toBeNull()
})
