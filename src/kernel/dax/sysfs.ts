// /sys: the dax bus with its devices and drivers, nvdimm namespaces, memory blocks, control files of FUSE connections. One
// table, path to what reading and writing it does; a part that starts with a colon stands for every name of its kind.
// Numbers are printed as the kernel prints them.
import {
  ALIGNS,
  checkGeometry,
  DAX_DRIVERS,
  type DaxRange,
  type DriverName,
  dax_new_id,
  dax_remove_id,
  type dev_dax,
  device_driver_attach,
  device_driver_detach,
  MAJOR,
  MEMORY_BLOCK_SIZE,
  MINOR,
} from '../../devdax/index.ts'
import { kfn, type Op, type Step, UsageError } from '../../sim/index.ts'
import { EACCES, EBUSY, EINVAL, ENODEV, ENOENT, ENOSPC, EOPNOTSUPP } from '../../wire/index.ts'
import { fault_count_enable_store } from '../famfs-std/famfs_fault_count.ts'
import { FAULT_TYPES, type FaultType } from '../famfs-std/famfs_internal.ts'
import { CONTROL_FILES, fuse_connections } from '../fuse/control.ts'
import type { fuse_conn } from '../fuse/fuse_i.ts'
import type { Kernel } from '../kernel.ts'
import { type AutoOnline, offline_pages, online_pages } from '../mm/memory_hotplug.ts'
import type { task_struct } from '../task_struct.ts'

/** What the colons of a path stand for. */
interface Place {
  readonly k: Kernel
  readonly dev: dev_dax
  readonly driver: DriverName
  /** Range of a mapping, and its first page of the device. */
  readonly range: DaxRange
  readonly page_offset: number
  /** Size of the faults that a counter counts. */
  readonly fault: FaultType
  /** Number of a memory block. */
  readonly block: number
  readonly fc: fuse_conn
}

interface Attr {
  readonly path: string
  /** Undefined: it cannot be read. A number is -errno. */
  readonly show?: (p: Place) => string | number
  /** Undefined: it cannot be written. 0 or -errno. */
  readonly store?: (p: Place, text: string) => Op<number>
}

type Named = readonly [string, Partial<Place>]

const hex = (n: number): string => `0x${n.toString(16)}`

/** nvdimm's name of a device: dax0.0 lies in namespace0.0. */
const namespace_of = (d: dev_dax): string => d.memory.name.replace(/^dax/, 'namespace')

/** The names of each kind on one host. */
const KINDS: Readonly<Record<string, (p: Partial<Place> & { k: Kernel }) => Named[]>> = {
  // A namespace in fsdax mode is no device of the dax bus.
  ':dev': ({ k }) =>
    k.bus
      .devices()
      .filter(d => d.driver.peek() !== 'pmem')
      .map(dev => [dev.memory.name, { dev }]),
  // Links of the character devices, by number.
  ':char': ({ k }) => k.bus.devices().map(dev => [`${MAJOR(dev.dax_dev.devno)}:${MINOR(dev.dax_dev.devno)}`, { dev }]),
  ':driver': ({ k }) =>
    DAX_DRIVERS.filter(d => d.bus === 'dax' && (d.name !== 'fsdev_dax' || k.profile.dax.fs_driver === 'fsdev_dax')).map(
      d => [d.name, { driver: d.name }],
    ),
  ':mapping': ({ dev }) => {
    let before = 0
    return dev!.ranges.map((range, i) => {
      const at: Named = [`mapping${i}`, { range, page_offset: before / 4096 }]
      before += range.len
      return at
    })
  },
  ':namespace': ({ k }) =>
    k.bus
      .devices()
      .filter(d => d.memory.region === 'static')
      .map(dev => [namespace_of(dev), { dev }]),
  ':connection': ({ k }) => fuse_connections(k).map(([name, fc]) => [name, { fc }]),
  // The module of the standalone famfs, when it is loaded.
  ':famfs': ({ k }) => (k.famfs?.loaded.peek() ? [['famfs', {}]] : []),
  ':counter': () => FAULT_TYPES.map(fault => [`${fault}_fault_ct`, { fault }]),
  ':memory': ({ k }) => k.hotplug.blocks.keys().map(block => [`memory${block}`, { block }]),
}

/** One name of a kind. Memory blocks are too many to be listed for each look. */
const name_of = (kind: string, name: string, p: Partial<Place> & { k: Kernel }): Partial<Place> | undefined => {
  if (kind !== ':memory') return KINDS[kind]!(p).find(n => n[0] === name)?.[1]
  const block = /^memory\d+$/.test(name) ? Number(name.slice('memory'.length)) : Number.NaN
  return p.k.hotplug.blocks.has(block) ? { block } : undefined
}

