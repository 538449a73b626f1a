// From typing `famsim run` to the first line of the story: a new process each time.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Effort, Figure } from './measure.ts'
import type { Row } from './row.ts'

const root = join(import.meta.dirname, '..')

/** Wall seconds until Node, called with these arguments, prints anything; then it is ended. */
const firstOutput = (args: readonly string[]): Promise<number> =>
  new Promise((done, failed) => {
    const t0 = performance.now()
    const p = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
    p.stdout.once('data', () => {
      done((performance.now() - t0) / 1000)
      p.kill()
    })
    p.on('error', failed)
    // Too late to matter when something was printed.
    p.on('close', code => failed(new Error(`node ${args.join(' ')} printed nothing and ended with ${code}`)))
  })

async function best(e: Effort, args: readonly string[]): Promise<Figure> {
  let value = Number.POSITIVE_INFINITY
  for (let n = 0; n < e.rounds; n++) value = Math.min(value, await firstOutput(args))
  return { value }
}

export const START: Row = {
  id: 'start',
  what: 'start to the first line of a trace',
  unit: ' s',
  target: 1,
  unwatched: true,
  measure: e => best(e, ['bin/famsim.mjs', 'run', 'scenarios/basics/first-light.ts']),
  references: [{ what: 'tsx alone', measure: e => best(e, ['--import', 'tsx', '-e', 'console.log(1)']) }],
}
