// The file that stands for a famfs file in the shadow tree: its text as `famfs logplay` writes it, and what the daemon makes of
// a text (userspace.md d). Pure; reading never throws.

import type { Extent, FileEntry, Fmap } from '../../media/index.ts'
import { EINVAL, EOVERFLOW } from '../../wire/index.ts'
import { strtoull } from './size.ts'
import { read_yaml, type Yaml, type YamlPair, yaml_text } from './yaml.ts'

/** What a shadow file tells. */
export type FileMeta = Omit<FileEntry, 'type' | 'seqnum' | 'fmap'> & { fmap: Fmap }

/** How many extents, and strips, a reader takes. */
export interface FmapLimits {
  readonly extents: number
  readonly strips: number
}

/** The daemon reads no more of a shadow file than this, in bytes. */
export const YAML_MAX = 16384

/** Lines of a list of extents behind its key. */
function extentLines(list: readonly Extent[], indent: string): string {
  if (list.length === 0) return ' []\n'
  let s = '\n'
  for (const { dev, offset, len } of list) {
    s += `${indent}- devindex: ${dev}\n`
    s += `${indent}  offset: 0x${offset.toString(16)}\n`
    s += `${indent}  length: 0x${len.toString(16)}\n`
  }
  return s
}

/** The text; null: libyaml refuses the path, which is no UTF-8. */
export function emit_file_yaml(m: FileMeta): string | null {
  const path = yaml_text(m.path, '  path: '.length, 4)
  if (path === null) return null
  let s = `---\nfile:\n  path:${path === '' ? '' : ` ${path}`}\n  size: ${m.size}\n  flags: ${m.flags}\n`
  s += `  mode: 0${m.mode.toString(8)}\n  uid: ${m.uid}\n  gid: ${m.gid}\n`
  if (m.fmap.kind === 'simple') {
    const { extents } = m.fmap
    s += `  nextents: ${extents.length}\n  simple_ext_list:${extentLines(extents, '  ')}`
  } else {
    const { strips, chunkSize } = m.fmap
    s += `  nextents: 1\n  striped_ext_list:\n  - nstrips: ${strips.length}\n`
    s += `    chunk_size: 0x${chunkSize.toString(16)}\n    simple_ext_list:${extentLines(strips, '    ')}`
  }
  return `${s}...\n`
}

/** What a reader ends with at the first thing that it does not take. */
class Refused extends Error {
  readonly rc: number
  constructor(rc: number, why: string) {
    super(why)
    this.rc = rc
  }
}
const no = (why: string, rc = -EINVAL): never => {
  throw new Refused(rc, why)
}

const text = (y: Yaml, what: string): string => (typeof y === 'string' ? y : no(`${what}: expected a text`))
const number = (y: Yaml, what: string): number => strtoull(text(y, what))
/** Only 32 bits of it are kept. */
const u32 = (y: Yaml, what: string): number => number(y, what) >>> 0
function pairsOf(y: Yaml, what: string): readonly YamlPair[] {
  return typeof y !== 'string' && 'pairs' in y ? y.pairs : no(`${what}: expected keys with values`)
}
function listOf(y: Yaml, what: string): readonly Yaml[] {
  return typeof y !== 'string' && 'list' in y ? y.list : no(`${what}: expected a list`)
}

/** Extents or strips. A key that is none is passed over, but offset and length have to be there. */
function extentsOf(y: Yaml, most: number, what: string): Extent[] {
  const list = listOf(y, what)
  if (list.length > most) no(`${what}: ${list.length} extents, expected at most ${most}`, -EOVERFLOW)
  return list.map((item, i) => {
    const where = `${what}: extent ${i}`
    const e: { devindex: number; offset: number | null; length: number | null } = {
      devindex: 0,
      offset: null,
      length: null,
    }
    for (const [key, value] of pairsOf(item, where))
      if (key === 'devindex' || key === 'offset' || key === 'length') e[key] = number(value, `${where}: ${key}`)
    if (e.offset === null || e.length === null) return no(`${where}: expected offset and length`)
    return { dev: e.devindex, offset: e.offset, len: e.length }
  })
}

/** The one interleaved extent. A key that is none is passed over, with its value. */
function stripedOf(y: Yaml, limits: FmapLimits): Fmap {
  const what = 'striped_ext_list'
  const list = listOf(y, what)
  if (list.length > 1) no(`${what}: ${list.length} extents, expected at most 1`, -EOVERFLOW)
  let nstrips = 0
  let chunkSize = 0
  let strips: Extent[] = []
  for (const [key, value] of list.flatMap(i => pairsOf(i, what))) {
    if (key === 'nstrips') nstrips = number(value, `${what}: nstrips`)
    if (key === 'chunk_size') chunkSize = number(value, `${what}: chunk_size`)
    if (key === 'simple_ext_list') strips = extentsOf(value, limits.strips, what)
  }
  if (strips.length !== nstrips) no(`${what}: ${strips.length} strips, expected nstrips ${nstrips}`)
  return { kind: 'interleaved', chunkSize, strips }
}

function metaOf(y: Yaml | null, limits: FmapLimits): FileMeta {
  if (y === null) return no('no YAML')
  const [first] = pairsOf(y, 'document')
  if (first === undefined || first[0] !== 'file') return no("expected the key 'file' first")
  const m = { path: '', size: 0, flags: 0, mode: 0, uid: 0, gid: 0 }
  let nextents = 0
  let fmap: Fmap | null = null
  for (const [key, value] of pairsOf(first[1], 'file')) {
    if (key === 'path') m.path = text(value, key)
    else if (key === 'size') m.size = number(value, key)
    else if (key === 'flags' || key === 'mode' || key === 'uid' || key === 'gid') m[key] = u32(value, key)
    else if (key === 'nextents') nextents = u32(value, key)
    else if (key === 'simple_ext_list' || key === 'striped_ext_list') {
      const found = listOf(value, key).length
      fmap =
        key === 'striped_ext_list'
          ? stripedOf(value, limits)
          : { kind: 'simple', extents: extentsOf(value, limits.extents, key) }
      if (found !== nextents) no(`${key}: ${found} extents, expected nextents ${nextents}, given before the list`)
    } else no(`file: unknown key ${JSON.stringify(key)}`)
  }
  return fmap === null ? no('file: expected simple_ext_list or striped_ext_list') : { ...m, fmap }
}

/** What a text tells, or why it is refused: -EOVERFLOW for too many extents or strips, else -EINVAL. */
export function parse_file_yaml(
  yaml: string,
  limits: FmapLimits,
): { ok: true; meta: FileMeta } | { ok: false; rc: number; why: string } {
  try {
    return { ok: true, meta: metaOf(read_yaml(yaml), limits) }
  } catch (e) {
    if (!(e instanceof Refused)) throw e
    return { ok: false, rc: e.rc, why: e.message }
  }
}
