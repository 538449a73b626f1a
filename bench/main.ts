// npm run bench: the numbers of the README, as ratios or rates of one run. `-- --json` prints one object.
import { arch, cpus } from 'node:os'
import { installWorld, spawnInstall } from '../scenarios/races/install.ts'
import { RandomChooser } from '../src/explore/index.ts'
import { Machine } from '../src/sim/index.ts'
import { buildWorld } from '../src/world/index.ts'
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

const round = (n: number): number => Math.round(n)
const two = twoOpenRuns()
const r = {
  node: process.version,
  cpu: `${cpus()[0]?.model ?? arch()} x${cpus().length}`,
  steps_per_s_off: round(stepsPerSecond(false)),
  steps_per_s_ring: round(stepsPerSecond(true)),
  install_runs_per_s: round(installRuns()),
  two_open_runs_per_s: round(two.runs),
  two_open_steps_per_run: round(two.stepsPerRun),
  two_open_steps_per_s: round(two.runs * two.stepsPerRun),
  read_2mib_ratio: round(readRatio() * 1000) / 1000,
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
  console.log(`read(2) of 2 MiB, part of a plain copy ${n(r.read_2mib_ratio)}`)
}
