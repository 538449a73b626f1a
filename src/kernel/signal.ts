// Signals with a siginfo (kernel/signal.c). One for what the running task just did strikes at once; any other waits until its
// task returns to user mode: at the end of a system call, at a load or store, at its end.
import { DEAD, has_signal, Killed, kfn, type Step, signal, type Task, take_signal } from '../sim/index.ts'
import { EINVAL, EPERM, ESRCH } from '../wire/index.ts'
import { SIGNAL } from './events.ts'
import type { Kernel } from './kernel.ts'
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

/** force_sig_mceerr(): the same for a page that is lost, with log2 of how much around the address is. */
export function force_sig_mceerr(ts: task_struct, si_code: string, si_addr: number, si_addr_lsb: number): never {
  return deliver(ts, { signal: 'SIGBUS', si_code, si_addr, si_addr_lsb })
}

/** send_sig_info(): it becomes pending, and an interruptible sleep is over. */
export function send_sig_info(ts: task_struct, info: SigInfo): void {
  ts.pending.push(info)
  if (ts.task !== null) signal(ts.task, info.signal)
}

/** SIG_IGN for a process: a signal of this name does nothing. */
const ignores = (ts: task_struct, name: string): boolean => ts.group_leader.ignored.includes(name)

/**
 * complete_signal(): a signal that will end the process, and leaves no core, kills all its threads at once, so that sleeps which
 * only a killed task leaves are over. What a process handles or ends with a core waits until a thread returns to user mode.
 */
function complete_signal(of: readonly Task[], name: string): void {
  const ts = of[0]!.owner as task_struct
  const handled = of.some(t => t.owner.handles_end && SENT.includes(name))
  const fatal = !handled && ENDS_AT_ONCE.includes(name)
  if (fatal && ts.group_exit.peek() === null) ts.group_exit.poke(new Killed(name, null))
  for (const t of of) signal(t, fatal ? 'SIGKILL' : name)
}

/** send_sig(): the running task gets a signal for what it did, when it returns to user mode. */
export function send_sig(ts: task_struct, name: string): void {
  if (ts.task !== null && !ignores(ts, name)) signal(ts.task, name)
}

/** Signals whose default is the end of the process, by number; the exit code a shell shows is 128 more. */
export const FATAL_SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
}

/** Those that a process may be sent by another, and which it may handle. */
const SENT = ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGPIPE']
/** Those that leave no core. */
const ENDS_AT_ONCE = [...SENT, 'SIGKILL']

/** kill(2): the signal becomes pending for every thread of the process; with '0' it is only looked for. 0, -EINVAL, -ESRCH, -EPERM. */
export const do_kill = kfn('do_kill', function* (ts: task_struct, pid: number, name: string): Step<number> {
  if (name !== '0' && FATAL_SIGNALS[name] === undefined) return -EINVAL
  const of = ts.k.m.tasks.filter(t => t.owner?.k === ts.k && t.owner.pid === pid && t.state !== DEAD)
  if (of.length === 0) return -ESRCH
  if (of[0]!.owner.cred.uid !== ts.cred.uid && !ts.capable('CAP_KILL')) return -EPERM
  if (name === '0' || ignores(of[0]!.owner, name)) return 0
  const others = of.filter(t => t !== ts.task)
  if (others.length > 0) complete_signal(others, name)
  if (pid === ts.pid) throw new Killed(name, null)
  return 0
})

/** Processes whose threads have not all ended, by number. */
export function proc_list(k: Kernel): { readonly pid: number; readonly comm: string }[] {
  const found = new Map<number, string>()
  for (const t of k.m.tasks) {
    const ts = t.owner as task_struct | null
    if (ts?.k === k && ts.user && t.state !== DEAD) found.set(ts.pid, ts.group_leader.comm)
  }
  return [...found].map(([pid, comm]) => ({ pid, comm })).sort((a, b) => a.pid - b.pid)
}

/** Has the running process been asked to end? A program that handles such signals looks itself. */
export const asked_to_end = (ts: task_struct): string | null =>
  SENT.find(name => ts.task !== null && has_signal(ts.task, name)) ?? null

/** get_signal(): on the way back to user mode. A task that was killed ends here; else the oldest pending signal is delivered. */
export function get_signal(ts: task_struct): void {
  if (ts.task === null) return
  if (has_signal(ts.task, 'SIGKILL')) throw new Killed('SIGKILL', null)
  if (take_signal(ts.task, 'SIGBUS')) deliver(ts, ts.pending.shift()!)
  if (ts.handles_end) return
  const name = asked_to_end(ts)
  if (name !== null) throw new Killed(name, null)
}