/** A device as a line names it: -ENODEV when the bus has none of that name. */
const named = (k: Kernel, text: string): dev_dax | undefined => k.bus.byName(text.trim())

const number_of = (text: string): number =>
  /^(0x[0-9a-f]+|\d+)$/i.test(text.trim()) ? Number(text.trim()) : Number.NaN

const size_store = kfn('size_store', function* ({ dev }: Place, text: string): Step<number> {
  const size = number_of(text)
  if (!Number.isSafeInteger(size) || size % dev.align !== 0) return -EINVAL
  if ((yield* dev.driver.load()) !== null || dev.memory.region === 'static') return -EBUSY
  if (size > dev.memory.size) return -ENOSPC
  return size === dev.memory.size ? 0 : -EOPNOTSUPP
})

const align_store = kfn('align_store', function* ({ dev }: Place, text: string): Step<number> {
  const align = number_of(text)
  if (!ALIGNS.includes(align)) return -EINVAL
  if ((yield* dev.driver.load()) !== null) return -EBUSY
  try {
    checkGeometry('align', dev.memory.size, align, dev.ranges)
  } catch (e) {
    if (e instanceof UsageError) return -EINVAL
    throw e
  }
  yield* dev.alignment.store(align)
  return 0
})

const bind_store = kfn('bind_store', function* (driver: DriverName, dev: dev_dax | undefined): Step<number> {
  return dev === undefined ? -ENODEV : yield* device_driver_attach(dev, driver)
})
const unbind_store = kfn('unbind_store', function* (driver: DriverName, dev: dev_dax | undefined): Step<number> {
  return dev === undefined ? -ENODEV : yield* device_driver_detach(dev, driver)
})

const id_store = kfn('do_id_store', function* ({ k, driver }: Place, text: string, add: boolean): Step<number> {
  if (!/^dax\d+\.\d+$/.test(text.trim())) return -EINVAL
  const dev = named(k, text)
  if (dev === undefined) return 0
  return yield* add ? dax_new_id(dev, driver) : dax_remove_id(dev, driver)
})

const ONLINE = { online: 'Normal', online_kernel: 'Normal', online_movable: 'Movable' } as const

const state_store = kfn('state_store', function* ({ k, block }: Place, text: string): Step<number> {
  const what = text.trim()
  if (what === 'offline') return yield* offline_pages(k.hotplug, block)
  const zone = ONLINE[what as keyof typeof ONLINE]
  return zone === undefined ? -EINVAL : yield* online_pages(k.hotplug, block, zone)
})

const auto_online_store = kfn('auto_online_blocks_store', function* ({ k }: Place, text: string): Step<number> {
  const policy = text.trim()
  if (policy !== 'offline' && policy !== 'online' && policy !== 'online_movable') return -EINVAL
  yield* k.hotplug.auto_online.store(policy as AutoOnline)
  return 0
})

const DEV = '/sys/bus/dax/devices/:dev'
const DRIVER = '/sys/bus/dax/drivers/:driver'
const ND_PMEM = '/sys/bus/nd/drivers/nd_pmem'
const MEMORY = '/sys/devices/system/memory'

const TABLE: readonly Attr[] = [
  { path: `${DEV}/align`, show: p => String(p.dev.align), store: align_store },
  // A link: what it leads to.
  { path: `${DEV}/driver`, show: p => p.dev.driver.peek() ?? -ENOENT },
  { path: `${DEV}/:mapping/start`, show: p => hex(p.range.start) },
  { path: `${DEV}/:mapping/end`, show: p => hex(p.range.start + p.range.len - 1) },
  { path: `${DEV}/:mapping/page_offset`, show: p => hex(p.page_offset) },
  { path: `${DEV}/numa_node`, show: () => '0' },
  { path: `${DEV}/resource`, show: p => hex(p.dev.ranges[0]!.start) },
  { path: `${DEV}/size`, show: p => String(p.dev.memory.size), store: size_store },
  { path: `${DEV}/target_node`, show: p => String(1 + p.k.bus.devices().indexOf(p.dev)) },
  { path: `${DRIVER}/bind`, store: (p, text) => bind_store(p.driver, named(p.k, text)) },
  { path: `${DRIVER}/new_id`, store: (p, text) => id_store(p, text, true) },
  { path: `${DRIVER}/remove_id`, store: (p, text) => id_store(p, text, false) },
  { path: `${DRIVER}/unbind`, store: (p, text) => unbind_store(p.driver, named(p.k, text)) },
  { path: '/sys/dev/char/:char/size', show: p => String(p.dev.memory.size) },
  { path: '/sys/bus/nd/devices/:namespace/size', show: p => String(p.dev.memory.size) },
  { path: `${ND_PMEM}/bind`, store: (p, text) => bind_store('pmem', by_namespace(p.k, text)) },
  { path: `${ND_PMEM}/unbind`, store: (p, text) => unbind_store('pmem', by_namespace(p.k, text)) },
  {
    path: '/sys/fs/:famfs/fault_count_enable',
    show: p => String(p.k.famfs!.fault_count_enable.peek()),
    store: (p, text) => fault_count_enable_store(p.k, text),
  },
  { path: '/sys/fs/:famfs/:counter', show: p => String(p.k.famfs!.ffc[p.fault].peek()) },
  { path: '/sys/module/:famfs/parameters/famfs_kabi_version', show: p => String(p.k.profile.t.kabi) },
  { path: `${MEMORY}/auto_online_blocks`, show: p => p.k.hotplug.auto_online.peek(), store: auto_online_store },
  { path: `${MEMORY}/block_size_bytes`, show: () => MEMORY_BLOCK_SIZE.toString(16) },
  { path: `${MEMORY}/:memory/state`, show: p => p.k.hotplug.blocks.get(p.block)!.state, store: state_store },
  ...CONTROL_FILES.map(({ name, show, store }): Attr => {
    const path = `/sys/fs/fuse/connections/:connection/${name}`
    return { path, show: show && (p => show(p.fc)), store: store && ((p, text) => store(p.fc, text)) }
  }),
  { path: `${MEMORY}/:memory/valid_zones`, show: p => p.k.hotplug.blocks.get(p.block)!.zone ?? 'Normal Movable' },
]

