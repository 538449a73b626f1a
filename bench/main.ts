// npm run bench: the numbers of the README, as ratios or rates of one run. `-- --json` prints one object; `-- --bugs` the
// table of strategies: how often each finds two seeded bugs, and how soon.
import { arch, cpus } from 'node:os'
import { installWorld, spawnInstall } from '../scenarios/races/install.ts'
import { Exhaustive, RandomChooser, type SearchStats } from '../src/explore/index.ts'
import { Machine, Watch } from '../src/sim/index.ts'
import { buildWorld } from '../src/world/index.ts'
import { bugTable, bugText } from './bugs.ts'
import { ratePerSecond } from './measure.ts'
import { readBench } from './read.ts'
import { spawnSteps } from './steps.ts'
import { twoOpen } from './two-open.ts'

function stepsPerSecond(trace: boolean): number {
  const m = new Machine({ policy: 'free' })
  m.trace.on = trace
  const mark = m.journal.mark()
  const chooser = new RandomChooser(1)
  return ratePerSecond(() => {
    m.journal.rewind(mark)
    m.dropTasks()
    spawnSteps(m, 2000)
    m.run(chooser)
    return m.steps
  })
}

function installRuns(): number {
  const m = new Machine({ policy: 'free' })
  m.trace.on = false
  const w = installWorld(m)
  const mark = m.journal.mark()
  const chooser = new RandomChooser(1)
  return ratePerSecond(() => {
    for (let i = 0; i < 1000; i++) {
      m.journal.rewind(mark)
      m.dropTasks()
      spawnInstall(m, w, 2)
      if (m.run(chooser) !== 'held') throw new Error('the install workload does not hold')
    }
    return 1000
  })
}

function twoOpenRuns(): { runs: number; stepsPerRun: number } {
  const w = buildWorld(twoOpen, { policy: 'free', trace: false })
  const chooser = new RandomChooser(1)
  let steps = 0
  let runs = 0
  const rate = ratePerSecond(() => {
    for (let i = 0; i < 100; i++) {
      const r = w.run(chooser)
      if (r.verdict !== 'held') throw new Error(`two openers: ${r.problems[0]?.text}`)
      steps += w.m.steps
      runs++
    }
    return 100
  })
  w.close()
  return { runs: rate, stepsPerRun: steps / runs }
}

function readRatio(): number {
  const { s, out } = readBench(400)
  const w = buildWorld(s, { trace: false })
  w.run()
  out.readNs = 0
  out.copyNs = 0
  w.run()
  w.close()
  return out.copyNs / out.readNs
}

/** Seconds to prove the install workload: the best of a few whole searches. */
function proofSeconds(openers: number, times: number): { seconds: number; stats: SearchStats } {
  let best = Number.POSITIVE_INFINITY
  let stats: SearchStats | null = null
  for (let i = 0; i < times; i++) {
    const m = new Machine({ policy: 'free' })
    m.trace.on = false
    const watch = new Watch()
    m.journal.watch = watch
    const w = installWorld(m)
    const mark = m.journal.mark()
    const search = new Exhaustive(m, watch)
    const t0 = performance.now()
    while (search.more()) {
      m.dropTasks()
      m.journal.rewind(mark)
      spawnInstall(m, w, openers)
      const v = m.run(search)
      if (v !== 'held' && v !== 'redundant') throw new Error('the install workload does not hold')
    }
    best = Math.min(best, (performance.now() - t0) / 1000)
    stats = search.stats
  }
  return { seconds: best, stats: stats! }
}

if (process.argv.includes('--bugs')) {
  console.log(bugText(bugTable()))
  process.exit(0)
}

const round = (n: number): number => Math.round(n)
const two = twoOpenRuns()
const proofs = [proofSeconds(2, 10), proofSeconds(3, 4), proofSeconds(4, 1)]
const milli = (n: number): number => Math.round(n * 1000) / 1000
const r = {
  node: process.version,
  cpu: `${cpus()[0]?.model ?? arch()} x${cpus().length}`,
  steps_per_s_off: round(stepsPerSecond(false)),
  steps_per_s_ring: round(stepsPerSecond(true)),
  install_runs_per_s: round(installRuns()),
  two_open_runs_per_s: round(two.runs),
  two_open_steps_per_run: round(two.stepsPerRun),
  two_open_steps_per_s: round(two.runs * two.stepsPerRun),
  read_2mib_ratio: milli(readRatio()),
  install_proof_s: {
    '2+1': milli(proofs[0]!.seconds),
    '3+1': milli(proofs[1]!.seconds),
    '4+1': milli(proofs[2]!.seconds),
  },
}

if (process.argv.includes('--json')) console.log(JSON.stringify(r))
else {
  const n = (v: number): string => v.toLocaleString('en-US').padStart(14)
  console.log(`${r.cpu}, node ${r.node}; best of five rounds, one core`)
  console.log(`kernel steps, trace off                ${n(r.steps_per_s_off)} /s`)
  console.log(`kernel steps, trace ring               ${n(r.steps_per_s_ring)} /s`)
  console.log(`install workload, 2 openers + 1 fault  ${n(r.install_runs_per_s)} runs/s`)
  console.log(`two openers, whole path                ${n(r.two_open_runs_per_s)} runs/s`)
  console.log(`  steps a run                          ${n(r.two_open_steps_per_run)}`)
  console.log(`  steps                                ${n(r.two_open_steps_per_s)} /s`)
  const proof = proofs.map(p => `${milli(p.seconds)} s (${p.stats.complete + p.stats.pruned} executions)`)
  console.log(`install workload proven, 2+1, 3+1, 4+1: ${proof.join(', ')}`)
  console.log(`read(2) of 2 MiB, part of a plain copy ${n(r.read_2mib_ratio)}`)
}
