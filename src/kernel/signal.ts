// Signals with a siginfo (kernel/signal.c). One for what the running task just did strikes at once; any other waits until its
// task returns to user mode: at the end of a system call, at a load or store, at its end.
import { Killed, signal, take_signal } from '../sim/index.ts'
import { SIGNAL } from './kernel.ts'
import type { SigInfo, task_struct } from './task_struct.ts'

const deliver = (ts: task_struct, info: SigInfo): never => {
  ts.delivered.push(info)
  ts.k.m.emit(SIGNAL, `${info.signal}/${info.si_code}`, null, info.si_addr, 0, info)
  throw new Killed(info.signal, info)
}

/** force_sig_fault(): the running task gets a signal for what it just did; unhandled, it unwinds and the process ends. */
export function force_sig_fault(ts: task_struct, name: string, si_code: string, si_addr: number): never {
  return deliver(ts, { signal: name, si_code, si_addr })
}

/** send_sig_info(): it becomes pending, and an interruptible sleep is over. */
export function send_sig_info(ts: task_struct, info: SigInfo): void {
  ts.pending.push(info)
  if (ts.task !== null) signal(ts.task, info.signal)
}

/** get_signal(): on the way back to user mode the oldest pending signal is delivered. */
export function get_signal(ts: task_struct): void {
  if (ts.task !== null && take_signal(ts.task, 'SIGBUS')) deliver(ts, ts.pending.shift()!)
}
