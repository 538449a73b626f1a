// famsim list: the scenarios that come with famsim, by folder.
import { readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { loadScenario, repository } from './load.ts'

/** Paths of all scenario files, sorted, relative to the repository. */
export function scenarioFiles(): string[] {
  const out: string[] = []
  const walk = (dir: string): void => {
    for (const e of readdirSync(dir, { withFileTypes: true })) {
      const path = join(dir, e.name)
      if (e.isDirectory()) walk(path)
      else if (e.name.endsWith('.ts')) out.push(relative(repository, path))
    }
  }
  walk(join(repository, 'scenarios'))
  return out.sort()
}

export async function list(o: { json?: boolean }): Promise<void> {
  const rows: { file: string; folder: string; title: string }[] = []
  for (const file of scenarioFiles()) {
    const s = await loadScenario(join(repository, file))
    rows.push({ file, folder: dirname(file), title: s.title })
  }
  if (o.json) {
    console.log(JSON.stringify(rows))
    return
  }
  let folder = ''
  for (const r of rows) {
    if (r.folder !== folder) console.log(`${r.folder}/`)
    folder = r.folder
    console.log(`  ${r.file.slice(r.folder.length + 1).padEnd(24)} ${r.title}`)
  }
}
