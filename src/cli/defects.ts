// famsim defects [N]: the catalogue of known defects, or all that is known of one.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CATALOGUE, DAX_LEVELS, type Defect, KERNELS, SERVERS } from '../profile/index.ts'
import { hanging, wrap } from '../report/index.ts'
import { UserError } from './errors.ts'
import { repository } from './load.ts'

/** Profiles of one kind, and which of them carry the defect. */
const kinds = (d: Defect) =>
  (
    [
      ['kernel', KERNELS.map(k => k.name), d.kernels],
      ['dax', DAX_LEVELS.map(l => l.name), d.dax ?? []],
      ['server', SERVERS.map(s => s.name), d.servers ?? []],
    ] as const
  ).map(([kind, all, on]) => ({ kind, all, on }))

/** Names that stand next to each other in the table as `first to last`. */
function runText(all: readonly string[], on: readonly string[]): string {
  const at = on.map(n => all.indexOf(n))
  const together = at.length > 2 && at.every((x, i) => i === 0 || x === at[i - 1]! + 1)
  return together ? `${on[0]} to ${on.at(-1)}` : on.join(', ')
}

/** Where it is on: `kernel v3, v10; dax fix`, nowhere unless it is switched on, or that there is no switch. */
const whereOn = (d: Defect): string =>
  d.none !== undefined
    ? 'no switch'
    : kinds(d)
        .filter(k => k.on.length > 0)
        .map(k => `${k.kind} ${runText(k.all, k.on)}`)
        .join('; ') || 'nowhere'

/** Scenarios and tests that name it, as paths in the repository; the one that shows it best first. */
function shownBy(d: Defect): string[] {
  const naming = (folder: string, word: RegExp): string[] =>
    readdirSync(join(repository, folder), { recursive: true })
      .map(f => `${folder}/${f}`)
      .filter(f => f.endsWith('.ts') && word.test(readFileSync(join(repository, f), 'utf8')))
      .sort()
  const tests = naming('test', new RegExp(`['"(]${d.id}['"):]`)).filter(f => f.endsWith('.test.ts'))
  const best = d.shown === undefined ? [] : [d.shown]
  // Tests of the command use defects as examples only.
  const others = [...naming('scenarios', new RegExp(`\\b${d.id}\\b`)), ...tests.filter(f => !f.startsWith('test/cli/'))]
  return [...new Set([...best, ...others])]
}

/** How to see it and how to see it gone, where there is a scenario; and the test that has both. */
function commands(d: Defect, shown: readonly string[]): Record<string, string> {
  const scenario = shown.find(f => f.startsWith('scenarios/'))
  const test = shown.find(f => f.startsWith('test/'))
  const run = (flag: string): string =>
    scenario === undefined ? `${flag} ${d.id}, with famsim run or explore` : `famsim run ${scenario} ${flag} ${d.id}`
  return {
    'with it': run('--defect'),
    'without it': run('--no-defect'),
    ...(test === undefined ? {} : { 'both tested': `npx vitest run ${test}` }),
  }
}

/** A word, and text behind it that is broken as it needs. */
const entry = (name: string, text: string): string[] =>
  wrap(text, 64).map((l, i) => `  ${(i === 0 ? `${name}:` : '').padEnd(13)}${l}`)

function story(d: Defect, json: boolean): void {
  const shown = shownBy(d)
  const see = commands(d, shown)
  if (json) {
    console.log(JSON.stringify({ ...d, shown, commands: see }))
    return
  }
  for (const l of hanging(`${d.id}: ${d.story}`, 78)) console.log(l)
  const say = (name: string, text: string): void => {
    if (text !== '') for (const l of entry(name, text)) console.log(l)
  }
  say('known', `${d.mark}${d.inferred === undefined ? '' : `; only concluded for ${d.inferred.join(', ')}`}`)
  for (const { kind, all, on } of kinds(d)) {
    if (on.length === 0) continue
    const rest = all.filter(n => !on.includes(n))
    say(kind, `${runText(all, on)}${rest.length > 0 ? `; not in ${rest.join(', ')}` : ''}`)
  }
  if (d.none !== undefined) {
    say('no switch', d.none)
    if (d.shown !== undefined) say('shown by', d.shown)
    return
  }
  if (whereOn(d) === 'nowhere') say('on', 'nowhere, unless it is switched on')
  say('shown by', shown.join(', ') || 'nothing yet')
  for (const [name, command] of Object.entries(see)) say(name, command)
}

export function defects(number: string | undefined, o: { json?: boolean }): void {
  if (number !== undefined) {
    const d = CATALOGUE.find(x => x.id === number)
    if (d === undefined) throw new UserError(`unknown defect '${number}'; see: famsim defects`)
    story(d, o.json === true)
    return
  }
  if (o.json) {
    console.log(JSON.stringify(CATALOGUE))
    return
  }
  for (const d of CATALOGUE) {
    console.log(`${d.id.padEnd(5)} ${d.mark.padEnd(9)} ${whereOn(d)}`)
    for (const l of wrap(d.story, 73)) console.log(`      ${l}`)
  }
}
