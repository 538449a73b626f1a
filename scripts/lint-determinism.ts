// The determinism lint: in the core rooms nothing may depend on anything but scenario, seed and choices. Walks the syntax
// tree, so that words in comments and texts do not count. `npm run lint` runs it; test/scripts holds its canaries.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Files under these are core; `except` are the few that may do one of the banned things, and why. */
export const CORE = [
  'src/sim',
  'src/profile',
  'src/wire',
  'src/media',
  'src/devdax',
  'src/fabric',
  'src/kernel',
  'src/server',
  'src/faults',
  'src/world',
  'src/explore/strategies',
]
export const EXCEPT: Readonly<Record<string, readonly string[]>> = {
  'src/sim/math.ts': ['Math'], // the one door to it
  'src/sim/rng.ts': ['import seedrandom'], // the one source of randomness
  'src/media/crc.ts': ['import node:zlib'], // a pure function
  'src/devdax/memory.ts': ['import node:zlib'], // a pure function
  'src/server/lib/yaml.ts': ['import yaml'], // a pure function
  'src/devdax/backing/': ['*'], // bytes of the outside: not part of the deterministic core
}

const BANNED_NAMES: Readonly<Record<string, string>> = {
  Date: 'time is virtual',
  Math: 'use sim/math: some of Math differs between Node versions',
  Promise: 'tasks are generators',
  performance: 'time is virtual',
  process: 'nothing of the process may matter',
  globalThis: 'nothing global may matter',
  crypto: 'randomness comes from named streams',
  setTimeout: 'time is virtual',
  setInterval: 'time is virtual',
  setImmediate: 'time is virtual',
  queueMicrotask: 'tasks are generators',
  WeakRef: 'the collector must not show',
  FinalizationRegistry: 'the collector must not show',
  Intl: 'depends on the locale',
}
const BANNED_METHODS: Readonly<Record<string, string>> = {
  toLocaleString: 'depends on the locale',
  localeCompare: 'depends on the locale',
  toLocaleLowerCase: 'depends on the locale',
  toLocaleUpperCase: 'depends on the locale',
}

export interface Finding {
  readonly file: string
  readonly line: number
  readonly what: string
  readonly why: string
}

/** All findings in one source text. `file` is its path from the repository's root. */
export function lintText(file: string, text: string): Finding[] {
  const allowed = Object.entries(EXCEPT).flatMap(([p, what]) => (file.startsWith(p) ? what : []))
  if (allowed.includes('*')) return []
  const src = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true)
  const out: Finding[] = []
  const add = (n: ts.Node, what: string, why: string): void => {
    if (allowed.includes(what)) return
    out.push({ file, line: src.getLineAndCharacterOfPosition(n.getStart()).line + 1, what, why })
  }
  const visit = (n: ts.Node): void => {
    if (ts.isImportDeclaration(n) && ts.isStringLiteral(n.moduleSpecifier)) {
      const from = n.moduleSpecifier.text
      if (!from.startsWith('.')) add(n, `import ${from}`, 'the core imports nothing from outside')
      return
    }
    if (ts.isForInStatement(n)) add(n, 'for..in', 'its order is not promised for every object')
    if (ts.isAwaitExpression(n)) add(n, 'await', 'tasks are generators')
    if (ts.canHaveModifiers(n) && ts.getModifiers(n)?.some(m => m.kind === ts.SyntaxKind.AsyncKeyword))
      add(n, 'async', 'tasks are generators')
    if (ts.isIdentifier(n) && Object.hasOwn(BANNED_NAMES, n.text) && isUse(n)) add(n, n.text, BANNED_NAMES[n.text]!)
    if (ts.isPropertyAccessExpression(n) && Object.hasOwn(BANNED_METHODS, n.name.text))
      add(n, n.name.text, BANNED_METHODS[n.name.text]!)
    if (ts.isMetaProperty(n) && n.getText() === 'import.meta') add(n, 'import.meta', 'depends on where the file lies')
    ts.forEachChild(n, visit)
  }
  visit(src)
  return out
}

/** A name that is read, not a property, a key or a declaration of the same spelling. */
function isUse(n: ts.Identifier): boolean {
  const p = n.parent
  if (ts.isPropertyAccessExpression(p)) return p.expression === n
  if (
    ts.isPropertyAssignment(p) ||
    ts.isPropertyDeclaration(p) ||
    ts.isPropertySignature(p) ||
    ts.isMethodDeclaration(p)
  )
    return p.name !== n
  return !ts.isParameter(p) || p.name !== n
}

/** All findings in the core rooms. */
export function lintCore(): Finding[] {
  const out: Finding[] = []
  const walk = (path: string): void => {
    if (statSync(path).isDirectory()) for (const e of readdirSync(path).sort()) walk(join(path, e))
    else if (path.endsWith('.ts')) out.push(...lintText(relative(root, path), readFileSync(path, 'utf8')))
  }
  for (const room of CORE) walk(join(root, room))
  return out
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const all = lintCore()
  for (const f of all) console.error(`${f.file}:${f.line}: ${f.what}: ${f.why}`)
  if (all.length > 0) process.exit(1)
  console.log('determinism: clean')
}
