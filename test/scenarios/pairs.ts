// Pairs of what meets in a kernel with famfs, explored completely: with one preemption anywhere, and with three in the functions of
// the race. What executions come to is golden (test/vectors/verdicts/).
import { join } from 'node:path'
import { type ExhaustiveOptions, outcomes } from '../../src/explore/index.ts'
import { type DefectSwitches, KERNELS } from '../../src/profile/index.ts'
import { buildWorld, type Scenario } from '../../src/world/index.ts'

export interface Pair {
  readonly name: string
  /** Below scenarios/races/, without .ts. */
  readonly scenario: string
  readonly focus: readonly string[]
  /** Kernels it can be in; those that have their maps from a server unless given. */
  readonly kernels?: readonly string[]
  /** Kinds of problems that its scenario has even by the default choices. */
  readonly always?: readonly string[]
}

const STD = ['std']

export const PAIRS: readonly Pair[] = [
  { name: 'two openers', scenario: 'two-openers', focus: ['famfs_file_init_dax'] },
  { name: 'opener and unmount', scenario: 'open-vs-umount', focus: ['do_umount', 'fuse_get_fmap'] },
  {
    name: 'opener and notifier',
    scenario: 'open-vs-notify',
    focus: ['famfs_fill_daxdev', 'famfs_install_daxdev', 'dax_holder_notify_failure'],
  },
  {
    name: 'notifier and teardown',
    scenario: 'notify-vs-umount',
    focus: ['famfs_teardown', 'dax_holder_notify_failure'],
  },
  { name: 'truncate and fault', scenario: 'truncate-vs-fault', focus: ['fuse_do_setattr', 'dax_iomap_pte_fault'] },
  { name: 'unbind and fault', scenario: 'fault-vs-unbind', focus: ['kill_dax', 'dax_iomap_pmd_fault'] },
  {
    name: 'standalone: two makers',
    scenario: 'standalone-two-makers',
    focus: ['famfs_file_init_dax_v2', 'famfs_dax_read_iter'],
    kernels: STD,
  },
  {
    name: 'standalone: maker and reader',
    scenario: 'standalone-make-vs-read',
    focus: ['famfs_file_init_dax_v2', 'famfs_dax_read_iter'],
    kernels: STD,
  },
  {
    name: 'standalone: notifier and unmount',
    scenario: 'standalone-notify-vs-umount',
    focus: ['famfs_kill_sb', 'dax_holder_notify_failure'],
    kernels: STD,
    always: ['leak'],
  },
  {
    name: 'standalone: truncate and fault',
    scenario: 'standalone-truncate-vs-fault',
    focus: ['simple_setattr', 'dax_iomap_pte_fault'],
    kernels: STD,
    always: ['WARN'],
  },
  {
    name: 'standalone: unbind and fault',
    scenario: 'standalone-fault-vs-unbind',
    focus: ['kill_dax', 'dax_iomap_pmd_fault'],
    kernels: STD,
  },
]

/** How far a pair is explored. */
export const BOUNDS = (p: Pair): readonly (readonly [string, ExhaustiveOptions])[] => [
  ['one preemption anywhere', { preemptions: 1 }],
  [`three preemptions in ${p.focus.join(', ')}`, { preemptions: 3, focus: p.focus }],
]

/** Everything the pair comes to in a kernel within a bound: what is said, what is reached, problems. Throws when the search did not come to its end. */
export async function verdict(
  p: Pair,
  kernel: string,
  exhaustive: ExhaustiveOptions,
  switches: DefectSwitches = {},
): Promise<string[]> {
  const s: Scenario = (await import(join(import.meta.dirname, '../../scenarios/races', `${p.scenario}.ts`))).default
  const o = outcomes(s, { seed: 1, kernel, switches, policy: 'free', strategy: 'exhaustive', exhaustive })
  const w = buildWorld(s, { kernel, policy: 'free', trace: false })
  const reached = w.unreached().filter(name => !o.search.unreached.includes(name))
  w.close()
  if (!o.search.finished) throw new Error(`${p.name} on ${kernel}: not searched to the end`)
  return [
    ...o.said.map(([text]) => text),
    ...reached.map(name => `* ${name}`),
    ...o.problems.map(([text]) => `! ${text}`),
  ]
}

/** Kernels that have their maps from a server. */
export const FUSED = KERNELS.map(k => k.name).filter(k => k !== 'std')

/** The table of a pair, in words. */
export async function verdictTable(p: Pair): Promise<string> {
  let text = `What executions of scenarios/races/${p.scenario}.ts come to: "*" what some reach, "!" problems.\n`
  for (const [bound, exhaustive] of BOUNDS(p)) {
    // Kernels that come to the same are told together.
    const byLines = new Map<string, string[]>()
    for (const kernel of p.kernels ?? FUSED) {
      const lines = (await verdict(p, kernel, exhaustive)).map(l => `  ${l}\n`).join('')
      byLines.set(lines, [...(byLines.get(lines) ?? []), kernel])
    }
    for (const [lines, kernels] of byLines) text += `\n${kernels.join(', ')}; ${bound}:\n${lines}`
  }
  return text
}

/** Where the golden table of a pair lies. */
export const goldenOf = (p: Pair): string => join(import.meta.dirname, `../vectors/verdicts/${p.scenario}.txt`)
