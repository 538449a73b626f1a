// A made-up machine with devdax devices: a folder for each of /dev, /sys and /proc, plain files in the place of the nodes.
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DaxPlaces } from '../../../src/devdax/backing/index.ts'

export interface FakeDevice {
  readonly size: number
  readonly align?: number
  /** null: bound to none. */
  readonly driver?: string | null
  /** Physical addresses, [first, last]; one range from 4 GiB on unless given. */
  readonly ranges?: readonly (readonly [number, number])[]
  /** Lines of the region's badblocks; the region starts at 4 GiB - 16 MiB. null: a region without the list. */
  readonly badblocks?: string | null
}

export const REGION_START = 2 ** 32 - 2 ** 24

export class FakeMachine {
  readonly root = mkdtempSync(join(tmpdir(), 'famsim-dax-'))
  readonly places: DaxPlaces
  private readonly numbers = new Map<string, string>()

  constructor(devices: Readonly<Record<string, FakeDevice>> = {}) {
    const at = (...parts: string[]) => join(this.root, ...parts)
    for (const dir of ['dev', 'proc', 'sys/dev/char', 'sys/bus/dax/devices', 'sys/bus/dax/drivers', 'sys/bus/nd'])
      mkdirSync(at(dir), { recursive: true })
    this.places = {
      sys: at('sys'),
      proc: at('proc'),
      dev: at('dev'),
      number: path => {
        statSync(path)
        return this.numbers.get(realpathSync(path)) ?? null
      },
    }
    Object.entries(devices).forEach(([name, d], i) => {
      this.add(name, `252:${i}`, d)
    })
  }

  private add(name: string, number: string, d: FakeDevice): void {
    const node = this.node(name)
    writeFileSync(node, '')
    truncateSync(node, d.size)
    this.numbers.set(realpathSync(node), number)
    const region = join(this.root, 'sys/devices/platform/ndbus0', `region-${name}`)
    const dir = join(region, name, name)
    const put = (file: string, text: string): void => writeFileSync(join(dir, file), `${text}\n`)
    mkdirSync(dir, { recursive: true })
    if (d.badblocks !== null) writeFileSync(join(region, 'badblocks'), d.badblocks ?? '')
    writeFileSync(join(region, 'resource'), `0x${REGION_START.toString(16)}\n`)
    put('size', String(d.size))
    put('align', String(d.align ?? 2 ** 21))
    put('target_node', '1')
    let page = 0
    for (const [i, [start, end]] of (d.ranges ?? [[2 ** 32, 2 ** 32 + d.size - 1] as const]).entries()) {
      mkdirSync(join(dir, `mapping${i}`))
      put(`mapping${i}/start`, `0x${start.toString(16)}`)
      put(`mapping${i}/end`, `0x${end.toString(16)}`)
      put(`mapping${i}/page_offset`, `0x${page.toString(16)}`)
      page += (end + 1 - start) / 4096
    }
    symlinkSync(join(this.root, 'sys/bus/dax'), join(dir, 'subsystem'))
    const driver = d.driver === undefined ? 'device_dax' : d.driver
    if (driver !== null) {
      mkdirSync(join(this.root, 'sys/bus/dax/drivers', driver), { recursive: true })
      symlinkSync(join(this.root, 'sys/bus/dax/drivers', driver), join(dir, 'driver'))
    }
    symlinkSync(dir, join(this.root, 'sys/dev/char', number))
    symlinkSync(dir, join(this.root, 'sys/bus/dax/devices', name))
  }

  node(name: string): string {
    return join(this.root, 'dev', name)
  }

  /** Give a file of /dev a device number that sysfs knows nothing of, or says is of another subsystem. */
  stranger(name: string, number: string, subsystem?: string): string {
    const node = this.node(name)
    writeFileSync(node, '')
    this.numbers.set(realpathSync(node), number)
    if (subsystem !== undefined) {
      const dir = join(this.root, 'sys/devices/virtual', name)
      mkdirSync(dir, { recursive: true })
      mkdirSync(join(this.root, 'sys/class', subsystem), { recursive: true })
      symlinkSync(join(this.root, 'sys/class', subsystem), join(dir, 'subsystem'))
      symlinkSync(dir, join(this.root, 'sys/dev/char', number))
    }
    return node
  }

  /** A process that has a node mapped, or open. */
  process(pid: number, comm: string, how: 'maps' | 'opens', name: string): void {
    const at = join(this.root, 'proc', String(pid))
    mkdirSync(join(at, 'fd'), { recursive: true })
    writeFileSync(join(at, 'comm'), `${comm}\n`)
    const { dev, ino } = statSync(this.node(name))
    const [major, minor] = [(dev >>> 8) & 0xfff, (dev & 0xff) | ((dev >>> 12) & 0xfff00)]
    const hex = (n: number): string => n.toString(16).padStart(2, '0')
    const line = `7f0000000000-7f0000200000 rw-s 00000000 ${hex(major)}:${hex(minor)} ${ino}    /dev/${name}\n`
    const other = `7f1000000000-7f1000200000 rw-s 00000000 ${hex(major)}:${hex(minor)} ${ino + 1}    /dev/other\n`
    writeFileSync(join(at, 'maps'), how === 'maps' ? other + line : other)
    symlinkSync('/dev/null', join(at, 'fd/0'))
    if (how === 'opens') symlinkSync(this.node(name), join(at, 'fd/5'))
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}
