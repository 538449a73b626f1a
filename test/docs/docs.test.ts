// The book, CONTRIBUTING and README against the repository: links lead somewhere, paths and functions exist, the programs
// of the tutorial hold, the failing ones fail as described, options and defects are those of the code.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { RandomChooser, STRATEGIES } from '../../src/explore/index.ts'
import { DAX_LEVELS, DEFECTS, KERNELS, SERVERS } from '../../src/profile/index.ts'
import { type RunResult, runScenario, type WorldOptions } from '../../src/world/index.ts'
import { type Ended, famsim, root } from '../cli/famsim.ts'

const files = [
  ...readdirSync(join(root, 'docs'))
    .filter(f => f.endsWith('.md'))
    .map(f => `docs/${f}`),
  'README.md',
  'CONTRIBUTING.md',
].filter(f => existsSync(join(root, f)))
const text = (file: string): string => readFileSync(join(root, file), 'utf8')

interface Block {
  readonly language: string
  readonly lines: readonly string[]
}

/** A document taken apart: its fenced blocks, and the text without them. */
function apart(file: string): { blocks: Block[]; prose: string } {
  const blocks: Block[] = []
  const prose: string[] = []
  let open: { language: string; lines: string[] } | null = null
  for (const line of text(file).split('\n')) {
    const fence = /^```(.*)$/.exec(line)
    if (fence && open === null) open = { language: fence[1]!, lines: [] }
    else if (fence) {
      blocks.push(open!)
      open = null
    } else (open?.lines ?? prose).push(line)
  }
  if (open !== null) throw new Error(`${file}: a code block is not closed`)
  return { blocks, prose: prose.join('\n') }
}
const prose = (file: string): string => apart(file).prose
/** The TypeScript blocks of a document. */
const programs = (file: string): string[] =>
  apart(file)
    .blocks.filter(b => b.language === 'ts')
    .map(b => `${b.lines.join('\n')}\n`)

/** Anchor of a heading, as forges make it. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replace(/ /g, '-')
const anchors = (file: string): string[] => [...prose(file).matchAll(/^#+ (.*)$/gm)].map(m => anchor(m[1]!))

describe.each(files)('%s', file => {
  it('has links that lead somewhere', () => {
    const dead: string[] = []
    for (const [, to] of prose(file).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(to!)) continue
      const [path, section] = to!.split('#')
      const target = path === '' ? join(root, file) : resolve(root, dirname(file), path!)
      if (!existsSync(target)) dead.push(to!)
      else if (section && !anchors(target.slice(root.length + 1)).includes(section)) dead.push(to!)
    }
    expect(dead).toEqual([])
  })
  it('names paths that exist', () => {
    const named = [...text(file).matchAll(/`((?:src|test|scenarios|bin|scripts|bench|docs)\/[\w./-]+)`/g)].map(
      m => m[1]!,
    )
    // A path in capitals stands for one that the reader makes; scenarios/mine/ is where the tutorial puts a file.
    const missing = named.filter(p => !/[A-Z]{3}|^scenarios\/mine\//.test(p) && !existsSync(join(root, p)))
    expect(missing).toEqual([])
  })
  it('has transcripts of at most 80 columns', () => {
    const wide = apart(file)
      .blocks.filter(b => b.language === '')
      .flatMap(b => b.lines)
      .filter(l => l.length > 80)
    expect(wide).toEqual([])
  })
})

describe('the book', () => {
  it('lists every chapter, and every room has one', () => {
    const contents = text('docs/README.md')
    for (const f of files.filter(f => /^docs\/\d\d-/.test(f))) expect(contents).toContain(`(${f.slice(5)})`)
    for (const room of readdirSync(join(root, 'src')))
      expect(
        files.some(f => new RegExp(`^docs/\\d\\d-${room}\\.md$`).test(f)),
        `a chapter for src/${room}`,
      ).toBe(true)
  })
  it('tells of every defect, every kernel and every DAX level', () => {
    const chapter = text('docs/03-profile.md')
    for (const d of DEFECTS) expect(chapter, d.id).toMatch(new RegExp(`^\\| ${d.id} \\|`, 'm'))
    for (const k of [...KERNELS, ...DAX_LEVELS, ...SERVERS]) expect(chapter).toContain(`\`${k.name}\``)
  })
  it('tells of every strategy', () => {
    for (const s of STRATEGIES) expect(text('docs/12-explore.md'), s.name).toContain(`\`${s.name}\``)
  })
})

