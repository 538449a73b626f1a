// refcount_t, by the kernel's names and rules: it warns when a count is raised from 0 (the object is gone) or lowered below
// it, and then sticks where it never comes back to 0. A Refcount is a Cell; its methods are for what is atomic with the
// surrounding code, as peek and poke are. Always looked at: a wrong count is a finding whoever asks.
import { Cell } from './cell.ts'
import type { Machine } from './machine.ts'
import { ACCESS_WRITE, Op, OpKind } from './op.ts'
import { NO_WRITE, RELAXED, RELEASE } from './order.ts'
import type { Task } from './task.ts'

/** REFCOUNT_SATURATED: where a count stays after a mistake. */
const SATURATED = -0x40000000

const up = (v: number): number => (v <= 0 ? SATURATED : v + 1)
const up_not_zero = (v: number): number | typeof NO_WRITE => (v === 0 ? NO_WRITE : up(v))
const down = (v: number): number => (v <= 0 ? SATURATED : v - 1)

/** What is wrong with raising or lowering a count that was `old`; null if nothing is, or if it has been told. */
const wrong = (old: number, lower: boolean): string | null =>
  old !== 0 ? null : lower ? 'underflow' : 'raised from 0, so the object is gone'

export class Refcount extends Cell<number> {
  private readonly machine: Machine
  constructor(m: Machine, name: string, v = 1) {
    super(m, name, v)
    this.machine = m
  }
  /** Report a mistake with this count. */
  check(old: number, lower: boolean): void {
    const text = wrong(old, lower)
    if (text !== null) this.machine.problem('refcount', `${this.name}: ${text}; use after free`)
  }
  inc(): void {
    const old = this.peek()
    this.check(old, false)
    this.poke(up(old))
  }
  /** True when that was the last reference. */
  dec_and_test(): boolean {
    const old = this.peek()
    this.check(old, true)
    this.poke(down(old))
    return old === 1
  }
}

type Change = (v: number) => number | typeof NO_WRITE

/** Change the count as the memory model has it; gives what was there. */
const change = (t: Task, c: Refcount, f: Change, order: number): number => {
  const o = t.m.order
  if (o !== null) return o.rmw(t, c, f, order)
  const old = c.v
  const v = f(old)
  if (v !== NO_WRITE) c.poke(v)
  return old
}

const INC = new OpKind('refcount_inc', ACCESS_WRITE, 20, true, (t, op) => {
  const c = op.obj as Refcount
  c.check(change(t, c, up, RELAXED), false)
})
const INC_NOT_ZERO = new OpKind(
  'refcount_inc_not_zero',
  ACCESS_WRITE,
  20,
  true,
  (t, op) => change(t, op.obj as Refcount, up_not_zero, RELAXED) !== 0,
)
// Releases what was done under the reference; whoever drops the last one sees what the others did.
const DEC_AND_TEST = new OpKind('refcount_dec_and_test', ACCESS_WRITE, 20, true, (t, op) => {
  const c = op.obj as Refcount
  const old = change(t, c, down, RELEASE)
  c.check(old, true)
  if (old !== 1) return false
  t.m.order?.fence(t, 'rmb')
  return true
})
const KINDS: readonly OpKind[] = [INC, INC_NOT_ZERO, DEC_AND_TEST]
/** Does an operation of this kind read and write a count in one? */
export const changesRefcount = (k: OpKind): boolean => KINDS.includes(k)

export const refcount_set = (c: Refcount, v: number): Op<void> => c.WRITE_ONCE(v)
export const refcount_read = (c: Refcount): Op<number> => c.READ_ONCE()
export const refcount_inc = (c: Refcount): Op<void> => new Op<void>(INC, c)
/** False when it was 0, and stays so: nobody may have the object any more. */
export const refcount_inc_not_zero = (c: Refcount): Op<boolean> => new Op<boolean>(INC_NOT_ZERO, c)
/** True when that was the last reference. */
export const refcount_dec_and_test = (c: Refcount): Op<boolean> => new Op<boolean>(DEC_AND_TEST, c)
