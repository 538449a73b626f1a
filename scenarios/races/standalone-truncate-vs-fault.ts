// R13 without a server (L08, inferred): a file of a standalone famfs gets shorter while a page of it is faulted in. The fault looks at
// the size, the truncation takes away what is mapped, and the fault inserts its page past the new end.
import { standalone } from '../../src/conform/index.ts'
import { KiB, MAP_SHARED, MiB, ms, O_RDWR, PROT_READ, resultText, scenario } from '../../src/world/index.ts'

const PAGE = KiB(4)
const TWO = MiB(2)

export default scenario('a file is truncated while a page of it is faulted in (standalone)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0', { kernel: 'std' })
  const extents = [{ dev: 0, offset: TWO, len: TWO }]
  standalone(h0, '/mnt', '/dev/dax0.0', { x: { fileSize: TWO, kind: 'simple', extents } })
  const inode = h0.k.supers.items[0]!.s_root.children.get('x')!.d_inode.peek()!

  h0.app('mapper', function* (sys) {
    const fd = yield* sys.open('/mnt/x', O_RDWR)
    // Too small for 2 MiB: a single page.
    const at = yield* sys.mmap(0, MiB(1), PROT_READ, MAP_SHARED, fd, MiB(1))
    if (at < 0) return world.say(`mmap: ${resultText(at)}`)
    const sig = yield* sys.load_or_signal(at, new Uint8Array(8))
    world.say(`load past the new end: ${sig === null ? 'data' : sig.si_code}`)
  })
  h0.app(
    'truncate',
    function* (sys) {
      world.say(`truncate: ${resultText(yield* sys.truncate('/mnt/x', PAGE))}`)
    },
    { at: ms(1) },
  )
  world.sometimes(
    'R13: a page past the end is mapped',
    () => inode.i_size.peek() === PAGE && inode.i_mapping.i_pages.values().some(e => e.index >= 1),
  )
})
