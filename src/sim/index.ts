// The machine: tasks, choices, clock, shared memory, locks, hook points, trace. Knows nothing of file systems.

export { abandon } from './abandon.ts'
export { Alloc, Heap } from './alloc.ts'
export { assert, InvariantError, UsageError } from './assert.ts'
export {
  Cell,
  smp_mb,
  smp_mb__after_atomic,
  smp_mb__after_spinlock,
  smp_mb__before_atomic,
  smp_rmb,
  smp_wmb,
} from './cell.ts'
export {
  type Choice,
  type ChoiceContext,
  type ChoiceKind,
  type Chooser,
  defaultChooser,
  type Option,
  REDUNDANT,
  type RunEnd,
} from './chooser.ts'
export { type Guard, GuardedCell } from './guarded.ts'
export { Digest, hashBytes, hashString } from './hash.ts'
export { type HookEvent, Hooks } from './hooks.ts'
export { JChain, JList, JMap, Journal, Link, type Mark, type Saver, type Undoable } from './journal.ts'
export { type FnInfo, kfn, local, sealed } from './kfn.ts'
export { Lifecycle, type LifecycleConfig } from './lifecycle.ts'
export {
  Machine,
  type MachineOptions,
  type Policy,
  type Problem,
  sleep,
  sleep_until,
  step,
  type Verdict,
  work,
} from './machine.ts'
export { type MarkCount, Marks, type MarkTable } from './marks.ts'
export * from './math.ts'
export {
  Mutex,
  mutex_lock,
  mutex_lock_interruptible,
  mutex_lock_killable,
  mutex_lock_nested,
  mutex_trylock,
  mutex_unlock,
} from './mutex.ts'
export { Name } from './name.ts'
export { ACCESS_NONE, ACCESS_READ, ACCESS_WRITE, BLOCKED, Op, OpKind, type OpObject, type Step } from './op.ts'
export {
  ACQUIRE,
  type Dependencies,
  FULL,
  type MemoryModel,
  MODELS,
  type ModelName,
  NO_WRITE,
  NORETURN,
  type Point,
  RELAXED,
  RELEASE,
  type ReadHandle,
} from './order.ts'
export { Races } from './races.ts'
export {
  Refcount,
  refcount_dec_and_test,
  refcount_inc,
  refcount_inc_not_zero,
  refcount_read,
  refcount_set,
} from './refcount.ts'
export { knownFunctions, type Replacement, replace, replaceAll, replacements } from './replace.ts'
export { Stream, Streams } from './rng.ts'
export {
  down_read,
  down_read_killable,
  down_read_nested,
  down_read_trylock,
  down_write,
  down_write_killable,
  down_write_nested,
  down_write_trylock,
  downgrade_write,
  RwSemaphore,
  up_read,
  up_write,
} from './rwsem.ts'
export { has_signal, INTERRUPTED, NOT_LOCKED, signal, take_signal, type WaitMode } from './signal.ts'
export { SpinLock, spin_is_locked, spin_lock, spin_section, spin_trylock, spin_unlock } from './spinlock.ts'
export { Srcu, srcu_read_lock, srcu_read_unlock, synchronize_srcu } from './srcu.ts'
export { DEAD, Killed, Oops, Panic, RUNNABLE, SLEEPING, Task } from './task.ts'
export {
  del_timer,
  del_timer_sync,
  mod_timer,
  Timer,
  wait_event_timeout,
  wait_for_completion_timeout,
} from './timer.ts'
export { EventKind, Trace, type TraceEvent } from './trace.ts'
export {
  Completion,
  complete,
  WaitQueue,
  wait_event,
  wait_for_completion,
  wake_up,
  wake_up_all,
} from './wait.ts'
export { Watch, type Watched } from './watch.ts'
