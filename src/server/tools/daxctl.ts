// daxctl as its version 85 does it: list, reconfigure-device, enable-device, disable-device, online-memory, offline-memory.
// Everything goes through /sys, as root. Messages and exit codes are daxctl's own; what is allowed is asked of daxModes.
import { type DaxMode, daxModes, type ModeEvent } from '../../devdax/index.ts'
import type { Sys } from '../../kernel/index.ts'
import { kfn, type Op, type Step } from '../../sim/index.ts'
import { EBUSY, EINVAL, ENOENT, ENXIO } from '../../wire/index.ts'
import { strerror } from '../lib/strerror.ts'
import type { Proc, Program } from '../proc.ts'

/** What a command printed and how it ended. */
export interface DaxctlEnd {
  /** Exit code. */
  readonly rc: number
  readonly out: readonly string[]
  readonly err: readonly string[]
}

/** One call of the tool. */
interface Ctx {
  readonly sys: Sys
  readonly out: string[]
  readonly err: string[]
  readonly o: Options
}
interface Options {
  mode?: string
  device?: string
  force: boolean
  no_online: boolean
  no_movable: boolean
  human: boolean
  verbose: boolean
}

const DEVICES = '/sys/bus/dax/devices'
const DRIVERS = '/sys/bus/dax/drivers'
const MEMORY = '/sys/devices/system/memory'

const MODE_OF_DRIVER: Readonly<Record<string, DaxMode>> = {
  device_dax: 'devdax',
  fsdev_dax: 'famfs',
  kmem: 'system-ram',
}

const plural = (n: number): string => (n === 1 ? '' : 's')

/** The library's own errors carry the function they come from. */
const lib_err = (c: Ctx, fn: string, text: string): void => {
  c.err.push(`libdaxctl: ${fn}: ${text}`)
}

/** A number a file says; 0 when it says none. */
const read_number = kfn('sysfs_read_attr', function* (c: Ctx, path: string): Step<number> {
  const s = yield* c.sys.sysfs_read(path)
  return typeof s === 'number' ? 0 : Number(s)
})

const daxctl_dev_get_mode = kfn('daxctl_dev_get_mode', function* (c: Ctx, dev: string): Step<DaxMode> {
  const driver = yield* c.sys.sysfs_read(`${DEVICES}/${dev}/driver`)
  return typeof driver === 'number' ? 'disabled' : (MODE_OF_DRIVER[driver] ?? 'disabled')
})
const is_enabled = kfn('daxctl_dev_is_enabled', function* (c: Ctx, dev: string): Step<boolean> {
  return (yield* daxctl_dev_get_mode(c, dev)) !== 'disabled'
})

const daxctl_dev_enable = kfn('daxctl_dev_enable', function* (c: Ctx, dev: string, driver: string): Step<number> {
  if (yield* is_enabled(c, dev)) return 0
  if (typeof (yield* c.sys.sysfs_list(`${DRIVERS}/${driver}`)) === 'number') {
    lib_err(c, 'daxctl_insert_kmod_for_mode', `${dev}: insert failure: -2`)
    return -ENOENT
  }
  yield* c.sys.sysfs_write(`${DRIVERS}/${driver}/new_id`, dev)
  const rc = yield* c.sys.sysfs_write(`${DRIVERS}/${driver}/bind`, dev)
  if (yield* is_enabled(c, dev)) return 0
  lib_err(c, 'daxctl_dev_enable', `${dev}: failed to enable`)
  return rc < 0 ? rc : -ENXIO
})

const daxctl_dev_disable = kfn('daxctl_dev_disable', function* (c: Ctx, dev: string): Step<number> {
  const driver = yield* c.sys.sysfs_read(`${DEVICES}/${dev}/driver`)
  if (typeof driver === 'number') return 0
  yield* c.sys.sysfs_write(`${DRIVERS}/${driver}/remove_id`, dev)
  yield* c.sys.sysfs_write(`${DRIVERS}/${driver}/unbind`, dev)
  if (!(yield* is_enabled(c, dev))) return 0
  lib_err(c, 'daxctl_dev_disable', `${dev}: failed to disable`)
  return -EBUSY
})

