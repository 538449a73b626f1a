// One host writes a file, flushes, and tells another, which reads it. Their CPU caches are not kept equal: whoever has looked at
// a line before goes on seeing the old one. So the reader is right or wrong depending on when it looked first, and to be right
// it must invalidate. The other half is the writer's: what it does not flush nobody else sees. Explored with
// `--coherence back-invalidate` the device sees to both, and no execution is wrong whatever the programs leave out.
import {
  flush_processor_cache,
  GiB,
  invalidate_processor_cache,
  KiB,
  MAP_SHARED,
  MiB,
  ms,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  type Scenario,
  type Step,
  type Sys,
  scenario,
} from '../../src/world/index.ts'

const FILE = '/mnt/famfs/x'

/** What the two programs do for it. */
export interface Care {
  /** The writer flushes before it tells. */
  readonly flush: boolean
  /** The reader invalidates before it reads what it was told of. */
  readonly invalidate: boolean
}

/** Map the file, and have the translation there: not by the line that it is about. */
function* mapped(sys: Sys): Step<number> {
  const fd = yield* sys.open(FILE, O_RDWR)
  const at = yield* sys.mmap(0, MiB(2), PROT_READ | PROT_WRITE, MAP_SHARED, fd)
  yield* sys.store(at + KiB(64), Uint8Array.of(1))
  return at
}

export const staleRead = (title: string, care: Care): Scenario =>
  scenario(title, ({ world }) => {
    const dev = world.daxdev('dax0.0', { size: GiB(4) })
    const [h0, h1] = [world.host('h0'), world.host('h1')]
    h0.famfs('/mnt/famfs', { mkfs: dev, workers: 1 }).creat('/x', MiB(2))
    h1.famfs('/mnt/famfs', { mount: dev, workers: 1 })
    const [ready, written, read] = ['the writer is ready', 'it has written', 'it was read'].map(g => world.gate(g))

    h0.app('writer', function* (sys) {
      const at = yield* mapped(sys)
      yield* ready!.open()
      yield* sys.store(at, Uint8Array.of(1))
      if (care.flush) yield* flush_processor_cache(sys, at, 1)
      yield* written!.open()
      yield* read!.wait()
    })
    h1.app('reader', function* (sys) {
      const buf = new Uint8Array(1)
      yield* ready!.wait()
      const at = yield* mapped(sys)
      // It has other things to do, so as a rule the writer is done before it looks.
      yield* sys.sleep(ms(1))
      yield* sys.load(at, buf)
      yield* written!.wait()
      if (care.invalidate) yield* invalidate_processor_cache(sys, at, 1)
      yield* sys.load(at, buf)
      world.expect('what h1 reads of what h0 wrote', buf[0], 1)
      yield* read!.open()
    })
  })

export default staleRead('a reader that looked too early keeps the old line', { flush: true, invalidate: false })