describe('from the patch to the model', () => {
  const rows = [
    ...text('docs/from-the-patch-to-the-model.md').matchAll(/^\| `(\w+)` \| `(src\/[^`]+)` \| (\S+) \|.*\|$/gm),
  ]
  it('has rows', () => expect(rows.length).toBeGreaterThan(60))
  it('names no function twice', () => expect(new Set(rows.map(r => r[1])).size).toBe(rows.length))
  it.each(rows.map(r => [r[1]!, r[2]!, r[3]!]))('%s is in %s (%s)', (name, file, mark) => {
    expect(['measured', 'source', 'list', 'inferred']).toContain(mark)
    expect(text(file)).toMatch(
      new RegExp(
        `kfn\\(\\s*'${name}(?: \\[famfs\\])?'|^export (?:const|function\\*?|class) ${name}\\b|^export \\{[^}]*\\b${name}\\b`,
        'm',
      ),
    )
  })
  it('every kernel function of the famfs folders has a row', () => {
    const there = ['src/kernel/famfs', 'src/kernel/famfs-std'].flatMap(folder =>
      readdirSync(join(root, folder)).flatMap(f =>
        [...text(`${folder}/${f}`).matchAll(/kfn\(\s*'(\w+)(?: \[famfs\])?'/g)].map(m => m[1]!),
      ),
    )
    const told = new Set(rows.map(r => r[1]))
    expect(there.filter(name => !told.has(name))).toEqual([])
  })
})

// The programs run from a folder two levels below the root, where their imports fit as they stand.
mkdirSync(join(root, 'tmp'), { recursive: true })
const dir = mkdtempSync(join(root, 'tmp', 'docs-'))
afterAll(() => rmSync(dir, { recursive: true }))

/** Write a program down and run it. */
const runProgram = (name: string, program: string, args: readonly string[] = []): Promise<Ended> => {
  const path = join(dir, `${name}.ts`)
  writeFileSync(path, program)
  return famsim(['run', path, '--quiet', ...args])
}

describe('the programs', () => {
  const whole = programs('docs/write-your-first-scenario.md').filter(p => /^export default/m.test(p))
  it('of the tutorial are there', () => expect(whole.length).toBeGreaterThanOrEqual(3))
  it.each(whole.map((p, i) => [i + 1, p] as const))('number %i of the tutorial holds', async (i, program) => {
    const r = await runProgram(`tutorial-${i}`, program)
    expect(r.out).toMatch(/^HELD: /)
    expect(r.out).not.toContain('never fired')
    expect(r.code).toBe(0)
  })

  /** Title to the lines (figures of the version left out) that the page says the run ends with. */
  const failing = programs('docs/read-a-failure.md').map(p => [/scenario\('([^']+)'/.exec(p)![1]!, p] as const)
  it('of the failure page are there', () => expect(failing.length).toBeGreaterThanOrEqual(4))
  /** A failing program in this process: the command would say the same, at a second each. */
  const runInside = async (title: string, seed: number, o: WorldOptions = {}): Promise<RunResult> => {
    const path = join(dir, `inside-${title.replace(/\W+/g, '-')}.ts`)
    writeFileSync(path, failing.find(f => f[0] === title)![1])
    return runScenario((await import(path)).default, new RandomChooser(seed), { ...o, seed })
  }
  it.each(failing)('"%s" fails as described', async title => {
    const r = await runInside(title, 1)
    expect(r.verdict).not.toBe('held')
    const { kind, text: what } = r.problems[0]!
    const page = text('docs/read-a-failure.md')
    expect(page).toContain(`FAILED: ${title}\n  ${kind}: ${what}\n`)
  })
  it('the command ends with 1 and the line to reproduce', async () => {
    const r = await runProgram('fails', failing[0]![1])
    expect(r.code).toBe(1)
    expect(r.out).toMatch(/^reproduce: famsim run .*fails\.ts --seed 1$/m)
  })
  it('O_APPEND counts on a kernel without the defect', async () => {
    expect((await runInside('O_APPEND writes at the end', 1, { switches: { noDefect: ['L06'] } })).verdict).toBe('held')
  })
  it('the race is lost for some seeds only', async () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= 20; seed++) seen.add((await runInside('two opens ask for one map', seed)).verdict)
    expect([...seen].sort()).toEqual(['failed', 'held'])
  })
})

describe('the chapter on the command', () => {
  it('has the options of run', async () => {
    const help = (await famsim(['run', '--help'])).out
    const there = [...help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(m => m[1]!).filter(o => o !== '--help')
    expect(there.length).toBeGreaterThan(5)
    const told = [...text('docs/17-cli.md').matchAll(/^\| .*`--.*$/gm)].join('\n')
    expect(there.filter(o => !told.includes(`\`${o}`))).toEqual([])
    for (const [o] of told.matchAll(/--[a-z-]+/g)) expect(there).toContain(o)
  })
  it('has the commands', async () => {
    const help = (await famsim(['--help'])).out
    const there = [...help.matchAll(/^ {2}([a-z]+) /gm)].map(m => m[1]!).filter(c => c !== 'help')
    for (const c of there) expect(text('docs/17-cli.md')).toContain(`\`famsim ${c}`)
  })
})
