// What the tests of the machine share: all schedules of a small program, and choosers that watch.
import { type Choice, type ChoiceKind, type Chooser, Machine, type Option, type Step } from '../../src/sim/index.ts'

/** Run a program once for every sequence of choices there is. Gives how many there were; throws beyond `limit`. */
export function everySchedule(run: (chooser: Chooser) => void, limit = 20_000): number {
  const path: number[] = []
  for (let runs = 1; ; runs++) {
    if (runs > limit) throw new Error(`more than ${limit} schedules`)
    const widths: number[] = []
    run({
      choose: (_kind, options) => {
        const depth = widths.push(options.length) - 1
        if (depth === path.length) path.push(0)
        return path[depth]!
      },
    })
    while (path.length > 0 && path[path.length - 1]! + 1 === widths[path.length - 1]) path.pop()
    if (path.length === 0) return runs
    path[path.length - 1]!++
  }
}

/** Take recorded choices again, by label. */
export class Replay implements Chooser {
  private at = 0
  private readonly choices: readonly Choice[]
  constructor(choices: readonly Choice[]) {
    this.choices = choices
  }
  choose(kind: ChoiceKind, options: readonly Option[]): number {
    const c = this.choices[this.at++]
    if (c?.kind !== kind) throw new Error(`asked for ${kind}, recorded was ${c?.kind}`)
    const i = options.findIndex(o => o.label === c.label)
    if (i < 0) throw new Error(`no ${c.label} among ${options.map(o => o.label).join(' ')}`)
    return i
  }
}

/** Write down every question, answer the default. */
export class Watcher implements Chooser {
  readonly asked: string[] = []
  choose(kind: ChoiceKind, options: readonly Option[]): number {
    this.asked.push(`${kind}: ${options.map(o => o.label).join(' ')}`)
    return 0
  }
}

/** A machine under `free` with one task for each body, named as its key. */
export function machineOf(bodies: Record<string, (m: Machine) => Step<any>>): Machine {
  const m = new Machine({ policy: 'free' })
  for (const [label, body] of Object.entries(bodies)) m.spawn(label, body(m))
  return m
}

/** Let tasks run in this order, one step for each label; then, and where the wanted one can't run, the default. */
export function turns(labels: readonly string[]): Chooser {
  const left = [...labels]
  return {
    choose: (_kind, options) => {
      const want = left.shift()
      const i = options.findIndex(o => o.label === want)
      return i < 0 ? 0 : i
    },
  }
}
