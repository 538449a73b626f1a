// What links and devices cost in virtual time: who shares one shares its bandwidth, and four devices read four times as fast.
import { describe, expect, it } from 'vitest'
import {
  DEVICE,
  fabric_clwb,
  fabric_read,
  fabric_sfence,
  fabric_write,
  HIT,
  LINK,
  LOCAL,
  local_access,
} from '../../src/fabric/index.ts'
import { Machine, MiB, type Policy } from '../../src/sim/index.ts'
import { FabricRig, type RigOptions } from './rig.ts'

const CHUNK = MiB(2)
const EACH = 8

/** Bytes a ns of `readers` on each host that read their chunks of a file striped over all devices, or all of one. */
function bandwidth(o: RigOptions, readers: number): number {
  const m = new Machine()
  const devices = o.devices ?? 1
  const rig = new FabricRig(m, { caches: false, size: MiB(32), ...o })
  const buf = new Uint8Array(CHUNK)
  for (const [h] of rig.hosts.entries())
    for (let r = 0; r < readers; r++)
      rig.spawn(h, `h${h}r${r}`, function* () {
        for (let i = 0; i < EACH; i++) {
          const chunk = i * readers + r
          const d = rig.devices[chunk % devices]!
          yield* fabric_read(d, (Math.floor(chunk / devices) * CHUNK) % d.size, buf, 'load')
        }
      })
  m.run()
  const ns = Math.max(...m.tasks.map(t => t.now))
  return (rig.hosts.length * readers * EACH * CHUNK) / ns
}
const near = (x: number, y: number): void => expect(Math.abs(x / y - 1)).toBeLessThan(0.02)

describe('bandwidth', () => {
  it('of one reader is that of its link', () => near(bandwidth({ hosts: 1 }, 1), LINK.bytesPerNs))
  it('is shared by the readers of a host', () => near(bandwidth({ hosts: 1 }, 4), LINK.bytesPerNs))
  it('of a device is shared by the hosts', () => near(bandwidth({ hosts: 2 }, 1), DEVICE.bytesPerNs))
  it.each([1, 2])('of four striped devices is four times that of one, for %i hosts of four readers', hosts => {
    const one = bandwidth({ hosts }, 4)
    near(bandwidth({ hosts, devices: 4 }, 4), 4 * one)
  })
  it('with caches on, too: what is read once was in no cache', () => {
    const o = { hosts: 1, caches: true, size: MiB(16) }
    const ratio = bandwidth({ ...o, devices: 4 }, 4) / bandwidth({ ...o, size: MiB(64) }, 4)
    expect(ratio).toBeGreaterThan(3.5)
  })
  it('one reader alone gains nothing by more devices: it waits for each piece', () => {
    near(bandwidth({ hosts: 1, devices: 4 }, 1), bandwidth({ hosts: 1 }, 1))
  })
})

/** What `body` takes one task of host 0, ns. */
function takes(o: RigOptions, body: (rig: FabricRig) => Generator<any, void, any>, policy: Policy = 'timed'): number {
  const rig = new FabricRig(new Machine({ policy }), o)
  const t = rig.spawn(0, 'a', () => body(rig))
  rig.m.run()
  return t.now
}

describe('an access', () => {
  const latency = LINK.latency + DEVICE.latency
  const line = new Uint8Array(64)
  it('that misses costs the way, one that hits does not', () => {
    const miss = takes({}, function* (r) {
      yield* fabric_read(r.devices[0]!, 0, line, 'load')
    })
    expect(miss).toBe(latency + 2)
    const both = takes({}, function* (r) {
      yield* fabric_read(r.devices[0]!, 0, line, 'load')
      yield* fabric_read(r.devices[0]!, 0, line, 'load')
    })
    expect(both - miss).toBe(HIT.latency)
  })
  it('of the own memory costs what local memory does', () => {
    const own = takes({}, function* () {
      yield* local_access(307)
    })
    expect(own).toBe(LOCAL.latency + 1)
  })
  it('a fence waits for what it wrote back, and for nothing else', () => {
    const body = (flush: boolean) =>
      takes({}, function* (r) {
        yield* fabric_write(r.devices[0]!, 0, new Uint8Array(MiB(1)), 'store')
        if (flush) yield* fabric_clwb(r.devices[0]!, 0, MiB(1), 'store')
        yield* fabric_sfence()
      })
    const plain = body(false)
    const issue = (2 * MiB(1)) / 64
    near(body(true) - plain, issue + latency + MiB(1) / LINK.bytesPerNs)
  })
  it('under free nobody waits for anybody: an access costs the same in every order', () => {
    const m = new Machine({ policy: 'free' })
    const rig = new FabricRig(m, { caches: false, size: MiB(32), hosts: 2 })
    for (const h of [0, 1])
      rig.spawn(h, `t${h}`, function* () {
        yield* fabric_read(rig.devices[0]!, 0, new Uint8Array(CHUNK), 'load')
      })
    m.run()
    expect(m.tasks.map(t => t.now)).toEqual([0, 1].map(() => latency + Math.trunc(CHUNK / LINK.bytesPerNs)))
  })
  it('busy links are forgotten when the world is rewound', () => {
    const m = new Machine()
    const rig = new FabricRig(m, { caches: false, hosts: 1 })
    const mark = m.journal.mark()
    const once = (): number => {
      m.dropTasks()
      m.journal.rewind(mark)
      const t = rig.spawn(0, 'a', function* () {
        yield* fabric_read(rig.devices[0]!, 0, new Uint8Array(CHUNK), 'load')
      })
      m.run()
      return t.now
    }
    const first = once()
    expect([once(), once()]).toEqual([first, first])
  })
})
