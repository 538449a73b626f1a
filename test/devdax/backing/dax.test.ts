// Real devices, on a made-up machine: what is read of them, what is refused and in which words, what is never touched. The real
// thing is test/vm.
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { MACHINE } from '../../../src/devdax/backing/dax-device.ts'
import {
  type Backing,
  BackingError,
  badRanges,
  type DaxOptions,
  daxNodes,
  daxUsers,
  openDax,
  openDaxToRead,
  readDaxDevice,
  surveyDax,
} from '../../../src/devdax/backing/index.ts'
import { Memory } from '../../../src/devdax/memory.ts'
import { encodeSuperblock, NIL_UUID, SB_MAGIC, SB_VERSION } from '../../../src/media/index.ts'
import { nativeAvailable } from '../../../src/native/index.ts'
import { type FakeDevice, FakeMachine, REGION_START } from './fake-dax.ts'

const MiB = 2 ** 20
const GiB = 2 ** 30
const native = nativeAvailable().ok

let machine: FakeMachine | null = null
const make = (devices: Readonly<Record<string, FakeDevice>>): FakeMachine => {
  machine = new FakeMachine(devices)
  return machine
}
afterEach(() => {
  machine?.remove()
  machine = null
})

const fds = (): number => readdirSync('/proc/self/fd').length
const maps = (): string => readFileSync('/proc/self/maps', 'utf8')

/** The message of the BackingError that `run` must throw: one line, and nothing stays open or mapped. */
const refusal = (run: () => unknown): string => {
  const before = fds()
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(BackingError)
    expect(fds()).toBe(before)
    expect(maps()).not.toContain('famsim-dax-')
    const { message } = error as Error
    expect(message).not.toContain('\n')
    return message
  }
  throw new Error('expected a BackingError')
}

const superblock = (): Uint8Array =>
  encodeSuperblock({
    magic: SB_MAGIC,
    version: SB_VERSION,
    logOffset: 0x200000,
    logLen: 0x800000,
    allocUnit: 0x200000,
    omfMajor: 2,
    omfMinor: 2,
    fsUuid: '12345678-1234-1234-1234-123456789abc',
    devUuid: NIL_UUID,
    systemUuid: NIL_UUID,
    sbFlags: 0,
    daxdevSize: GiB,
    daxdevUuid: NIL_UUID,
    daxdevName: '/dev/dax0.0',
  })

describe('what sysfs says', () => {
  it('size, align, driver and node, found by the number of the node', () => {
    const m = make({ 'dax0.0': { size: 6 * MiB }, 'dax1.0': { size: GiB, align: 4096, driver: 'kmem' } })
    expect(readDaxDevice(m.node('dax0.0'), m.places)).toMatchObject({
      name: 'dax0.0',
      number: '252:0',
      size: 6 * MiB,
      align: 2 * MiB,
      driver: 'device_dax',
      node: 1,
    })
    expect(readDaxDevice(m.node('dax1.0'), m.places)).toMatchObject({ align: 4096, driver: 'kmem', size: GiB })
  })

  it('lists all devices by number, and none where there is no bus', () => {
    const m = make({ 'dax10.0': { size: MiB }, 'dax2.1': { size: MiB }, 'dax2.0': { size: MiB } })
    expect(daxNodes(m.places)).toEqual(['dax2.0', 'dax2.1', 'dax10.0'].map(n => m.node(n)))
    rmSync(join(m.root, 'sys/bus/dax'), { recursive: true })
    expect(daxNodes(m.places)).toEqual([])
  })

  it('reads device numbers as the kernel packs them', () => {
    expect(MACHINE.number('/dev/null')).toBe('1:3')
    expect(MACHINE.number('/dev/zero')).toBe('1:5')
    expect(MACHINE.number('/etc/passwd')).toBe(null)
  })

  it('finds who maps or opens the node, and only that node', () => {
    const m = make({ 'dax0.0': { size: MiB }, 'dax1.0': { size: MiB } })
    m.process(11, 'qemu', 'maps', 'dax0.0')
    m.process(12, 'fio', 'opens', 'dax0.0')
    m.process(13, 'other', 'opens', 'dax1.0')
    mkdirSync(join(m.root, 'proc/self'))
    const found = daxUsers(readDaxDevice(m.node('dax0.0'), m.places), m.places)
    expect(found.unseen).toBe(0)
    expect(found.users.sort((a, b) => a.pid - b.pid)).toEqual([
      { pid: 11, comm: 'qemu', how: 'maps it' },
      { pid: 12, comm: 'fio', how: 'has it open' },
    ])
  })
})

