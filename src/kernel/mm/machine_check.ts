// What a machine check does to the task whose load consumed poison (arch/x86/kernel/cpu/mce/core.c): on the way back to user mode
// the task itself runs memory_failure(). Read in the kernel's source; no real machine check on shared memory was measured.
import { type DaxMemory, MF_ACTION_REQUIRED } from '../../devdax/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { EHWPOISON, EOPNOTSUPP } from '../../wire/index.ts'
import { send_sig_info } from '../signal.ts'
import type { task_struct } from '../task_struct.ts'
import { memory_failure } from './memory_failure.ts'

/**
 * kill_me_maybe(): the running task read what is lost. 0 from memory_failure() counts as dealt with: the task goes on where it
 * was, signalled only if the generic path did that. Anything else is a SIGBUS without an address.
 */
export const kill_me_maybe = kfn(
  'kill_me_maybe',
  function* (ts: task_struct, memory: DaxMemory, off: number): Step<void> {
    const rc = yield* memory_failure(ts.k, memory, off, MF_ACTION_REQUIRED)
    if (rc === 0 || rc === -EHWPOISON || rc === -EOPNOTSUPP) return
    send_sig_info(ts, { signal: 'SIGBUS', si_code: 'SI_KERNEL', si_addr: 0 })
  },
)