/** Names of the memory blocks that lie in a device. */
const memory_blocks = kfn('daxctl_memory_op', function* (c: Ctx, dev: string): Step<string[]> {
  const names = yield* c.sys.sysfs_list(MEMORY)
  const parts = yield* c.sys.sysfs_list(`${DEVICES}/${dev}`)
  if (typeof names === 'number' || typeof parts === 'number') return []
  const size = Number.parseInt(String(yield* c.sys.sysfs_read(`${MEMORY}/block_size_bytes`)), 16)
  const out: string[] = []
  for (const m of parts.filter(p => p.startsWith('mapping'))) {
    const start = yield* read_number(c, `${DEVICES}/${dev}/${m}/start`)
    const end = yield* read_number(c, `${DEVICES}/${dev}/${m}/end`)
    for (const n of names) {
      const at = Number(/^memory(\d+)$/.exec(n)?.[1] ?? Number.NaN) * size
      if (at >= start && at + size - 1 <= end) out.push(n)
    }
  }
  return out
})

const blocks_online = kfn('daxctl_memory_is_online', function* (c: Ctx, blocks: readonly string[]): Step<number> {
  let on = 0
  for (const b of blocks) if ((yield* c.sys.sysfs_read(`${MEMORY}/${b}/state`)) === 'online') on++
  return on
})

/** Write `what` to each block that is not so: how many, or -errno of the first that refuses. */
const set_blocks = kfn('daxctl_memory_set', function* (c: Ctx, dev: string, what: string): Step<number> {
  const off = what === 'offline'
  let n = 0
  for (const b of yield* memory_blocks(c, dev)) {
    if (((yield* c.sys.sysfs_read(`${MEMORY}/${b}/state`)) === 'offline') === off) continue
    const rc = yield* c.sys.sysfs_write(`${MEMORY}/${b}/state`, what)
    if (rc < 0) {
      const fn = off ? 'offline_one_memblock' : 'online_one_memblock'
      lib_err(c, fn, `${dev}: Failed to ${off ? 'offline' : 'online'} ${MEMORY}/${b}/state: ${strerror(rc)}`)
      return rc
    }
    n++
  }
  return n
})

const dev_online_memory = kfn('dev_online_memory', function* (c: Ctx, dev: string): Step<number> {
  const blocks = yield* memory_blocks(c, dev)
  const before = yield* blocks_online(c, blocks)
  if (before > 0)
    c.err.push(
      `${dev}:`,
      '  WARNING: detected a race while onlining memory',
      '  Some memory may not be in the expected zone. It is',
      '  recommended to disable any other onlining mechanisms,',
      '  and retry. If onlining is to be left to other agents,',
      '  use the --no-online option to suppress this warning',
    )
  if (before === blocks.length) {
    c.err.push(`${dev}: all memory sections (${before}) already online`)
    return 1
  }
  if (before > 0) c.err.push(`${dev}: ${before} memory section${plural(before)} already online`)
  const rc = yield* set_blocks(c, dev, c.o.no_movable ? 'online' : 'online_movable')
  if (rc < 0) {
    c.err.push(`${dev}: failed to online memory: ${strerror(rc)}`)
    return rc
  }
  if (c.o.verbose) c.err.push(`${dev}: ${rc} memory section${plural(rc)} onlined`)
  return 0
})

const dev_offline_memory = kfn('dev_offline_memory', function* (c: Ctx, dev: string): Step<number> {
  const blocks = yield* memory_blocks(c, dev)
  const off = blocks.length - (yield* blocks_online(c, blocks))
  if (off === blocks.length) {
    c.err.push(`${dev}: all memory sections (${off}) already offline`)
    return 1
  }
  if (off > 0) c.err.push(`${dev}: ${off} memory section${plural(off)} already offline`)
  const rc = yield* set_blocks(c, dev, 'offline')
  if (rc < 0) {
    c.err.push(`${dev}: failed to offline memory: ${strerror(rc)}`)
    return rc
  }
  if (c.o.verbose) c.err.push(`${dev}: ${rc} memory section${plural(rc)} offlined`)
  return 0
})

/** disable_mode_device(): from devdax or famfs to no driver. */
const disable_mode_device = kfn('disable_mode_device', function* (c: Ctx, dev: string): Step<number> {
  const rc = yield* daxctl_dev_disable(c, dev)
  if (rc !== 0) c.err.push(`${dev}: disable failed: ${strerror(rc)}`)
  return rc
})

