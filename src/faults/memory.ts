// What happens to a memory: poison, patrol, clearing, timeouts, loss of power; and how hosts come to hear of it. The state is
// the memory's, so every host meets it; what a host knows is its own memory_failure().
import { type DaxMemory, PAGE_SIZE, POISON_LINE } from '../devdax/index.ts'
import { clear_poison, lose_contents } from '../fabric/index.ts'
import { type Kernel, memory_failure } from '../kernel/index.ts'
import { Cell, type Completion, complete, roundDown, type Step, UsageError } from '../sim/index.ts'
import type { ClearPoison, MemoryAction, Poison } from './actions.ts'
import type { FaultTarget } from './fault.ts'

const lenOf = (a: Poison | ClearPoison): number => a.len ?? ('how' in a && a.how === 'hardware' ? POISON_LINE : 1)

/** Throws UsageError for a range that the device has not. */
export function checkRange(a: MemoryAction, mem: DaxMemory): void {
  if (a.do === 'access timeout' && !(Number.isSafeInteger(a.ns) && a.ns >= 0))
    throw new UsageError(`fault: accessTimeout: ns ${a.ns}: expected a whole number from 0`)
  if (!('offset' in a)) return
  if (!(a.offset >= 0 && a.offset < mem.size))
    throw new UsageError(`fault: offset ${a.offset} is outside ${a.device} (${mem.size} bytes)`)
  const len = lenOf(a)
  if (!(Number.isSafeInteger(len) && len > 0 && a.offset + len <= mem.size))
    throw new UsageError(
      `fault: len ${len} at ${a.offset}: expected bytes from 1 that lie in ${a.device} (${mem.size})`,
    )
}

/** Each host's own memory_failure() for these pages, in a kernel thread of it; `done` when all have dealt with it. */
function* tell(w: FaultTarget, mem: DaxMemory, pages: readonly number[], told: readonly Kernel[], done: Completion) {
  const left = new Cell(w.m, 'hosts that do not know yet', told.length)
  if (told.length === 0) yield* complete(done)
  for (const k of told)
    k.kthread('memory_failure', function* () {
      for (const page of pages) yield* memory_failure(k, mem, page, 0)
      left.poke(left.peek() - 1)
      if (left.peek() === 0) yield* complete(done)
    })
}

/** Who hears of a patrol's find: nobody, everybody, or one host. A report can be lost, so nobody is what goes first. */
const patrolled = (w: FaultTarget, mem: DaxMemory, kernels: readonly Kernel[]): readonly Kernel[] => {
  const options: (readonly Kernel[])[] = [[], kernels]
  if (kernels.length > 1) for (const k of kernels) options.push([k])
  const who = (ks: readonly Kernel[]): string => (ks.length === 0 ? 'nobody' : ks.map(k => k.name).join('+'))
  return options[
    w.m.choose(
      'poison',
      options.map(ks => ({ label: `patrol of ${mem.name}: ${who(ks)}` })),
    )
  ]!
}

/** Do it, as a task of its own. `hosts`: those that the action names, else all. */
export function* strike(
  w: FaultTarget,
  a: MemoryAction,
  mem: DaxMemory,
  hosts: readonly Kernel[],
  done: Completion,
): Step<void> {
  switch (a.do) {
    case 'poison': {
      const len = lenOf(a)
      const lost = a.how === 'hardware'
      if (lost) mem.poison.addRange(a.offset, len)
      const pages: number[] = []
      for (let at = roundDown(a.offset, PAGE_SIZE); at < a.offset + len; at += PAGE_SIZE) pages.push(at)
      yield* tell(w, mem, pages, lost && a.hosts === undefined ? [] : hosts, done)
      return
    }
    case 'patrol': {
      const told = a.hosts === undefined ? patrolled(w, mem, hosts) : hosts
      yield* tell(
        w,
        mem,
        mem.poison.ranges().map(r => roundDown(r.off, PAGE_SIZE)),
        told,
        done,
      )
      return
    }
    case 'clear poison':
      yield* clear_poison(mem, a.offset, a.len)
      break
    case 'access timeout':
      for (const k of hosts) {
        if (a.ns === 0) mem.timeouts.delete(k.name)
        else mem.timeouts.set(k.name, a.ns)
      }
      break
    case 'power loss':
      yield* lose_contents(mem)
  }
  yield* complete(done)
}
