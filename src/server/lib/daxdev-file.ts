// A device of a file system beyond the first, as whoever plays the log publishes it beside the shadow tree (userspace.md i.4): the
// file daxdevs/N, YAML, with the path the device has on this host, if it is here.
import { O_RDONLY, type Sys } from '../../kernel/index.ts'
import { parseUuid } from '../../media/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { getText } from '../../wire/index.ts'
import { read_yaml, type Yaml } from './yaml.ts'

/** A device as it is published. Size in bytes. */
export interface Daxdev {
  readonly index: number
  readonly uuid: string
  readonly size: number
  /** Where it is on this host; null: it is not. */
  readonly path: string | null
}

/** No more of such a file is read, bytes. */
const READ_MAX = 16384

export const daxdev_file = (shadow: string, index: number): string => `${shadow}/daxdevs/${index}`

/** The text of a published device. */
export const emit_daxdev = (d: Daxdev): string =>
  `---\ndaxdev:\n  index: ${d.index}\n  uuid: ${d.uuid}\n  size: ${d.size}\n${d.path === null ? '' : `  path: ${d.path}\n`}...\n`

const fields_of = (y: Yaml | null | undefined): ReadonlyMap<Yaml, Yaml> =>
  y !== null && typeof y === 'object' && 'pairs' in y ? new Map(y.pairs) : new Map()

/** What such a text tells, or null. Never throws. */
export function parse_daxdev(text: string): Daxdev | null {
  const fields = fields_of(fields_of(read_yaml(text)).get('daxdev'))
  const field = (key: string): string | null => {
    const v = fields.get(key)
    return typeof v === 'string' ? v : null
  }
  const number = (key: string): number => (/^\d+$/.test(field(key) ?? '') ? Number(field(key)) : Number.NaN)
  const [index, size, uuid] = [number('index'), number('size'), field('uuid')]
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || uuid === null || parseUuid(uuid) === null)
    return null
  return { index, uuid, size, path: field('path') }
}

/** The text of such a file; null: it cannot be read. */
export const read_text = kfn('read file', function* (sys: Sys, path: string): Step<string | null> {
  const fd = yield* sys.open(path, O_RDONLY)
  if (fd < 0) return null
  const buf = new Uint8Array(READ_MAX)
  const n = yield* sys.pread(fd, buf, 0)
  yield* sys.close(fd)
  return n < 0 ? null : getText(buf, 0, n)
})

/** The published device of an index; null: there is none, or its file does not tell. */
export const read_daxdev = kfn(
  'famfs_read_daxdev',
  function* (sys: Sys, shadow: string, index: number): Step<Daxdev | null> {
    const text = yield* read_text(sys, daxdev_file(shadow, index))
    const d = text === null ? null : parse_daxdev(text)
    return d?.index === index ? d : null
  },
)
