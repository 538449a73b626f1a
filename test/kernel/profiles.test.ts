// What each kernel sends, in which order and under which numbers: map at LOOKUP or at OPEN, devices asked for or pushed; and
// that the shipped user space works on all of them.
import { describe, expect, it } from 'vitest'
import { Rig, simpleMap } from '../../src/conform/index.ts'
import { RandomChooser } from '../../src/explore/index.ts'
import { ROOT_CRED } from '../../src/kernel/index.ts'
import { kernelProfile } from '../../src/profile/index.ts'
import { MiB } from '../../src/sim/index.ts'
import { runScenario } from '../../src/world/index.ts'

const TWO = MiB(2)
const KERNELS = ['rfc', 'v2', 'v3', 'v10', 'new']

describe.each(KERNELS)('%s', kernel => {
  const rig = (): Rig => {
    const r = new Rig({ kernel, kasan: true })
    const s = r.server()
    s.files.set('f', { nodeid: 100, size: TWO, fmap: simpleMap([[0, 0, TWO]]) })
    r.mount(s)
    return r
  }
  const use = (r: Rig): unknown =>
    r.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f')
      const n = yield* sys.pread(fd, new Uint8Array(16), 0)
      yield* sys.close(fd)
      return [fd >= 0, n]
    })

  it('opens, reads and closes, and gives everything back', () => {
    const r = rig()
    expect(use(r)).toEqual([true, 16])
    const { profile } = r.k
    expect(r.k.supers.items[0]!.fuse!.famfs_iomap.peek()).toBe(1)
    r.run(function* (sys) {
      return yield* sys.umount('/mnt')
    })
    expect(r.k.at_rest()).toBe(true)
    r.k.report_leaks()
    // With B13 the reference of looking the device up stays.
    expect(r.problems()).toEqual(profile.has('B13') ? ['leak: 1 x reference to dax0.0 never dropped on h0'] : [])
  })
  it('sends what its table says', () => {
    const r = new Rig({ kernel })
    const s = r.server()
    s.files.set('f', { nodeid: 100, size: TWO, fmap: simpleMap([[0, 0, TWO]]) })
    r.mount(s)
    use(r)
    const { t } = r.k.profile
    const numbers = s.requests.map(q => [q.op.name, q.op.number])
    expect(numbers).toContainEqual(['GET_FMAP', t.opcodes.GET_FMAP])
    expect(s.log.slice(2)).toEqual(
      {
        rfc: ['LOOKUP:1', 'GET_FMAP:100', 'GET_DAXDEV:0', 'OPEN:100', 'FLUSH:100', 'RELEASE:100'],
        new: ['LOOKUP:1', 'OPEN:100', 'GET_FMAP:100', 'FLUSH:100', 'RELEASE:100'],
      }[kernel] ?? ['LOOKUP:1', 'OPEN:100', 'GET_FMAP:100', 'GET_DAXDEV:0', 'FLUSH:100', 'RELEASE:100'],
    )
  })
  it('runs first light with the shipped user space', async () => {
    const s = (await import('../../scenarios/basics/first-light.ts')).default
    const r = runScenario(s, new RandomChooser(1), { seed: 1, kernel, trace: false })
    expect(r.problems).toEqual([])
    expect(r.verdict).toBe('held')
    expect(r.messages.GET_FMAP).toBe(14)
  })
})

describe('the INIT flag', () => {
  it.each(KERNELS)('%s offers one bit more to who may', kernel => {
    const { t } = kernelProfile(kernel)
    const offered = (uid: number): number => {
      const r = new Rig({ kernel })
      const s = r.server()
      r.mount(s, '/mnt', { cred: uid === 0 ? ROOT_CRED : { uid, gid: 0, caps: ['CAP_SYS_ADMIN'] } })
      return s.requests[0]!.arg.flags2
    }
    const bit = 1 << (t.dax_fmap_bit - 32)
    expect(offered(0)).toBe(t.init_flags.flags2 | bit)
    // Before V3 nobody asked who mounts (B24).
    expect(offered(1)).toBe(kernelProfile(kernel).has('B24') ? t.init_flags.flags2 | bit : t.init_flags.flags2)
  })
})