/** disable_system_ram_device(): memory goes offline first, by force or by itself. */
const disable_system_ram_device = kfn('disable_system_ram_device', function* (c: Ctx, dev: string): Step<number> {
  if (c.o.force) {
    const rc = yield* dev_offline_memory(c, dev)
    if (rc < 0) return rc
  }
  const on = yield* blocks_online(c, yield* memory_blocks(c, dev))
  if (on === 0) return yield* disable_mode_device(c, dev)
  if (c.o.verbose) c.err.push(`${dev}: found ${on} memory sections online`, `${dev}: refusing to change modes`)
  return -EBUSY
})

const reconfig_mode_devdax = kfn('reconfig_mode_devdax', function* (c: Ctx, dev: string, from: DaxMode): Step<number> {
  let rc = 0
  if (from === 'system-ram') rc = yield* disable_system_ram_device(c, dev)
  else if (from !== 'disabled') rc = yield* disable_mode_device(c, dev)
  return rc !== 0 ? rc : yield* daxctl_dev_enable(c, dev, 'device_dax')
})

const reconfig_mode_famfs = kfn('reconfig_mode_famfs', function* (c: Ctx, dev: string, from: DaxMode): Step<number> {
  const rc = from === 'disabled' ? 0 : yield* disable_mode_device(c, dev)
  return rc !== 0 ? rc : yield* daxctl_dev_enable(c, dev, 'fsdev_dax')
})

const reconfig_mode_system_ram = kfn(
  'reconfig_mode_system_ram',
  function* (c: Ctx, dev: string, from: DaxMode): Step<number> {
    const policy = yield* c.sys.sysfs_read(`${MEMORY}/auto_online_blocks`)
    if ((c.o.no_online || !c.o.no_movable) && !c.o.force && policy !== 'offline') {
      c.err.push(`${dev}: error: kernel policy will auto-online memory, aborting`)
      return -EBUSY
    }
    if (from !== 'system-ram') {
      let rc = from === 'disabled' ? 0 : yield* disable_mode_device(c, dev)
      if (rc === 0) rc = yield* daxctl_dev_enable(c, dev, 'kmem')
      if (rc !== 0) return rc
    }
    return c.o.no_online ? 0 : yield* dev_online_memory(c, dev)
  },
)

const do_enable = kfn('do_xble enable', function* (c: Ctx, dev: string): Step<number> {
  const rc = yield* daxctl_dev_enable(c, dev, 'device_dax')
  if (rc !== 0) c.err.push(`${dev}: enable failed: ${strerror(rc)}`)
  return rc
})

type Action = (c: Ctx, dev: string, from: DaxMode) => Op<number>

/** What each event does where daxModes allows it. */
const ACTIONS: Readonly<Partial<Record<ModeEvent, Action>>> = {
  DEVDAX: reconfig_mode_devdax,
  FAMFS: reconfig_mode_famfs,
  SYSTEM_RAM: reconfig_mode_system_ram,
  ENABLE: do_enable,
  DISABLE: disable_mode_device,
  ONLINE: dev_online_memory,
  OFFLINE: dev_offline_memory,
}

/** What is said where it does not, and the errno. */
const REFUSALS: Readonly<Partial<Record<ModeEvent, readonly [string, number]>>> = {
  FAMFS: [' is in system-ram mode; must be in devdax mode to convert to famfs', -EINVAL],
  ENABLE: [': status operations are only applicable in devdax mode', -ENXIO],
  DISABLE: [': status operations are only applicable in devdax mode', -ENXIO],
  ONLINE: [': memory operations are not applicable in devdax mode', -ENXIO],
  OFFLINE: [': memory operations are not applicable in devdax mode', -ENXIO],
}

const do_event = kfn('do_xaction_device', function* (c: Ctx, dev: string, event: ModeEvent | null): Step<number> {
  if (event === null) {
    c.err.push(`${dev}: unknown mode requested: 0`)
    return -EINVAL
  }
  const from = yield* daxctl_dev_get_mode(c, dev)
  if (daxModes.states[from].on?.[event] !== undefined) return yield* ACTIONS[event]!(c, dev, from)
  const [text, rc] = REFUSALS[event]!
  c.err.push(`${dev}${text}`)
  return rc
})

const size_text = (c: Ctx, n: number): string => {
  if (!c.o.human) return String(n)
  const unit = (base: number, names: readonly string[]): string => {
    let v = n
    let i = 0
    while (v >= base && i < names.length - 1) {
      v /= base
      i++
    }
    return i === 0 ? `${n}` : `${v.toFixed(2)} ${names[i]}`
  }
  return `"${unit(1024, ['', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'])} (${unit(1000, ['', 'KB', 'MB', 'GB', 'TB', 'PB'])})"`
}