const by_namespace = (k: Kernel, text: string): dev_dax | undefined =>
  k.bus.devices().find(d => d.memory.region === 'static' && namespace_of(d) === text.trim())

/** Every path of the table for this host, with what it stands for. */
function* expand(k: Kernel): Generator<{ readonly attr: Attr; readonly path: string; readonly place: Place }> {
  for (const attr of TABLE) {
    let at: { path: string; place: Partial<Place> & { k: Kernel } }[] = [{ path: '', place: { k } }]
    for (const part of attr.path.split('/').slice(1))
      at = at.flatMap(({ path, place }) => {
        const names: readonly Named[] = KINDS[part]?.(place) ?? [[part, {}]]
        return names.map(([name, more]) => ({ path: `${path}/${name}`, place: { ...place, ...more } }))
      })
    for (const { path, place } of at) yield { attr, path, place: place as Place }
  }
}

const PARTS = TABLE.map(attr => ({ attr, parts: attr.path.split('/') }))

const lookup = (k: Kernel, path: string): { readonly attr: Attr; readonly place: Place } | undefined => {
  const words = path.split('/')
  for (const { attr, parts } of PARTS) {
    if (parts.length !== words.length) continue
    let place: (Partial<Place> & { k: Kernel }) | undefined = { k }
    for (let i = 0; i < parts.length && place !== undefined; i++) {
      if (parts[i]!.startsWith(':')) {
        const more = name_of(parts[i]!, words[i]!, place)
        place = more === undefined ? undefined : { ...place, ...more }
      } else if (parts[i] !== words[i]) place = undefined
    }
    if (place !== undefined) return { attr, place: place as Place }
  }
  return undefined
}

/** Every file there is, in the order of the table: what `find /sys -type f` would say of it. */
export const sysfs_paths = (k: Kernel): string[] => [...expand(k)].map(e => e.path)

/** Names in a directory; -ENOENT when there is none. */
export const sysfs_readdir = kfn('kernfs_fop_readdir', function* ({ k }: task_struct, path: string): Step<
  string[] | number
> {
  const under = sysfs_paths(k).filter(p => p.startsWith(`${path}/`))
  if (under.length === 0) return -ENOENT
  return [...new Set(under.map(p => p.slice(path.length + 1).split('/')[0]!))]
})

/** What a file says, without its newline; -ENOENT, -EACCES (it can only be written), or what its show function says. */
export const sysfs_kf_seq_show = kfn('sysfs_kf_seq_show', function* ({ k }: task_struct, path: string): Step<
  string | number
> {
  return sysfs_show(k, path)
})
/** The same as a plain call, for who looks from outside. */
export function sysfs_show(k: Kernel, path: string): string | number {
  const at = lookup(k, path)
  if (at === undefined) return -ENOENT
  return at.attr.show === undefined ? -EACCES : at.attr.show(at.place)
}

/** write(2) of a line: bytes taken, or -errno: -ENOENT, -EACCES (read only, or not root), or what its store function says. */
export const sysfs_kf_write = kfn(
  'sysfs_kf_write',
  function* (ts: task_struct, path: string, text: string): Step<number> {
    const at = lookup(ts.k, path)
    if (at === undefined) return -ENOENT
    if (at.attr.store === undefined || ts.cred.uid !== 0) return -EACCES
    const rc = yield* at.attr.store(at.place, text)
    return rc < 0 ? rc : text.length
  },
)
