// famsim litmus FILE...: can the outcome that a litmus test asks for happen, under which memory ordering, and how?
import { claimHolds, LitmusError, parseLitmus, runLitmus } from '../explore/index.ts'
import type { ModelName } from '../sim/index.ts'
import { UserError } from './errors.ts'
import { readText } from './load.ts'
import { parseModel } from './options.ts'

/** One test. Throws UserError on a file that can't be read, parsed or decided. */
function decide(file: string, model: ModelName, limit: number, json: boolean): void {
  const text = readText(file)
  try {
    const l = parseLitmus(file, text)
    const r = runLitmus(l, { model, limit })
    if (json) {
      const { name, verdict, runs, race, witness } = r
      console.log(JSON.stringify({ name, model, verdict, runs, file, race, holds: claimHolds(l, verdict), witness }))
      return
    }
    const race = r.race ? `; data race: ${r.raceBetween.join(' and ')}` : ''
    console.log(`${r.name} ${model}: ${r.verdict} (${r.runs} execution${r.runs === 1 ? '' : 's'})${race}`)
    const width = String(r.witness.length).length
    r.witness.forEach((line, i) => {
      console.log(`  ${String(i + 1).padStart(width)}  ${line}`)
    })
  } catch (e) {
    if (e instanceof LitmusError) throw new UserError(e.message)
    throw e
  }
}

export function litmus(files: readonly string[], o: { model: string; limit: string; json?: boolean }): void {
  const model = parseModel(o.model)
  if (!/^[1-9][0-9]{0,8}$/.test(o.limit)) throw new UserError(`--limit ${o.limit}: expected a whole number above 0`)
  for (const file of files) decide(file, model, Number(o.limit), o.json === true)
}
