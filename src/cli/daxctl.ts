// famsim daxctl: device modes of a simulated host, by daxctl's own commands and /sys. What was built by a scenario's set-up,
// or two hosts that share one idle device.
import { resolve } from 'node:path'
import { sysfs_paths, sysfs_show } from '../kernel/index.ts'
import { hanging } from '../report/index.ts'
import { DAXCTL_COMMANDS, type DaxctlEnd, daxctl as tool } from '../server/index.ts'
import { GiB } from '../sim/index.ts'
import { type Host, type Scenario, scenario, World } from '../world/index.ts'
import { UserError } from './errors.ts'
import { loadScenario, withScenario } from './load.ts'

interface DaxctlOptions {
  readonly scenario?: string
  readonly host?: string
  readonly kernel?: string
  readonly dax?: string
  readonly json?: boolean
}

const TWO_HOSTS = scenario('two hosts share one device', ({ world }) => {
  world.daxdev('dax0.0', { size: GiB(4), mode: 'devdax' })
  world.host('h0')
  world.host('h1')
})

/** The command lines between the words `--then`. */
function commandsOf(words: readonly string[]): string[][] {
  const out: string[][] = [[]]
  for (const w of words) {
    if (w === '--then') out.push([])
    else out[out.length - 1]!.push(w)
  }
  const given = words.length === 0 ? [['list']] : out
  for (const c of given)
    if (c[0] !== 'sysfs' && !DAXCTL_COMMANDS.includes(c[0] ?? ''))
      throw new UserError(`daxctl '${c[0] ?? ''}': expected one of ${[...DAXCTL_COMMANDS, 'sysfs'].join(', ')}`)
  return given
}

/** Every file below /sys that can be read, as `path: value`. */
const sysfs = (h: Host): DaxctlEnd => {
  const out: string[] = []
  for (const path of sysfs_paths(h.k)) {
    const v = sysfs_show(h.k, path)
    if (typeof v === 'string') out.push(`${path}: ${v}`)
  }
  return { rc: 0, out, err: [] }
}

const once = (h: Host, words: readonly string[]): DaxctlEnd =>
  words[0] === 'sysfs'
    ? sysfs(h)
    : h.world.setup(h, 'daxctl', function* (sys) {
        return yield* tool(sys, words)
      })

function hostOf(w: World, name: string | undefined): Host {
  const h = name === undefined ? w.hosts[0] : w.hosts.find(x => x.name === name)
  if (h !== undefined) return h
  const there = w.hosts.map(x => x.name).join(', ')
  throw new UserError(
    `--host '${name ?? ''}': expected one of ${there === '' ? 'no hosts: the scenario has none' : there}`,
  )
}

export async function daxctl(words: readonly string[], o: DaxctlOptions): Promise<void> {
  const commands = commandsOf(words)
  const s: Scenario = o.scenario === undefined ? TWO_HOSTS : await loadScenario(o.scenario)
  const all = (): { words: string[]; end: DaxctlEnd }[] => {
    // Who looks for lock orders runs the scenario; here the first device that is held would end it (R9).
    const world = new World({ kernel: o.kernel, dax: o.dax, lockdep: false })
    try {
      s.build({ world })
      const h = hostOf(world, o.host)
      return commands.map(c => ({ words: c, end: once(h, c) }))
    } finally {
      world.close()
    }
  }
  const ends = o.scenario === undefined ? all() : withScenario(resolve(o.scenario), all)
  if (o.json) console.log(JSON.stringify(ends.map(e => ({ command: e.words, ...e.end }))))
  else
    for (const { words: c, end } of ends) {
      if (ends.length > 1) console.log(`# daxctl ${c.join(' ')}`)
      for (const l of end.out) console.log(l)
      for (const l of end.err) for (const part of hanging(l, 78)) console.log(part)
      if (end.rc !== 0) console.log(`exit ${end.rc}`)
    }
  process.exitCode = ends.every(e => e.end.rc === 0) ? 0 : 1
}