/** util_daxctl_dev_to_json(): the lines of one device. */
const dev_to_json = kfn('util_daxctl_dev_to_json', function* (c: Ctx, dev: string): Step<string[]> {
  const mode = yield* daxctl_dev_get_mode(c, dev)
  const rows = [
    `"chardev":"${dev}"`,
    `"size":${size_text(c, yield* read_number(c, `${DEVICES}/${dev}/size`))}`,
    `"target_node":${yield* read_number(c, `${DEVICES}/${dev}/target_node`)}`,
    `"align":${size_text(c, yield* read_number(c, `${DEVICES}/${dev}/align`))}`,
    `"mode":"${mode === 'disabled' ? 'devdax' : mode}"`,
  ]
  if (mode === 'system-ram') {
    const blocks = yield* memory_blocks(c, dev)
    const on = yield* blocks_online(c, blocks)
    let movable = on > 0
    for (const b of blocks) {
      const zone = yield* c.sys.sysfs_read(`${MEMORY}/${b}/valid_zones`)
      if (zone === 'Normal') movable = false
    }
    rows.push(`"online_memblocks":${on}`, `"total_memblocks":${blocks.length}`)
    if (on > 0) rows.push(`"movable":${movable}`)
  }
  if (mode === 'disabled') rows.push('"state":"disabled"')
  return rows
})

/** util_display_json_array() */
const display = (c: Ctx, devices: readonly (readonly string[])[]): void => {
  if (devices.length === 0) return
  const bare = c.o.human && devices.length === 1
  const pad = bare ? '' : '  '
  if (!bare) c.out.push('[')
  for (const [i, rows] of devices.entries()) {
    c.out.push(`${pad}{`, ...rows.map((r, j) => `${pad}  ${r}${j < rows.length - 1 ? ',' : ''}`))
    c.out.push(`${pad}}${i < devices.length - 1 ? ',' : ''}`)
  }
  if (!bare) c.out.push(']')
}

interface Command {
  /** For `specify a device to ...`, `error ... devices`, `... n devices`. */
  readonly words: readonly [string, string, string]
  readonly options: readonly string[]
  /** The event, from the options; null: a mode it does not know. */
  event(o: Options): ModeEvent | null
  /** It shows the devices it has changed. */
  readonly shows?: boolean
}

const RECONFIG_MODES: Readonly<Record<string, ModeEvent>> = {
  devdax: 'DEVDAX',
  famfs: 'FAMFS',
  'system-ram': 'SYSTEM_RAM',
}

const COMMANDS: Readonly<Record<string, Command>> = {
  'reconfigure-device': {
    words: ['reconfigure', 'error reconfiguring devices', 'reconfigured'],
    options: ['mode', 'no-online', 'force', 'no-movable', 'human', 'verbose'],
    event: o => RECONFIG_MODES[o.mode!] ?? null,
    shows: true,
  },
  'enable-device': {
    words: ['enable', 'error enabling device', 'enabled'],
    options: ['human', 'verbose'],
    event: () => 'ENABLE',
  },
  'disable-device': {
    words: ['disable', 'error disabling device', 'disabled'],
    options: ['human', 'verbose'],
    event: () => 'DISABLE',
  },
  'online-memory': {
    words: ['online memory for', 'error onlining memory', 'onlined memory for'],
    options: ['no-movable', 'human', 'verbose'],
    event: () => 'ONLINE',
  },
  'offline-memory': {
    words: ['offline memory for', 'error offlining memory', 'offlined memory for'],
    options: ['human', 'verbose'],
    event: () => 'OFFLINE',
  },
}
/** Names of its commands. */
export const DAXCTL_COMMANDS: readonly string[] = ['list', ...Object.keys(COMMANDS)]

const SHORT: Readonly<Record<string, string>> = {
  m: 'mode',
  N: 'no-online',
  f: 'force',
  u: 'human',
  v: 'verbose',
  d: 'dev',
}
const LIST_OPTIONS = ['dev', 'human']