describe.skipIf(!native)('surveyDax', () => {
  it('a line for each: what it is, who uses it, what it holds; nothing is written or stays open', () => {
    const m = make({
      'dax0.0': { size: 8 * MiB },
      'dax1.0': { size: 8 * MiB, align: 4096 },
      'dax2.0': { size: 8 * MiB, badblocks: `${(2 ** 32 + 2 * MiB - REGION_START) / 512} 9\n` },
      'dax3.0': { size: 8 * MiB, driver: 'kmem' },
    })
    m.process(7, 'fio', 'opens', 'dax1.0')
    const held = Buffer.alloc(8 * MiB)
    held.set(superblock())
    writeFileSync(m.node('dax2.0'), held)
    const before = fds()
    const survey = surveyDax(m.places)
    expect(survey.map(d => [d.path, d.usable])).toEqual([
      [m.node('dax0.0'), true],
      [m.node('dax1.0'), false],
      [m.node('dax2.0'), true],
      [m.node('dax3.0'), false],
    ])
    expect(survey.map(d => d.why)).toEqual([
      '8 MiB, align 2 MiB, mode devdax, node 1, idle',
      '8 MiB, align 4 KiB, mode devdax, node 1, in use: process 7 (fio) has it open',
      '8 MiB, align 2 MiB, mode devdax, node 1, 2 pages bad, idle, holds a famfs (12345678-1234-1234-1234-123456789abc)',
      expect.stringContaining('in mode system-ram (driver kmem), expected mode devdax'),
    ])
    expect(fds()).toBe(before)
    expect(maps()).not.toContain('famsim-dax-')
    expect(readFileSync(m.node('dax2.0')).equals(held)).toBe(true)
  })

  it('nothing where there is none', () => {
    expect(surveyDax(make({}).places)).toEqual([])
  })
})

describe('bad blocks', () => {
  const at = (address: number): number => (address - REGION_START) / 512
  const base = 2 ** 32
  it.each<[string, FakeDevice, [number, number][]]>([
    ['none', { size: GiB }, []],
    ['a region that keeps no list', { size: GiB, badblocks: null }, []],
    [
      'inside, and from the start of the region',
      { size: GiB, badblocks: `${at(base)} 8\n${at(base + 4 * MiB)} 1\n` },
      [
        [0, 4096],
        [4 * MiB, 512],
      ],
    ],
    ['before the device', { size: GiB, badblocks: `0 ${at(base)}\n` }, []],
    ['reaching into it', { size: GiB, badblocks: `${at(base) - 8} 16\n` }, [[0, 4096]]],
    ['reaching out of it', { size: MiB, badblocks: `${at(base + MiB - 512)} 100\n` }, [[MiB - 512, 512]]],
    [
      'in the second of two ranges',
      {
        size: 4 * MiB,
        ranges: [
          [base + 32 * MiB, base + 34 * MiB - 1],
          [base, base + 2 * MiB - 1],
        ],
        badblocks: `${at(base + 4096)} 8\n${at(base + 32 * MiB)} 8\n`,
      },
      [
        [0, 4096],
        [2 * MiB + 4096, 4096],
      ],
    ],
  ])('%s', (_name, device, want) => {
    const m = make({ 'dax0.0': device })
    const got = badRanges(readDaxDevice(m.node('dax0.0'), m.places), m.places)
    expect(got.map(r => [r.offset, r.length])).toEqual(want)
  })

  it('that cannot be placed are a refusal, not a guess', () => {
    const m = make({ 'dax0.0': { size: 4 * MiB, badblocks: '1 1\n' } })
    writeFileSync(join(m.root, 'sys/devices/platform/ndbus0/region-dax0.0/resource'), '')
    expect(refusal(() => badRanges(readDaxDevice(m.node('dax0.0'), m.places), m.places))).toContain('run as root')
  })
})

