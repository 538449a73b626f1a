// The files of a measured server, as a trace describes them: `(0,8M,2M)(1,0,4M)`, `2 strips chunk 2M (0,16M,4M)(1,16M,4M) size
// 8M`, `GET_FMAP error EIO`.
import { GiB, KiB, MiB, UsageError } from '../sim/index.ts'
import { encodeFmap } from '../wire/index.ts'
import { simpleMap } from './maps.ts'
import { errnoOf } from './results.ts'

const UNIT: Readonly<Record<string, number>> = { '': 1, K: KiB(1), M: MiB(1), G: GiB(1) }

const bytes = (s: string): number => {
  const [, n, unit] = /^(\d+)([KMG]?)$/.exec(s)!
  return Number(n) * UNIT[unit!]!
}

/** Body of the GET_FMAP reply, or the errno it fails with. A map without `size` is of the file's own. */
export interface DescribedFile {
  readonly size: number
  readonly fmap: Uint8Array | number
}

/** What the words say. Throws UsageError for those it does not know. */
export function describedFile(words: string, size?: number): DescribedFile {
  const error = /^GET_FMAP error (\w+)$/.exec(words)
  if (error !== null && size !== undefined && errnoOf(error[1]!) > 0) return { size, fmap: errnoOf(error[1]!) }
  const extents = [...words.matchAll(/\((\d+),(\d+[KMG]?),(\d+[KMG]?)\)/g)].map(
    ([, dev, off, len]) => [Number(dev), bytes(off!), bytes(len!)] as const,
  )
  const around = words
    .replace(/\([^)]*\)/g, '')
    .replace(/ +/g, ' ')
    .trim()
  const strips = /^(?:interleave )?(\d+) strips chunk (\d+[KMG]?)(?: nbytes=size)?(?: size (\d+[KMG]?))?$/.exec(around)
  const sum = extents.reduce((n, e) => n + e[2], 0)
  if (extents.length > 0 && /^(simple)?$/.test(around))
    return { size: size ?? sum, fmap: simpleMap(extents, size ?? sum) }
  if (extents.length > 0 && strips !== null && Number(strips[1]) === extents.length) {
    const fileSize = strips[3] === undefined ? (size ?? sum) : bytes(strips[3])
    const group = extents.map(([dev, offset, len]) => ({ dev, offset, len }))
    const groups = [{ chunkSize: bytes(strips[2]!), nbytes: fileSize, strips: group }]
    return { size: fileSize, fmap: encodeFmap({ kind: 'interleaved', fileSize, groups }) }
  }
  throw new UsageError(
    `'${words}': expected a file such as 'simple (0,8M,2M)(1,0,4M)', '2 strips chunk 2M (0,16M,4M)(1,16M,4M)' or 'GET_FMAP error EIO'`,
  )
}
