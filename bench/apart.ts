// Each figure in a process of its own: what was compiled for one workload, with some sanitizers on, makes the next one slower,
// by half and more, and nobody runs them in one process. `node bench/apart.ts ID WHICH` prints one figure as JSON.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Effort, type Figure, FULL } from './measure.ts'
import type { Row } from './row.ts'
import { OFF, ON } from './sanitizers.ts'

/** What of a row: the figure with sanitizers off, with them on, or a reference by its number. */
export type Which = 'off' | 'on' | number

/** One figure, here; a text says why it cannot be measured. */
export const measureHere = async (row: Row, which: Which, e: Effort): Promise<Figure | string> =>
  typeof which === 'number' ? row.references![which]!.measure(e) : row.measure(e, which === 'off' ? OFF : ON)

/** The same, in a process of its own, with all the effort. */
export async function measureApart(row: Row, which: Which): Promise<Figure | string> {
  const me = fileURLToPath(import.meta.url)
  const p = spawnSync(process.execPath, [...process.execArgv, me, row.id, String(which)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (p.status !== 0) throw new Error(`bench: ${row.id} ${which}: the process that measures it ended with ${p.status}`)
  return JSON.parse(p.stdout)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { ROWS } = await import('./rows.ts')
  const [id, which] = process.argv.slice(2)
  const row = ROWS.find(r => r.id === id)!
  console.log(JSON.stringify(await measureHere(row, which === 'off' || which === 'on' ? which : Number(which), FULL)))
}
