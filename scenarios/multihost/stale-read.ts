// Two programs share a device, each on a host of its own. One writes, flushes and tells the other, which reads. The CPU caches
// of the hosts are not kept equal: whoever has looked at a line before goes on seeing the old one. So the reader is right or
// wrong depending on when it looked first, and to be right it must invalidate. The other half is the writer's: what it does not
// flush nobody else sees. Explored with `--coherence back-invalidate` the device sees to both, and no execution is wrong.
import { MiB, ms, type Scenario, scenario } from '../../src/world/index.ts'

const DEV = '/dev/dax0.0'

/** What the two programs do for it. */
export interface Care {
  /** The writer flushes before it tells. */
  readonly flush: boolean
  /** The reader invalidates before it reads what it was told of. */
  readonly invalidate: boolean
}

export const staleRead = (title: string, care: Care): Scenario =>
  scenario(title, ({ world }) => {
    world.daxdev('dax0.0', { size: MiB(2), mode: 'devdax' })
    const written = world.gate('written')

    world.host('h0').app('writer', function* (sys) {
      yield* sys.tool_write(DEV, 0, Uint8Array.of(1))
      if (care.flush) {
        yield* sys.tool_clwb(DEV, 0, 1)
        yield* sys.sfence()
      }
      yield* written.open()
    })
    world.host('h1').app('reader', function* (sys) {
      const buf = new Uint8Array(1)
      // It has other things to do, so as a rule the writer is done before it looks.
      yield* sys.sleep(ms(1))
      yield* sys.tool_read(DEV, 0, buf)
      yield* written.wait()
      if (care.invalidate) {
        yield* sys.tool_clflushopt(DEV, 0, 1)
        yield* sys.sfence()
      }
      yield* sys.tool_read(DEV, 0, buf)
      world.expect('what h1 reads of what h0 wrote', buf[0], 1)
    })
  })

export default staleRead('a reader that looked too early keeps the old line', { flush: true, invalidate: false })
