// Starting programs: fork, exec and wait in one, and a command line as a shell would split it.
import { FATAL_SIGNALS, type ProcessEnd, type Sys, spawn_process } from '../kernel/index.ts'
import { Completion, complete, kfn, type Step, wait_for_completion } from '../sim/index.ts'
import type { End, Proc, Program, Site } from './proc.ts'
import { PROGRAMS } from './programs.ts'
import { built } from './stray-clwb.ts'

/** A command line's words, and the variables set in front of them. */
export interface CommandLine {
  readonly words: readonly string[]
  readonly env: ReadonlyMap<string, string>
}

/** Split a line into words: blanks part them, quotes keep them together, a backslash takes the next one as it is. Null: an open quote. */
export function splitLine(line: string): string[] | null {
  const words: string[] = []
  let word: string | null = null
  let quote = ''
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!
    if (quote !== '') {
      if (c === quote) quote = ''
      else if (c === '\\' && quote === '"' && i + 1 < line.length) word += line[++i]!
      else word += c
    } else if (c === "'" || c === '"') {
      quote = c
      word ??= ''
    } else if (c === '\\' && i + 1 < line.length) word = (word ?? '') + line[++i]!
    else if (c === ' ' || c === '\t') {
      if (word !== null) words.push(word)
      word = null
    } else word = (word ?? '') + c
  }
  if (quote !== '') return null
  if (word !== null) words.push(word)
  return words
}

/** `NAME=value` words in front are variables, as are those of `env NAME=value ...`. */
export function commandLine(words: readonly string[]): CommandLine {
  const env = new Map<string, string>()
  let at = words[0] === 'env' ? 1 : 0
  for (; at < words.length; at++) {
    const set = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(words[at]!)
    if (set === null) break
    env.set(set[1]!, set[2]!)
  }
  return { words: words.slice(at), env }
}

const NOTHING: ReadonlyMap<string, string> = new Map()

/** What a program is given whose lines go to `to`. */
export const start = (
  sys: Sys,
  site: Site,
  argv: readonly string[],
  env: ReadonlyMap<string, string>,
  to: { readonly out: string[]; readonly err: string[] },
): Proc => ({
  sys,
  argv,
  env,
  site,
  out: l => void to.out.push(l),
  err: l => void to.err.push(l),
  run: (words, more = env) => exec(sys, site, words, more),
})

/** How its task is called in a story: famfs with its subcommand, any other by its name. */
const labelOf = (name: string, sub = '-'): string =>
  name === 'famfs' && !sub.startsWith('-') ? `${name} ${sub}` : name

/** Start a program as a process of its own and wait for its end. */
export const exec = kfn(
  'execve',
  function* (sys: Sys, site: Site, words: readonly string[], env: ReadonlyMap<string, string> = NOTHING): Step<End> {
    const out: string[] = []
    const err: string[] = []
    const name = words[0] ?? ''
    const program: Program | undefined = PROGRAMS[name.slice(name.lastIndexOf('/') + 1)]
    if (program === undefined) return { rc: 127, signal: null, out, err: [`${name}: command not found`] }
    const { k } = sys.ts
    const ended = new Completion(k.m, `wait for ${name}`)
    let end: ProcessEnd | null = null
    spawn_process(
      k,
      name,
      function* (own) {
        return yield* program(start(built(own, site), site, words, env, { out, err }))
      },
      {
        parent: sys.ts,
        label: `${k.name}/${labelOf(name, words[1])}`,
        ended: e => {
          end = e
          return complete(ended)
        },
      },
    )
    yield* wait_for_completion(ended)
    const { signal, value } = end as unknown as ProcessEnd
    const rc = signal === null ? (value as number) : 128 + (FATAL_SIGNALS[signal.signal] ?? 0)
    return { rc, signal: signal?.signal ?? null, out, err }
  },
)

/** A command line, as a shell of this host would run it. */
export const shell_line = kfn('sh', function* (sys: Sys, site: Site, line: string): Step<End> {
  const split = splitLine(line)
  if (split === null) return { rc: 2, signal: null, out: [], err: ['sh: a quote is not closed'] }
  const { words, env } = commandLine(split)
  if (words.length === 0) return { rc: 0, signal: null, out: [], err: [] }
  return yield* exec(sys, site, words, env)
})
