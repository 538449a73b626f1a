// The life of a famfs in FUSE, of which one allocation fails (fail-nth.ts): its server is a script.
import { fmapOf, simpleMap } from '../../src/conform/index.ts'
import { MiB } from '../../src/sim/index.ts'
import { fuse_create_out, fuse_open_out } from '../../src/wire/index.ts'
import type { Plan } from './fail-nth.ts'
import { names, TWO, use } from './fail-nth-use.ts'

const NEW = 200
const FILES: Record<string, Uint8Array> = {
  simple: simpleMap([
    [0, 0, TWO],
    [0, MiB(8), TWO],
  ]),
  striped: fmapOf({
    kind: 'interleaved',
    fileSize: MiB(8),
    groups: [1, 2].map(i => ({
      chunkSize: TWO,
      nbytes: MiB(4),
      strips: [0, 1].map(j => ({ dev: 0, offset: MiB(16) * (2 * i + j), len: TWO })),
    })),
  }),
}

/** Use every file, list and make names, forget the inodes, use a file again. */
export const FUSED: Plan = {
  mount: rig => {
    const s = rig.server()
    for (const [i, [name, fmap]] of Object.entries(FILES).entries())
      s.files.set(name, { nodeid: 100 + i, size: name === 'simple' ? 2 * TWO : MiB(8), fmap })
    // A directory without names, in which one can be made.
    s.script = req => {
      const open = { fh: 7, open_flags: 0 }
      const entry = { nodeid: NEW, entry_valid: 9, attr_valid: 9, attr: { ...s.attr(100), ino: NEW } }
      if (req.op.name === 'OPENDIR') return { def: fuse_open_out, values: open }
      if (req.op.name === 'READDIR') return { body: new Uint8Array(0) }
      if (req.op.name === 'RELEASEDIR') return { errno: 0 }
      if (req.op.name === 'CREATE') return { def: fuse_create_out, values: { entry, open } }
      return undefined
    }
    try {
      rig.mount(s)
      return true
    } catch {
      return false
    }
  },
  parts: [
    ['use', use('/mnt/simple')],
    ['use', use('/mnt/striped')],
    ['names', names],
    [
      'drop_caches',
      function* (sys) {
        return (yield* sys.drop_caches()) >= 0
      },
    ],
    ['use again', use('/mnt/striped')],
  ],
}
