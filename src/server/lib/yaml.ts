// YAML: texts as libyaml writes them, documents read into a plain tree. Pure. A document that was read is remembered, as the
// daemon reads a file at each look-up, and the same text always gives the same tree.

import { Composer, type CST, isMap, isScalar, isSeq, Parser } from 'yaml'

/** A document: a text, a list, or pairs in their order (a key may come twice). */
export type Yaml = string | { readonly list: readonly Yaml[] } | { readonly pairs: readonly YamlPair[] }
export type YamlPair = readonly [key: Yaml, value: Yaml]

/** What no YAML text may hold: control characters, and what was no UTF-8. */
const FORBIDDEN = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u

/** No file of famfs nests deeper than 5. The composer is recursive: text of a few KiB, all brackets, would end the process. */
const DEEPEST = 16

function tooDeep(root: CST.Token): boolean {
  const todo: [CST.Token, number][] = [[root, 0]]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [token, depth] = next
    if (depth > DEEPEST) return true
    if (token.type === 'document' && token.value) todo.push([token.value, depth])
    if (!('items' in token)) continue
    for (const { key, value } of token.items) {
      if (key) todo.push([key, depth + 1])
      if (value) todo.push([value, depth + 1])
    }
  }
  return false
}

/** A tree without tags and anchors; undefined: there is an alias, which no file of famfs has. */
function plain(node: unknown): Yaml | undefined {
  if (node === null) return ''
  if (isScalar(node)) return node.source ?? ''
  if (isSeq(node)) {
    const list = node.items.map(plain)
    return list.every(i => i !== undefined) ? { list } : undefined
  }
  if (!isMap(node)) return undefined
  const pairs: YamlPair[] = []
  for (const p of node.items) {
    const key = plain(p.key)
    const value = plain(p.value)
    if (key === undefined || value === undefined) return undefined
    pairs.push([key, value])
  }
  return { pairs }
}

function read(text: string): Yaml | null {
  if (FORBIDDEN.test(text)) return null
  const tokens = [...new Parser().parse(text)]
  if (tokens.some(tooDeep)) return null
  // Every scalar a text; a second document is not looked at.
  const composer = new Composer({ schema: 'failsafe', uniqueKeys: false })
  for (const doc of composer.compose(tokens, true, text.length))
    return doc.errors.length > 0 ? null : (plain(doc.contents) ?? null)
  return null
}

/** Documents that were read; when it is full it starts again from nothing. */
const known = new Map<string, Yaml | null>()
const REMEMBERED = 1024

/** The first document of a text; null: it is no YAML, or nests deeper than any file of famfs. Never throws. */
export function read_yaml(text: string): Yaml | null {
  let tree = known.get(text)
  if (tree !== undefined) return tree
  tree = read(text)
  if (known.size >= REMEMBERED) known.clear()
  known.set(text, tree)
  return tree
}

/** Where libyaml breaks a line: at the first single space behind this column. */
const WIDTH = 80
const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '0',
  '\x07': 'a',
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\v': 'v',
  '\f': 'f',
  '\r': 'r',
  '\x1b': 'e',
  '"': '"',
  '\\': '\\',
  '\x85': 'N',
  '\xa0': '_',
  '\u2028': 'L',
  '\u2029': 'P',
}

/** A character inside double quotes. */
function escaped(c: string): string {
  const known = ESCAPES[c]
  if (known !== undefined) return `\\${known}`
  if (c >= ' ' && c <= '~') return c
  const hex = c.codePointAt(0)!.toString(16).toUpperCase()
  if (hex.length <= 2) return `\\x${hex.padStart(2, '0')}`
  return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}

/** How a text has to be written: as it is, or in quotes. */
function styleOf(s: string): 'plain' | "'" | '"' {
  if (/[^\n -~]|\n | \n/.test(s)) return '"'
  const indicator = /^[#,[\]{}&*!|>'"%@`]|^[-?:]( |$)|^(---|\.\.\.)|: |:$| #/
  return /\n|^ | $/.test(s) || indicator.test(s) ? "'" : 'plain'
}

/**
 * A text as a value behind its key, as libyaml writes it by itself: plain where that can be, else in quotes; the first
 * character stands in `column`; what is too long goes on in the next line, `indent` spaces in. null: it is no UTF-8.
 */
export function yaml_text(s: string, column: number, indent: number): string | null {
  if (/\p{Surrogate}/u.test(s)) return null
  const style = styleOf(s)
  if (style === 'plain' && column + s.length <= WIDTH) return s
  const next = `\n${' '.repeat(indent)}`
  const chars = [...s]
  let out = style === 'plain' ? '' : style
  let at = column + out.length
  let before = ''
  for (const [i, c] of chars.entries()) {
    const after = chars[i + 1]
    let put = style === '"' ? escaped(c) : style === "'" && c === "'" ? "''" : c
    const inside = style === 'plain' || (i > 0 && after !== undefined)
    if (c === ' ' && before !== ' ' && at > WIDTH && inside && (after !== ' ' || style === '"'))
      put = after === ' ' ? `${next}\\` : next
    // In single quotes one line break needs two, and what follows is set in.
    if (put === '\n') put = `${before === '\n' ? '' : '\n'}\n${after === '\n' ? '' : next.slice(1)}`
    out += put
    const broken = put.lastIndexOf('\n')
    at = broken < 0 ? at + put.length : put.length - broken - 1
    before = c
  }
  return style === 'plain' ? out : out + style
}