/** Options and the other words; a text when one is wrong. */
function parse_options(words: readonly string[], known: readonly string[]): { o: Options; rest: string[] } | string {
  const o: Options = { force: false, no_online: false, no_movable: false, human: false, verbose: false }
  const rest: string[] = []
  for (let i = 0; i < words.length; i++) {
    const w = words[i]!
    if (!w.startsWith('-')) {
      rest.push(w)
      continue
    }
    const [long, value] = w.startsWith('--') ? w.slice(2).split('=') : [SHORT[w[1]!] ?? w[1]!, w.slice(2) || undefined]
    if (!known.includes(long!))
      return w.startsWith('--') ? `error: unknown option \`${long}'` : `error: unknown switch \`${w[1]}'`
    const takes = long === 'mode' || long === 'dev'
    const v = takes ? (value ?? words[++i]) : undefined
    if (takes && v === undefined) return `error: option \`${long}' requires a value`
    if (long === 'mode') o.mode = v
    else if (long === 'dev') o.device = v
    else if (long === 'force') o.force = true
    else if (long === 'no-online') o.no_online = true
    else if (long === 'no-movable') o.no_movable = true
    else if (long === 'human') o.human = true
    else o.verbose = true
  }
  return { o, rest }
}

/** usage_with_options() exits so. */
const USAGE = 129
const usage = (line: string, of: string): DaxctlEnd => ({ rc: USAGE, out: [], err: [line, `usage: daxctl ${of}`] })

/** Device names that `what` means: all of them, or the one of that name. */
const matching = kfn('util_daxctl_dev_filter', function* (sys: Sys, what: string | undefined): Step<string[]> {
  const names = yield* sys.sysfs_list(DEVICES)
  if (typeof names === 'number') return []
  const bare = what?.replace(/^\/dev\//, '')
  return names.filter(n => bare === undefined || bare === 'all' || bare === n)
})

/** A command line without its first word. */
export const daxctl = kfn('daxctl', function* (sys: Sys, argv: readonly string[]): Step<DaxctlEnd> {
  const [name = '', ...words] = argv
  const cmd = COMMANDS[name]
  if (cmd === undefined && name !== 'list')
    return { rc: 1, out: [], err: [`Unknown command: '${name}'`, `commands: ${DAXCTL_COMMANDS.join(', ')}`] }
  const line = name === 'list' ? 'list [<options>]' : `${name} <device> [<options>]`
  const parsed = parse_options(words, cmd?.options ?? LIST_OPTIONS)
  if (typeof parsed === 'string') return usage(parsed, line)
  const { o, rest } = parsed
  const c: Ctx = { sys, out: [], err: [], o }
  if (cmd === undefined) {
    if (rest.length > 0) return usage(`unknown parameter "${rest[0]}"`, line)
    const shown: string[][] = []
    for (const d of yield* matching(sys, o.device)) shown.push(yield* dev_to_json(c, d))
    display(c, shown)
    return { rc: 0, out: c.out, err: c.err }
  }
  if (rest.length === 0) return usage(`specify a device to ${cmd.words[0]}, or "all"`, line)
  if (rest.length > 1) return usage(`unknown extra parameter "${rest[1]}"`, line)
  if (cmd.shows && o.mode === undefined) return usage("error: a 'mode' or 'size' option is required", line)
  if (o.no_online && (o.mode === 'devdax' || o.mode === 'famfs'))
    return usage(`--no-online is incompatible with --mode=${o.mode}`, line)
  let rc = -ENXIO
  let n = 0
  const shown: string[][] = []
  for (const d of yield* matching(sys, rest[0])) {
    rc = yield* do_event(c, d, cmd.event(o))
    // Changing the mode counts when nothing failed, even if all of its memory was online before.
    if (cmd.shows && rc > 0) rc = 0
    if (rc === 0) n++
    if (cmd.shows && rc === 0) shown.push(yield* dev_to_json(c, d))
  }
  display(c, shown)
  if (rc < 0) c.err.push(`${cmd.words[1]}: ${strerror(rc)}`)
  c.err.push(`${cmd.words[2]} ${n} device${plural(n)}`)
  return { rc: rc & 255, out: c.out, err: c.err }
})

/** daxctl as a program. */
export const daxctl_main: Program = kfn('daxctl main', function* (p: Proc): Step<number> {
  const { rc, out, err } = yield* daxctl(p.sys, p.argv.slice(1))
  for (const line of out) p.out(line)
  for (const line of err) p.err(line)
  return rc
})
