// Function calls between task code. `yield* fn(...)` gives the callee's generator to the machine, which keeps the call
// stack itself (a trampoline): backtraces are free and a step costs the same at any depth.
import { hashString } from './hash.ts'
import { ACCESS_NONE, Op, OpKind, type Step } from './op.ts'

/** A named function of the model, as backtraces, `--with` and `mutate` know it. */
export interface FnInfo {
  readonly name: string
  readonly hash: number
}

/** The kind of a call; the machine handles it itself and it is not a scheduling point. */
export const CALL = new OpKind('call', ACCESS_NONE, 0, true, () => undefined)

/** Wrap a generator function as a function of the model. `yield*` what it returns. */
export function kfn<A extends any[], T>(name: string, body: (...args: A) => Step<T>): (...args: A) => Op<T> {
  const info: FnInfo = { name, hash: hashString(name) }
  return (...args: A) => new Op<T>(CALL, null, body(...args), info)
}
