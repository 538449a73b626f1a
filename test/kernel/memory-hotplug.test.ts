// Memory blocks of a device that becomes system RAM: their states, pins, what going online does to the bytes, and what a
// failing allocation leaves.
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Rig } from '../../src/conform/index.ts'
import { MEMORY_BLOCK_SIZE, Memory, openFile } from '../../src/devdax/index.ts'
import { ram_clear } from '../../src/fabric/index.ts'
import type { Sys } from '../../src/kernel/index.ts'
import { offline_pages, online_pages } from '../../src/kernel/mm/memory_hotplug.ts'
import { MiB, type Op, type Step } from '../../src/sim/index.ts'
import { EBUSY, EINVAL, ENOMEM, ENXIO } from '../../src/wire/index.ts'

const rigOf = (size: number) => {
  const rig = new Rig({ devices: [{ size, driver: null }] })
  const { hotplug: h } = rig.k
  const dev = rig.k.bus.devices()[0]!
  const blocks = () => h.of(dev).map(([, b]) => b.state)
  const numbers = () => h.of(dev).map(([n]) => n)
  const op = (body: () => Op<number>): number =>
    rig.run(function* (): Step<number> {
      return yield* body()
    })
  return { rig, h, dev, blocks, numbers, op }
}

describe('memory blocks', () => {
  it('appear offline, only whole ones, and go when none is online', () => {
    const { rig, blocks, numbers, op, h } = rigOf(MiB(510))
    expect(rig.bind(0, 'kmem')).toBe(0)
    expect(blocks()).toEqual(['offline', 'offline', 'offline'])
    const [first] = numbers()
    expect(first! * MEMORY_BLOCK_SIZE).toBe(rig.mems[0]!.ranges[0]!.start)
    expect(op(() => online_pages(h, first!, 'Movable'))).toBe(0)
    expect(op(() => online_pages(h, first!, 'Movable'))).toBe(-EINVAL)
    expect(op(() => offline_pages(h, first! + 1))).toBe(-EINVAL)
    expect(op(() => offline_pages(h, first!))).toBe(0)
    expect(rig.unbind(0)).toBe(0)
    expect(blocks()).toEqual([])
    expect(rig.leaks()).toEqual([])
    expect(rig.bind(0, 'device_dax')).toBe(0)
  })
  it('a device with no whole block is refused', () => {
    expect(rigOf(MiB(126)).rig.bind(0, 'kmem')).toBe(-EINVAL)
  })
  it('unbinding with a block online leaves it, and the device to nobody until the host is started again', () => {
    const { rig, blocks, numbers, op, h } = rigOf(MiB(256))
    rig.bind(0, 'kmem')
    op(() => online_pages(h, numbers()[1]!, 'Normal'))
    expect(rig.unbind(0)).toBe(0)
    expect(blocks()).toEqual(['offline', 'online'])
    expect(rig.bind(0, 'device_dax')).toBe(-EBUSY)
    expect(rig.bind(0, 'kmem')).toBe(-EBUSY)
    expect(op(() => offline_pages(h, numbers()[1]!))).toBe(0)
  })
  it('a pinned page keeps its block online', () => {
    const { rig, numbers, op, h } = rigOf(MiB(256))
    const pin = (f: (sys: Sys) => Op<number>) => rig.run(sys => f(sys) as unknown as Step<number>)
    expect(pin(sys => sys.pin_system_ram('/dev/dax0.0'))).toBe(-ENXIO)
    rig.bind(0, 'kmem')
    expect(pin(sys => sys.pin_system_ram('/dev/dax0.0'))).toBe(-ENXIO)
    op(() => online_pages(h, numbers()[0]!, 'Movable'))
    expect(pin(sys => sys.pin_system_ram('/dev/dax0.0'))).toBe(0)
    expect(op(() => offline_pages(h, numbers()[0]!))).toBe(-EBUSY)
    expect(pin(sys => sys.unpin_system_ram('/dev/dax0.0'))).toBe(0)
    expect(pin(sys => sys.unpin_system_ram('/dev/dax0.0'))).toBe(-ENXIO)
    expect(op(() => offline_pages(h, numbers()[0]!))).toBe(0)
  })
  it('no memory for the struct pages of the second block: none is there', () => {
    const { rig, blocks } = rigOf(MiB(384))
    rig.k.heap.refusal('memmap', () => {})(2)
    expect(rig.bind(0, 'kmem')).toBe(-ENOMEM)
    expect(blocks()).toEqual([])
    expect(rig.leaks()).toEqual([])
    expect(rig.bind(0, 'kmem')).toBe(0)
    expect(blocks().length).toBe(3)
  })
})

describe('going online', () => {
  it('clears the block and no other byte, on a sparse device only what was written; a rewind brings it back', () => {
    const { rig, numbers, op, h } = rigOf(MiB(384))
    const { memory } = rig.mems[0]!
    const at = [0, MiB(2) - 1, MiB(100), MiB(128), MiB(300)]
    for (const off of at) memory.write(off, Uint8Array.of(7))
    const bytes = () =>
      at.map(off => {
        const b = new Uint8Array(1)
        memory.read(off, b)
        return b[0]
      })
    const resident = memory.backing.residentBytes!()
    const mark = memory.mark()
    rig.bind(0, 'kmem')
    op(() => online_pages(h, numbers()[0]!, 'Movable'))
    expect(bytes()).toEqual([0, 0, 0, 7, 7])
    expect(memory.backing.residentBytes!()).toBe(resident)
    memory.rewind(mark)
    expect(bytes()).toEqual([7, 7, 7, 7, 7])
  })
  it('knows what a backing came with: bytes of a file that nobody here wrote', () => {
    const dir = mkdtempSync(join(tmpdir(), 'famsim-ram-'))
    const path = join(dir, 'bytes')
    writeFileSync(path, Uint8Array.of(0, 0, 9))
    truncateSync(path, MiB(8))
    try {
      const memory = new Memory(openFile(MiB(8), { path }))
      expect(memory.used(0, MiB(8))).toEqual([[0, MiB(2)]])
      memory.write(MiB(5), Uint8Array.of(1))
      // The first chunk has its byte before MiB(1); of the chunk that was written nobody looks.
      expect(memory.used(MiB(1), MiB(4))).toEqual([[MiB(4), MiB(1)]])
      memory.close()
    } finally {
      rmSync(dir, { recursive: true })
    }
  })
  it('by auto_online_blocks, as soon as the memory is there', () => {
    const { rig, h, dev } = rigOf(MiB(256))
    rig.run(function* (sys) {
      yield* sys.sysfs_write('/sys/devices/system/memory/auto_online_blocks', 'online_movable')
    })
    rig.bind(0, 'kmem')
    expect(h.of(dev).map(([, b]) => b.zone)).toEqual(['Movable', 'Movable'])
  })
  it('canary: clearing a device that is not system RAM is reported', () => {
    const { rig, dev, op } = rigOf(MiB(128))
    rig.bind(0, 'device_dax')
    op(() => ram_clear(dev, 0, 4096) as unknown as Op<number>)
    expect(rig.problems()).toEqual(['cause: task h0/app clears dax0.0 as system RAM, which it is not on this host'])
  })
})
