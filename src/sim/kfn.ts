// Function calls between task code. `yield* fn(...)` gives the callee's generator to the machine, which keeps the call
// stack itself (a trampoline): backtraces are free and a step costs the same at any depth.
import { hashString } from './hash.ts'
import { ACCESS_NONE, Op, OpKind, type Step } from './op.ts'

/** A named function of the model, as backtraces, `--with` and `mutate` know it. */
export interface FnInfo {
  readonly name: string
  readonly hash: number
  /** Nothing leaves it but its return value and what it does to shared state: see `sealed`. */
  readonly sealed: boolean
  /** What a call runs; `--with` puts another in its place (replace.ts). */
  body: (...args: any[]) => Step<any>
}

/** The kind of a call; the machine handles it itself and it is not a scheduling point. */
export const CALL = new OpKind('call', ACCESS_NONE, 0, true, () => undefined)

/** Every function made by kfn or sealed, by name, in the order of loading. */
const functions = new Map<string, FnInfo[]>()
export const functionsNamed = (name: string): readonly FnInfo[] => functions.get(name) ?? []
export const functionNames = (): string[] => [...functions.keys()]

const make = <A extends any[], T>(name: string, body: (...args: A) => Step<T>, sealed: boolean) => {
  const info: FnInfo = { name, hash: hashString(name), sealed, body: body as FnInfo['body'] }
  return { info, call: (...args: A): Op<T> => new Op<T>(CALL, null, info.body(...args), info) }
}

const wrap = <A extends any[], T>(name: string, body: (...args: A) => Step<T>, sealed: boolean) => {
  const { info, call } = make(name, body, sealed)
  const same = functions.get(name)
  if (same === undefined) functions.set(name, [info])
  else same.push(info)
  return call
}

/** A function that is made on the way, for one task: it has a name in backtraces, and nobody can replace it. */
export const local = <A extends any[], T>(name: string, body: (...args: A) => Step<T>): ((...args: A) => Op<T>) =>
  make(name, body, false).call

/** Wrap a generator function as a function of the model. `yield*` what it returns. */
export const kfn = <A extends any[], T>(name: string, body: (...args: A) => Step<T>): ((...args: A) => Op<T>) =>
  wrap(name, body, false)

/**
 * The same for a function that gives its caller nothing but its return value: it fills no object of the caller's. When it
 * returns, all it has seen is forgotten, so the exhaustive search knows two executions that differ only in there as one.
 * Sealing a function that does fill an object of its caller's loses states.
 */
export const sealed = <A extends any[], T>(name: string, body: (...args: A) => Step<T>): ((...args: A) => Op<T>) =>
  wrap(name, body, true)
