// famfs daxdev: which device of this host is which of a file system's (userspace.md i.4).

import { parseUuid } from '../../media/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { map_superblock_by_path } from '../lib/by-path.ts'
import { read_daxdev } from '../lib/daxdev-file.ts'
import { publish_daxdev, resolve_daxdev } from '../lib/daxdevs.ts'
import { shadow_of_mount } from '../lib/shadow.ts'
import type { Proc } from '../proc.ts'
import type { Option, Subcommand } from './subcommand.ts'

const USAGE = [
  'usage: famfs daxdev list PATH           devices of the file system that PATH lies in',
  '       famfs daxdev refresh PATH        look again for those that are missing',
  '       famfs daxdev resolve PATH UUID   where the device of this uuid is',
]

/** Where the file system is that a path lies in: its superblock and its shadow directory; null after a line. */
const find = kfn('famfs daxdev find', function* (p: Proc, path: string) {
  const map = yield* map_superblock_by_path(p, path)
  if (map === null) return null
  yield* p.sys.munmap(map.addr, map.len)
  const shadow = yield* shadow_of_mount(p.sys, map.mpt)
  if (shadow === null) p.err(`${map.mpt}: tells no shadow tree; is its daemon alive?`)
  return shadow === null ? null : { sb: map.sb, shadow: shadow.replace(/\/root$/, '') }
})

/** Each published device as a line; with `refresh` missing ones are looked for. 0, or 1 when one is missing. */
const list = kfn('famfs daxdev list', function* (p: Proc, path: string, refresh: boolean): Step<number> {
  const at = yield* find(p, path)
  if (at === null) return 1
  p.out(`0  ${at.sb.devUuid}  ${at.sb.daxdevSize}  ${at.sb.daxdevName}`)
  let missing = 0
  for (let index = 1; ; index++) {
    let d = yield* read_daxdev(p.sys, at.shadow, index)
    if (d === null) return missing > 0 ? 1 : 0
    if (d.path === null && refresh) {
      yield* publish_daxdev(p, at.shadow, at.sb, d)
      d = (yield* read_daxdev(p.sys, at.shadow, index))!
    }
    if (d.path === null) missing++
    p.out(`${index}  ${d.uuid}  ${d.size}  ${d.path ?? '(not on this host)'}`)
  }
})

const resolve = kfn('famfs daxdev resolve', function* (p: Proc, path: string, uuid: string): Step<number> {
  if (parseUuid(uuid) === null) {
    p.err(`famfs daxdev resolve: "${uuid}": expected a uuid, 8-4-4-4-12 hexadecimal digits`)
    return 1
  }
  const at = yield* find(p, path)
  if (at === null) return 1
  const dev = yield* resolve_daxdev(p, at.sb.fsUuid, uuid)
  if (dev === null) p.err(`${uuid}: no device of this host that is not mounted has it`)
  else p.out(dev)
  return dev === null ? 1 : 0
})

export const daxdev: Subcommand = {
  name: 'daxdev',
  usage: USAGE,
  options: { short: '' },
  run: kfn(
    'do_famfs_cli_daxdev',
    function* (p: Proc, _opts: readonly Option[], operands: readonly string[]): Step<number> {
      const [what, path, uuid] = operands
      if (!p.site.server.several_devices) {
        p.err(`famfs daxdev: this user space (${p.site.server.name}) knows one device; try --server fixed`)
        return 1
      }
      if ((what === 'list' || what === 'refresh') && operands.length === 2)
        return yield* list(p, path!, what === 'refresh')
      if (what === 'resolve' && operands.length === 3) return yield* resolve(p, path!, uuid!)
      p.err('famfs daxdev: list, refresh or resolve expected, and what it takes')
      for (const line of USAGE) p.err(line)
      return 1
    },
  ),
}
