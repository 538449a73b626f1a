// Q10: CLWB as an optimising compiler builds it, with the address in whatever register is at hand while the instruction takes RAX.
// Some line is written back, and not the one that was meant. What was measured was built without optimisation.
import { Sys } from '../kernel/index.ts'
import { kfn, type Op, type Step } from '../sim/index.ts'
import type { Site } from './proc.ts'

/** A line of the stack is written back, which nobody minds. */
const some_other_line = kfn('clwb of some other line', function* (): Step<void> {})

class StrayClwb extends Sys {
  override clwb(): Op<void> {
    return some_other_line()
  }
}

/** The system calls and instructions of a program, as this user space was built. */
export const built = (sys: Sys, { server }: Site): Sys => (server.has('Q10') ? new StrayClwb(sys.ts) : sys)
