// npm run bench: what famsim costs, beside its targets and beside others that do the same work, all in one run.
// Words choose rows by the start of their id (`npm run bench -- install proof`); --json prints one object, --markdown the
// table of the README, --bugs how often each strategy finds two seeded bugs, and how soon, --reductions what each reduction
// of the exhaustive search saves, --images looks at 100,000 damaged images, --fsx plays 10,000,000 operations on all kernels
// (or on those that words name) against a plain buffer, --files opens up to 100,000 files and faults on them.
import { arch, cpus } from 'node:os'
import { measureApart } from './apart.ts'
import { bugTable, bugText } from './bugs.ts'
import { filesFigures, filesText } from './files.ts'
import { type FsxPlayed, fsxText, playAll } from './fsx.ts'
import { imagesText, lookAtImages } from './images.ts'
import { reductions, reductionText } from './reductions.ts'
import { ROWS } from './rows.ts'
import { HEADER, json, LEGEND, MARKDOWN, type Measured, markdown, measureRow, text } from './table.ts'

const FLAGS = ['--json', '--markdown', '--bugs', '--reductions', '--images', '--fsx', '--files']
const args = process.argv.slice(2)
const has = (flag: string): boolean => args.includes(flag)
const words = args.filter(a => !FLAGS.includes(a))
const unknown = has('--fsx') || has('--files') ? undefined : words.find(w => !ROWS.some(r => r.id.startsWith(w)))
if (unknown !== undefined) {
  console.error(`bench: '${unknown}': expected ${FLAGS.join(', ')}, or rows: ${ROWS.map(r => r.id).join(', ')}`)
  process.exit(2)
}

const machine = { cpu: `${cpus()[0]?.model ?? arch()} x${cpus().length}`, node: process.version }
const say = (lines: readonly string[]): void => {
  for (const l of lines) if (!has('--json')) console.log(l)
}

say([`${machine.cpu}, Node ${machine.node}`, ''])
if (has('--bugs')) {
  const rows = bugTable()
  say([bugText(rows)])
  if (has('--json')) console.log(JSON.stringify({ ...machine, bugs: rows }))
} else if (has('--reductions')) {
  const r = reductions()
  say([reductionText(r)])
  if (has('--json')) console.log(JSON.stringify({ ...machine, ...r }))
} else if (has('--images')) {
  const r = lookAtImages(100_000, 1)
  say([imagesText(r)])
  if (has('--json')) console.log(JSON.stringify({ ...machine, ...r }))
} else if (has('--files')) {
  const all = [...filesFigures(words)]
  say(filesText(all))
  if (has('--json')) console.log(JSON.stringify({ ...machine, files: all }))
} else if (has('--fsx')) {
  const all: FsxPlayed[] = []
  for (const r of playAll(words, 10_000_000, 1)) {
    all.push(r)
    say(fsxText(r))
  }
  if (has('--json')) console.log(JSON.stringify({ ...machine, fsx: all }))
  if (all.some(r => r.failed !== null)) process.exitCode = 1
} else {
  say(has('--markdown') ? MARKDOWN : HEADER)
  const all: Measured[] = []
  for (const row of ROWS.filter(r => words.length === 0 || words.some(w => r.id.startsWith(w)))) {
    const m = await measureRow(row, measureApart)
    all.push(m)
    say(has('--markdown') ? [markdown(m)] : text(m))
  }
  if (has('--json')) console.log(JSON.stringify({ ...machine, rows: all.map(json) }))
  else if (!has('--markdown')) say(LEGEND)
}