describe.skipIf(!native)('openDax', () => {
  const open = (m: FakeMachine, size: number, o: DaxOptions = {}): Backing =>
    openDax(size, m.node('dax0.0'), { allowRealDevice: true, places: m.places, ...o })

  it('lends the first bytes and keeps them', () => {
    const m = make({ 'dax0.0': { size: 8 * MiB } })
    const backing = open(m, 4 * MiB)
    expect(backing).toMatchObject({ kind: 'dax', size: 4 * MiB, badPages: [] })
    expect(backing.window(0).length).toBe(4 * MiB)
    backing.window(0)[4 * MiB - 1] = 7
    backing.close()
    expect(statSync(m.node('dax0.0')).size).toBe(8 * MiB)
    expect(readFileSync(m.node('dax0.0'))[4 * MiB - 1]).toBe(7)
  })

  it.each([
    [4096, 4 * MiB],
    [2 * MiB, 4 * MiB],
    [GiB, 6 * MiB],
  ])('maps with align %i', (align, size) => {
    const m = make({ 'dax0.0': { size: 2 * GiB, align } })
    const backing = open(m, size)
    expect(backing.window(0).length).toBe(size)
    backing.window(0)[size - 1] = 1
    for (const [, from, to] of maps().matchAll(/^(\w+)-(\w+) rw-s .*famsim-dax-/gm))
      for (const at of [from!, to!]) expect(Number.parseInt(at, 16) % Math.max(align, 2 * MiB)).toBe(0)
    backing.close()
    expect(maps()).not.toContain('famsim-dax-')
  })

  const bad: [string, Partial<FakeDevice>, DaxOptions & { size?: number }, RegExp][] = [
    ['no leave to write', {}, { allowRealDevice: false }, /add --allow-real-device$/],
    ['system-ram', { driver: 'kmem' }, {}, /in mode system-ram \(driver kmem\), .* reconfigure-device -m/],
    ['famfs', { driver: 'fsdev_dax' }, {}, /in mode famfs \(driver fsdev_dax\), expected mode devdax/],
    ['no driver', { driver: null }, {}, /bound to no driver, .*; daxctl enable-device dax0\.0$/],
    ['too small', {}, { size: 16 * MiB }, /8 MiB, smaller than the 16 MiB the scenario asks/],
    ['an alignment there is not', { align: 65536 }, {}, /align 65536, expected 4 KiB, 2 MiB, 1 GiB/],
  ]
  it.each(bad)('refuses: %s', (_name, device, options, want) => {
    const m = make({ 'dax0.0': { ...device, size: 8 * MiB } })
    writeFileSync(m.node('dax0.0'), Buffer.alloc(8 * MiB, 5))
    const before = readFileSync(m.node('dax0.0'))
    const { size = 4 * MiB, ...rest } = options
    const message = refusal(() => open(m, size, { overwrite: true, ...rest }))
    expect(message).toMatch(want)
    expect(message).toMatch(/^dax backing \S+dax0\.0: /)
    expect(readFileSync(m.node('dax0.0')).equals(before)).toBe(true)
  })

  it.each([
    ['no device at all', (m: FakeMachine) => m.node('nothing'), /ENOENT/],
    [
      'a plain file',
      (m: FakeMachine) => join(m.root, 'sys/devices/platform/ndbus0/region-dax0.0/resource'),
      /not a char/,
    ],
    ['a number nobody knows', (m: FakeMachine) => m.stranger('odd', '9:9'), /device 9:9 is no devdax device/],
    [
      'a device of another kind',
      (m: FakeMachine) => m.stranger('null', '1:3', 'mem'),
      /device 1:3 is no devdax device/,
    ],
  ] as const)('refuses: %s', (_name, path, want) => {
    const m = make({ 'dax0.0': { size: 8 * MiB } })
    const message = refusal(() => openDax(4 * MiB, path(m), { allowRealDevice: true, places: m.places }))
    expect(message).toMatch(want)
    expect(message).toContain('famsim doctor')
  })

  it('refuses /dev/null of this machine', () => {
    expect(refusal(() => openDax(4 * MiB, '/dev/null', { allowRealDevice: true }))).toMatch(/device 1:3 is no devdax/)
  })

  it('refuses one in use, and takes it by force', () => {
    const m = make({ 'dax0.0': { size: 8 * MiB } })
    m.process(4711, 'qemu', 'maps', 'dax0.0')
    expect(refusal(() => open(m, 4 * MiB))).toContain('in use: process 4711 (qemu) maps it; end that first')
    open(m, 4 * MiB, { force: true }).close()
  })

  it('refuses a second run on it, whatever is forced', () => {
    const m = make({ 'dax0.0': { size: 8 * MiB } })
    const first = open(m, 4 * MiB)
    const before = fds()
    expect(() => open(m, 4 * MiB, { force: true, overwrite: true })).toThrow(/another famsim runs on it/)
    expect(fds()).toBe(before)
    first.close()
    open(m, 4 * MiB).close()
  })

  it.each([
    ['a famfs', (b: Buffer) => b.set(superblock()), /holds a famfs \(12345678-1234-1234-1234-123456789abc\); add --ov/],
    ['data', (b: Buffer) => b.writeUInt8(1, 3 * MiB + 17), new RegExp(`holds data \\(at ${3 * MiB + 17}\\); add --ov`)],
  ])('refuses one that holds %s without --overwrite, and zeros what it lends with it', (_name, spoil, want) => {
    const m = make({ 'dax0.0': { size: 8 * MiB } })
    const bytes = Buffer.alloc(8 * MiB)
    spoil(bytes)
    bytes[6 * MiB] = 9
    writeFileSync(m.node('dax0.0'), bytes)
    expect(refusal(() => open(m, 4 * MiB))).toMatch(want)
    expect(readFileSync(m.node('dax0.0')).equals(bytes)).toBe(true)
    const backing = open(m, 4 * MiB, { overwrite: true })
    expect(backing.window(0).every(byte => byte === 0)).toBe(true)
    backing.close()
    expect(readFileSync(m.node('dax0.0'))[6 * MiB]).toBe(9)
  })

  it('never touches the pieces its bad blocks lie in, and names their pages', () => {
    const block = (address: number): string => `${(address - REGION_START) / 512} 1\n`
    const m = make({
      'dax0.0': { size: 16 * MiB, badblocks: block(2 ** 32 + 5 * MiB + 4096) + block(2 ** 32 + 9 * MiB) },
    })
    const bytes = Buffer.alloc(16 * MiB)
    for (const at of [4 * MiB, 5 * MiB + 4097, 9 * MiB]) bytes[at] = 0xee
    writeFileSync(m.node('dax0.0'), bytes)
    const backing = open(m, 12 * MiB)
    expect(backing.badPages).toEqual([(5 * MiB + 4096) / 4096, (9 * MiB) / 4096])
    expect(backing.why).toContain('2 of its pages bad')
    const memory = new Memory(backing)
    const mark = memory.mark()
    for (const at of [0, 2 * MiB, 4 * MiB, 6 * MiB - 8, 9 * MiB]) memory.write(at, new Uint8Array(8).fill(3))
    const got = new Uint8Array(8)
    memory.read(9 * MiB, got)
    expect([...got]).toEqual(new Array(8).fill(3))
    const now = readFileSync(m.node('dax0.0'))
    expect([now[0], now[2 * MiB], now[4 * MiB], now[5 * MiB + 4097], now[9 * MiB]]).toEqual([3, 3, 0xee, 0xee, 0xee])
    memory.rewind(mark)
    memory.close()
    expect(readFileSync(m.node('dax0.0')).equals(bytes)).toBe(true)
  })

  it('does not guess what a bad first page held', () => {
    const m = make({ 'dax0.0': { size: 4 * MiB, badblocks: `${(2 ** 32 - REGION_START) / 512} 1\n` } })
    expect(refusal(() => open(m, 4 * MiB))).toContain('its first page is bad')
    open(m, 4 * MiB, { overwrite: true }).close()
  })

  it('to read: maps pages that cannot be written, also of one that is in use, and is no memory of a world', () => {
    const m = make({ 'dax0.0': { size: 8 * MiB } })
    writeFileSync(m.node('dax0.0'), Buffer.alloc(8 * MiB, 4))
    m.process(12, 'fio', 'opens', 'dax0.0')
    const { device, backing } = openDaxToRead(m.node('dax0.0'), m.places)
    expect(device.size).toBe(8 * MiB)
    expect(backing.window(0)[5 * MiB]).toBe(4)
    expect(maps()).toMatch(/ r--s .*famsim-dax-/)
    expect(maps()).not.toMatch(/ rw-s .*famsim-dax-/)
    expect(() => new Memory(backing)).toThrow('cannot be written')
    backing.close()
    expect(maps()).not.toContain('famsim-dax-')
  })
})
