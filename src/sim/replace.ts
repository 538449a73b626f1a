// Replacing functions of the model by others of the same name (`--with`): a developer's own change, tried without touching
// the sources. All is checked before anything is swapped, and whoever swaps gets what undoes it.
import { UsageError } from './assert.ts'
import { CALL, type FnInfo, functionNames, functionsNamed } from './kfn.ts'
import { min } from './math.ts'
import { Op, type Step } from './op.ts'

type Body = (...args: any[]) => Step<any>
/** What makes a body when it is given the original to call. */
type Around = (original: (...args: any[]) => Op<any>) => Body

export interface Replacement {
  readonly famsim: 'replacement'
  readonly name: string
  readonly make: Body | Around
}

/**
 * Another body for the function of this name: `replace('f', function* (a) { ... })`; or, to call the one that was there,
 * `replace('f', original => function* (a) { return yield* original(a) })`.
 */
export function replace(name: string, body: Body): Replacement
export function replace(name: string, around: Around): Replacement
export function replace(name: string, make: Body | Around): Replacement {
  return { famsim: 'replacement', name, make }
}

const GENERATOR_FUNCTION = Object.getPrototypeOf(function* () {})
const isGenerator = (f: unknown): f is Body =>
  typeof f === 'function' && Object.getPrototypeOf(f) === GENERATOR_FUNCTION
const isReplacement = (x: unknown): x is Replacement =>
  typeof x === 'object' && x !== null && (x as Replacement).famsim === 'replacement'

/** The replacements an export stands for: one, a list, or an object of bodies by name. Null: none of these. */
export function replacements(x: unknown): Replacement[] | null {
  if (isReplacement(x)) return [x]
  if (Array.isArray(x)) return x.length > 0 && x.every(isReplacement) ? x : null
  if (typeof x !== 'object' || x === null) return null
  const entries = Object.entries(x)
  if (entries.length === 0 || !entries.every(([, f]) => typeof f === 'function')) return null
  return entries.map(([name, f]) => replace(name, f as Body))
}

/** How many letters to change, add or drop to make one word of the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(min(min(row[j]! + 1, next[j - 1]! + 1), row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    row = next
  }
  return row[b.length]!
}

/** Up to three names that look like this one. */
const near = (name: string): string[] =>
  functionNames()
    .map(n => ({ n, d: distance(name, n) }))
    .filter(x => x.d <= name.length / 2)
    .sort((a, b) => a.d - b.d || (a.n < b.n ? -1 : 1))
    .slice(0, 3)
    .map(x => x.n)

const count = (n: number): string => `${n} parameter${n === 1 ? '' : 's'}`

/** Functions of this name, one at least. Throws UsageError, with names that look like it. */
export function knownFunctions(name: string): readonly FnInfo[] {
  const all = functionsNamed(name)
  if (all.length > 0) return all
  const like = near(name)
  const hint = like.length === 0 ? 'expected the name of a kfn' : `did you mean ${like.join(', ')}?`
  throw new UsageError(`no function of the model is called '${name}'; ${hint}`)
}

/** The one function of this name. */
function find(name: string): FnInfo {
  const all = knownFunctions(name)
  if (all.length === 1) return all[0]!
  throw new UsageError(
    `'${name}' is the name of ${all.length} functions of the model; only a name of one can be replaced`,
  )
}

/** Swap all of them in; gives what swaps them out again. Throws UsageError, with nothing swapped. */
export function replaceAll(all: readonly Replacement[]): () => void {
  const swaps: { readonly info: FnInfo; readonly old: Body; readonly body: Body }[] = []
  for (const { name, make } of all) {
    const info = find(name)
    if (swaps.some(s => s.info === info)) throw new UsageError(`'${name}' is replaced twice`)
    const old = info.body
    const original = (...args: any[]): Op<any> => new Op(CALL, null, old(...args), info)
    const body: unknown = isGenerator(make) || typeof make !== 'function' ? make : (make as any)(original)
    if (!isGenerator(body))
      throw new UsageError(`the replacement of '${name}' is no generator function: write function* (...) { ... }`)
    if (body.length !== old.length)
      throw new UsageError(
        `the replacement of '${name}' takes ${count(body.length)}, the function ${count(old.length)}`,
      )
    swaps.push({ info, old, body })
  }
  for (const s of swaps) s.info.body = s.body
  return () => {
    for (const s of swaps) s.info.body = s.old
  }
}
