// What a run leaves out of its scenario: the shrinker's removals, as names that stand in a run file. An application that is
// left out never starts; one that is cut short ends after so many operations of its own, as if its program ended there; a
// fault that is left out never happens, and who waits for it waits for ever. Everything else keeps its name and place.
import { type Op, type Step, UsageError } from '../sim/index.ts'

export interface Without {
  /** Applications, as `host/name`. */
  readonly apps: readonly string[]
  /** Applications that end early, and after how many of their operations (what their own program yields: system calls, gates...). */
  readonly ends: readonly (readonly [string, number])[]
  /** Faults, as `poison DEVICE`; the second of a name is `poison DEVICE#2`. */
  readonly faults: readonly string[]
}

export const NOTHING: Without = { apps: [], ends: [], faults: [] }

/** A name that is not in `taken`: the name itself, or with a number as tasks have it. */
export function uniqueName(name: string, taken: readonly string[]): string {
  let unique = name
  for (let n = 2; taken.includes(unique); n++) unique = `${name}#${n}`
  return unique
}

/** Throws UsageError for a name that the scenario does not have. */
export function checkWithout(w: Without, apps: readonly string[], faults: readonly string[]): void {
  const known = (what: string, name: string, all: readonly string[]): void => {
    if (all.includes(name)) return
    const there = all.length === 0 ? 'it has none' : `it has ${all.join(', ')}`
    throw new UsageError(`without: the scenario has no ${what} '${name}'; ${there}`)
  }
  for (const name of w.apps) known('application', name, apps)
  for (const [name] of w.ends) known('application', name, apps)
  for (const name of w.faults) known('fault', name, faults)
}

/** The program `body`, ended after `n` operations. */
export function* cutShort(body: Step<any>, n: number): Step<any> {
  let r = body.next()
  for (let done = 0; done < n && !r.done; done++) {
    let v: unknown
    let thrown: { readonly error: unknown } | null = null
    try {
      v = yield r.value as Op
    } catch (error) {
      thrown = { error }
    }
    r = thrown === null ? body.next(v) : body.throw(thrown.error)
  }
  return r.done ? r.value : undefined
}
