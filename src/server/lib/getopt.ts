// The words of a command line cut into options and operands by the rules of GNU getopt_long(3), which every famfs program
// uses (userspace.md f). Pure; whatever the words, it never throws.

/** A long option. With `short` it counts as that letter. */
export interface LongOption {
  readonly name: string
  readonly arg: 'none' | 'required' | 'optional'
  readonly short?: string
}

export interface OptionTable {
  /** Letters as for getopt(3): `s:` takes an argument, `s::` may have one attached; a `+` in front: stop at the first operand. */
  readonly short: string
  readonly long?: readonly LongOption[]
}

/** An option: its letter, or the name of a long one without a letter, and its argument; or what is wrong with a word. */
export type Got = { readonly opt: string; readonly value: string | null } | { readonly error: string }

type Arg = LongOption['arg']

/** What the letter takes; undefined: there is no such option. */
function argOf(short: string, letter: string): Arg | undefined {
  const at = /^[+:]$/.test(letter) ? -1 : short.indexOf(letter)
  if (at < 0) return undefined
  return short[at + 1] !== ':' ? 'none' : short[at + 2] !== ':' ? 'required' : 'optional'
}

/** The long option a word means, in full or by its beginning if no other begins like that; or all that do. */
function longOf(table: readonly LongOption[], name: string): readonly LongOption[] {
  const exact = table.find(l => l.name === name)
  if (exact !== undefined) return [exact]
  const like = table.filter(l => l.name.startsWith(name))
  const [first] = like
  return like.every(l => l.arg === first!.arg && l.short === first!.short) ? like.slice(0, 1) : like
}

/**
 * Options in the order they are met, with the errors among them, and the operands. argv[0] is the program's name, which
 * errors begin with.
 */
export function getopt(argv: readonly string[], table: OptionTable): { opts: Got[]; rest: string[] } {
  const { short, long = [] } = table
  const [program = '', ...words] = argv
  const opts: Got[] = []
  const rest: string[] = []
  const wrong = (why: string): number => opts.push({ error: `${program}: ${why}` })
  let next = 0

  const longOption = (word: string): void => {
    const [name = '', attached] = cut(word.slice(2))
    const found = longOf(long, name)
    const [l] = found
    if (l === undefined) wrong(`unrecognized option '--${name}'`)
    else if (found.length > 1)
      wrong(`option '--${name}' is ambiguous; possibilities: ${found.map(f => `'--${f.name}'`).join(' ')}`)
    else if (attached !== undefined && l.arg === 'none') wrong(`option '--${l.name}' doesn't allow an argument`)
    else {
      const value = attached ?? (l.arg === 'required' ? words[next++] : null)
      if (value === undefined) wrong(`option '--${l.name}' requires an argument`)
      else opts.push({ opt: l.short ?? l.name, value })
    }
  }

  const shortOptions = (word: string): void => {
    for (let i = 1; i < word.length; i++) {
      const letter = word[i]!
      const arg = argOf(short, letter)
      const attached = word.slice(i + 1)
      if (arg === undefined) wrong(`invalid option -- '${letter}'`)
      else if (arg === 'none') opts.push({ opt: letter, value: null })
      else {
        const value = attached !== '' ? attached : arg === 'required' ? words[next++] : null
        if (value === undefined) wrong(`option requires an argument -- '${letter}'`)
        else opts.push({ opt: letter, value })
        return
      }
    }
  }

  while (next < words.length) {
    const word = words[next++]!
    if (word === '--') break
    if (word.startsWith('--')) longOption(word)
    else if (word.startsWith('-') && word !== '-') shortOptions(word)
    else {
      rest.push(word)
      if (short.startsWith('+')) break
    }
  }
  return { opts, rest: [...rest, ...words.slice(next)] }
}

/** Before and after the first `=`; undefined when there is none. */
function cut(word: string): [string, string?] {
  const at = word.indexOf('=')
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)]
}
