// `.meta/.alloc.cfg`: how files are interleaved unless a command says otherwise (userspace.md c.5, d). Pure; never throws.

import { EINVAL } from '../../wire/index.ts'
import type { Interleave } from '../alloc/index.ts'
import { parse_size } from './size.ts'
import { read_yaml, type Yaml } from './yaml.ts'

const KEYS: Readonly<Record<string, keyof Interleave>> = {
  nbuckets: 'nbuckets',
  nstrips: 'nstrips',
  chunk_size: 'chunkSize',
}

const pairsOf = (y: Yaml | null | undefined) => (y && typeof y !== 'string' && 'pairs' in y ? y.pairs : [])

/** What the text asks for; whether that makes sense is the allocator's to say. A number that is not there is 0. */
export function parse_alloc_cfg(text: string): ({ ok: true } & Interleave) | { ok: false; rc: number; why: string } {
  const no = (why: string) => ({ ok: false as const, rc: -EINVAL, why })
  const [first] = pairsOf(read_yaml(text))
  if (first === undefined || first[0] !== 'interleaved_alloc') return no("expected the key 'interleaved_alloc'")
  const found: Interleave = { nbuckets: 0, nstrips: 0, chunkSize: 0 }
  for (const [key, value] of pairsOf(first[1])) {
    const name = typeof key === 'string' && Object.hasOwn(KEYS, key) ? KEYS[key] : undefined
    if (name === undefined) return no(`interleaved_alloc: unknown key ${JSON.stringify(key)}`)
    if (typeof value !== 'string') return no(`interleaved_alloc: ${key}: expected a number`)
    found[name] = parse_size(value, true)
  }
  return { ok: true, ...found }
}
