// famfs devadd: a second and a third device of a file system, and files that lie on all of them.
import { describe, expect, it } from 'vitest'
import { decodeEntry, decodeSuperblock, isSecondary, SB_SIZE } from '../../../src/media/index.ts'
import { GiB } from '../../../src/sim/index.ts'
import { World } from '../../../src/world/index.ts'
import { entriesOf, logged, mkfs, mount } from './mounted.ts'

function world(server: string) {
  const w = new World({ seed: 1, trace: false, server, kernel: 'new' })
  for (let n = 0; n < 3; n++) w.daxdev(`dax${n}.0`, { size: GiB(4) })
  const h = w.host('h0')
  mkfs(h)
  mount(h)
  return { w, h }
}

describe('devadd', () => {
  const { w, h } = world('fixed')
  const add = (n: number) => h.cli(`famfs devadd /mnt/famfs /dev/dax${n}.0`)
  it('adds devices one after the other', () => {
    for (const n of [1, 2]) expect(add(n)).toMatchObject({ rc: 0, err: [] })
    expect(entriesOf(w).map(b => decodeEntry(b))).toMatchObject([
      { type: 'add_daxdev', index: 1, size: GiB(4) },
      { type: 'add_daxdev', index: 2, size: GiB(4) },
    ])
    for (const [i, e] of entriesOf(w).entries()) {
      const bytes = new Uint8Array(SB_SIZE)
      w.memory(`dax${i + 1}.0`)!.memory.read(0, bytes)
      const check = decodeSuperblock(bytes)
      const entry = decodeEntry(e)
      expect(check.ok && isSecondary(check.sb)).toBe(true)
      expect(check.sb!.devUuid).toBe(entry.type === 'add_daxdev' ? entry.uuid : '')
    }
  })
  it('refuses a device that has a superblock, the first of all, and what is none', () => {
    expect(add(1)).toMatchObject({ rc: 1, err: [expect.stringContaining('already has a famfs superblock')] })
    expect(add(0)).toMatchObject({ rc: 1, err: [expect.stringContaining('mounted on /mnt/famfs')] })
    expect(h.cli('famfs devadd /mnt/famfs /dev/nope').rc).toBe(1)
    expect(h.cli('famfs devadd /mnt/famfs').rc).toBe(1)
    expect(entriesOf(w).length).toBe(2)
  })
  it('lays one strip of a file on each, and a plain file where there is room', () => {
    expect(h.cli('famfs creat -N 3 -s 12M /mnt/famfs/striped')).toMatchObject({ rc: 0 })
    for (const name of ['a', 'b']) expect(h.cli(`famfs creat -s 3G /mnt/famfs/${name}`)).toMatchObject({ rc: 0 })
    expect(h.cli('famfs creat -N 4 -s 8M /mnt/famfs/four').rc).toBe(1)
    const [striped, a, b] = logged(w).slice(2)
    expect(striped!.fmap).toMatchObject({ kind: 'interleaved', strips: [{ dev: 0 }, { dev: 1 }, { dev: 2 }] })
    expect([a!.fmap, b!.fmap]).toMatchObject([{ extents: [{ dev: 0 }] }, { extents: [{ dev: 1 }] }])
    w.close()
  })
  it('is nothing for the real release', () => {
    const { w: real, h: h0 } = world('famfs-48')
    expect(h0.cli('famfs devadd /mnt/famfs /dev/dax1.0').rc).toBe(1)
    expect(entriesOf(real)).toEqual([])
    real.close()
  })
})
