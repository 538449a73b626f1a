// daxctl on one host: what it prints, how it exits and what it does to the device, command by command. Messages are those of
// daxctl 85; The transitions of its own test
// are walked on a device that a test may have (B52).
import { describe, expect, it } from 'vitest'
import { Rig, type RigOptions, simpleMap } from '../../src/conform/index.ts'
import type { DriverName } from '../../src/devdax/index.ts'
import { mkfsPlan } from '../../src/media/index.ts'
import { type DaxctlEnd, daxctl } from '../../src/server/index.ts'
import { GiB, MiB } from '../../src/sim/index.ts'
import { EACCES, EBUSY, EINVAL, ENODEV, ENOENT, ENOSPC, EOPNOTSUPP } from '../../src/wire/index.ts'
import { pickDevice } from './pick-device.ts'

const rigOf = (driver: DriverName | null = 'device_dax', o: RigOptions = {}) => {
  const rig = new Rig({ devices: [{ size: MiB(256), driver }], ...o })
  const run = (...words: string[]): DaxctlEnd =>
    rig.run(function* (sys) {
      return yield* daxctl(sys, words)
    })
  const mode = (): string => /"mode":"([\w-]+)"/.exec(run('list').out.join(''))![1]!
  const write = (path: string, text: string, uid = 0): number =>
    rig.run(
      function* (sys) {
        return yield* sys.sysfs_write(path, text)
      },
      { cred: { uid, gid: uid, caps: [] } },
    )
  const read = (path: string): string | number =>
    rig.run(function* (sys) {
      return yield* sys.sysfs_read(path)
    })
  return { rig, run, mode, write, read, driver: () => rig.k.bus.devices()[0]!.driver.peek() }
}
const exit = (errno: number): number => 256 - errno

describe('list', () => {
  it('prints what daxctl prints', () => {
    const { run, rig } = rigOf()
    const rows = (mode: string, ...more: string[]) => [
      '[',
      '  {',
      ...[
        '"chardev":"dax0.0"',
        '"size":268435456',
        '"target_node":1',
        '"align":2097152',
        `"mode":"${mode}"`,
        ...more,
      ].map((r, i, all) => `    ${r}${i < all.length - 1 ? ',' : ''}`),
      '  }',
      ']',
    ]
    expect(run('list')).toEqual({ rc: 0, out: rows('devdax'), err: [] })
    rig.unbind(0)
    expect(run('list').out).toEqual(rows('devdax', '"state":"disabled"'))
    expect(run('reconfigure-device', '-m', 'system-ram', 'dax0.0').out).toEqual(
      rows('system-ram', '"online_memblocks":2', '"total_memblocks":2', '"movable":true'),
    )
    expect(run('list', '-d', 'dax7.0').out).toEqual([])
    expect(run('list', '--human').out).toContain('  "size":"256.00 MiB (268.44 MB)",')
    expect(JSON.parse(run('list').out.join(''))[0].chardev).toBe('dax0.0')
  })
})

/** A superblock as mkfs writes it. */
const superblock = (): Uint8Array => {
  const uuid = '00112233-4455-6677-8899-aabbccddeeff'
  const plan = mkfsPlan({
    deviceSize: GiB(4),
    logLen: MiB(8),
    devName: '/dev/dax0.0',
    fsUuid: uuid,
    devUuid: uuid,
    systemUuid: uuid,
  })
  if ('error' in plan) throw new Error(plan.error)
  const first = plan.steps.find(s => s.do === 'write' && s.at === 0)!
  return (first as { bytes: Uint8Array }).bytes
}
const pickOf = (rig: Rig): string | null =>
  rig.run(function* (sys) {
    return yield* pickDevice(sys)
  })

describe('the device of a test', () => {
  const size = MiB(256)
  it('is none with a file system, in use, or held; of such a host it takes nothing', () => {
    const rig = new Rig({
      devices: [
        { size, driver: 'device_dax' },
        { size, driver: 'fsdev_dax' },
        { size, driver: 'kmem' },
      ],
    })
    rig.mems[0]!.memory.write(0, superblock())
    expect(pickOf(rig)).toBe(null)
    rig.mems[0]!.memory.write(0, new Uint8Array(4096))
    expect(pickOf(rig)).toBe('dax0.0')
  })
  it('on a level without fsdev is none that a famfs holds in devdax mode', () => {
    const rig = new Rig({ dax: 'devdax-6.14', devices: [{ size, driver: 'device_dax' }] })
    const s = rig.server()
    s.files.set('f', { nodeid: 100, size: MiB(2), fmap: simpleMap([[0, 0, MiB(2)]]) })
    rig.mount(s)
    expect(pickOf(rig)).toBe('dax0.0')
    rig.run(function* (sys) {
      yield* sys.pread(yield* sys.open('/mnt/f'), 8, 0)
    })
    expect(pickOf(rig)).toBe(null)
  })
})

describe('reconfigure-device', () => {
  it.each(['fsdev-v3', 'fsdev-v8', 'fix'])('walks the transitions of daxctl-famfs.sh on %s', dax => {
    const { run, mode, rig } = rigOf('device_dax', { dax })
    const dev = pickOf(rig)!
    const to = (m: string, ...o: string[]) => run('reconfigure-device', '-m', m, ...o, dev)
    for (const m of ['famfs', 'famfs', 'devdax', 'devdax']) {
      expect(to(m)).toMatchObject({ rc: 0, err: ['reconfigured 1 device'] })
      expect(mode()).toBe(m)
    }
    expect(to('famfs').rc).toBe(0)
    expect(to('invalidmode').rc).toBe(exit(EINVAL))
    expect(mode()).toBe('famfs')
    expect(to('devdax').rc).toBe(0)
    expect(to('system-ram', '-N').rc).toBe(0)
    expect(to('famfs')).toEqual({
      rc: exit(EINVAL),
      out: [],
      err: [
        'dax0.0 is in system-ram mode; must be in devdax mode to convert to famfs',
        'error reconfiguring devices: Invalid argument',
        'reconfigured 0 devices',
      ],
    })
    expect(to('devdax', '-f')).toMatchObject({ rc: 0 })
    expect(to('famfs').rc).toBe(0)
    expect(to('devdax').rc).toBe(0)
    expect(to('system-ram').rc).toBe(0)
    expect(to('devdax', '-f').rc).toBe(0)
    expect(mode()).toBe('devdax')
    expect(rig.problems()).toEqual([])
    expect(rig.leaks()).toEqual([])
  })
  it('leaves online memory alone without force, and pinned memory with it', () => {
    const { run, rig, mode } = rigOf()
    run('reconfigure-device', '-m', 'system-ram', 'dax0.0')
    const plain = run('reconfigure-device', '-m', 'devdax', '-v', 'dax0.0')
    expect(plain.rc).toBe(exit(EBUSY))
    expect(plain.err).toEqual([
      'dax0.0: found 2 memory sections online',
      'dax0.0: refusing to change modes',
      'error reconfiguring devices: Device or resource busy',
      'reconfigured 0 devices',
    ])
    rig.run(function* (sys) {
      yield* sys.pin_system_ram('dax0.0')
    })
    const forced = run('reconfigure-device', '-m', 'devdax', '--force', 'dax0.0')
    expect(forced.rc).toBe(exit(EBUSY))
    expect(forced.err[1]).toBe('dax0.0: failed to offline memory: Device or resource busy')
    expect(mode()).toBe('system-ram')
    rig.run(function* (sys) {
      yield* sys.unpin_system_ram('dax0.0')
    })
    expect(run('reconfigure-device', '-m', 'devdax', '--force', 'dax0.0').rc).toBe(0)
    expect(rig.leaks()).toEqual([])
  })
  it('onlines nothing with -N, and stops when the kernel would online it by itself', () => {
    const { run, rig, write } = rigOf()
    expect(run('reconfigure-device', '-m', 'system-ram', '-N', 'dax0.0').out).toContain('    "online_memblocks":0,')
    expect(run('reconfigure-device', '-m', 'devdax', 'dax0.0').rc).toBe(0)
    write('/sys/devices/system/memory/auto_online_blocks', 'online')
    expect(run('reconfigure-device', '-m', 'system-ram', 'dax0.0').err[0]).toBe(
      'dax0.0: error: kernel policy will auto-online memory, aborting',
    )
    expect(rig.k.bus.devices()[0]!.driver.peek()).toBe('device_dax')
  })
  it.each(['devdax-6.14', 'devdax-6.15'])('on %s there is no famfs mode: the device is left disabled', dax => {
    const { run, driver } = rigOf('device_dax', { dax })
    const r = run('reconfigure-device', '-m', 'famfs', 'dax0.0')
    expect(r).toEqual({
      rc: exit(ENOENT),
      out: [],
      err: [
        'libdaxctl: daxctl_insert_kmod_for_mode: dax0.0: insert failure: -2',
        'error reconfiguring devices: No such file or directory',
        'reconfigured 0 devices',
      ],
    })
    expect(driver()).toBe(null)
    expect(run('enable-device', 'dax0.0').rc).toBe(0)
    expect(driver()).toBe('device_dax')
  })
  it.each([
    [[], 129, 'specify a device to reconfigure, or "all"'],
    [['dax0.0'], 129, "error: a 'mode' or 'size' option is required"],
    [['-m', 'famfs', '-N', 'dax0.0'], 129, '--no-online is incompatible with --mode=famfs'],
    [['-m', 'devdax', 'dax0.0', 'dax1.0'], 129, 'unknown extra parameter "dax1.0"'],
    [['--mood=famfs', 'dax0.0'], 129, "error: unknown option `mood'"],
    [['dax0.0', '-m'], 129, "error: option `mode' requires a value"],
    [['-m', 'famfs', 'dax7.0'], 250, 'error reconfiguring devices: No such device or address'],
  ])('%j: exit %d, %s', (words, rc, first) => {
    const r = rigOf().run('reconfigure-device', ...words)
    expect([r.rc, r.err[0]]).toEqual([rc, first])
  })
})

describe('the other commands', () => {
  it('enable and disable, but not memory', () => {
    const { run, driver } = rigOf('fsdev_dax')
    expect(run('enable-device', 'dax0.0').err).toEqual(['enabled 1 device'])
    expect(driver()).toBe('fsdev_dax')
    expect(run('disable-device', 'all').err).toEqual(['disabled 1 device'])
    expect(driver()).toBe(null)
    run('reconfigure-device', '-m', 'system-ram', 'dax0.0')
    for (const c of ['enable-device', 'disable-device']) {
      const r = run(c, 'dax0.0')
      expect([r.rc, r.err[0]]).toEqual([250, 'dax0.0: status operations are only applicable in devdax mode'])
    }
  })
  it('offline and online the memory', () => {
    const { run } = rigOf()
    expect(run('online-memory', 'dax0.0').err[0]).toBe('dax0.0: memory operations are not applicable in devdax mode')
    run('reconfigure-device', '-m', 'system-ram', 'dax0.0')
    expect(run('online-memory', 'dax0.0')).toMatchObject({ rc: 1 })
    expect(run('offline-memory', '-v', 'dax0.0').err).toEqual([
      'dax0.0: 2 memory sections offlined',
      'offlined memory for 1 device',
    ])
    expect(run('offline-memory', 'dax0.0').err[0]).toBe('dax0.0: all memory sections (2) already offline')
    expect(run('online-memory', 'dax0.0', '--no-movable').rc).toBe(0)
    expect(run('list').out).toContain('    "movable":false')
  })
  it('an unknown one', () => expect(rigOf().run('migrate').rc).toBe(1))
})

describe('/sys', () => {
  const D = '/sys/bus/dax/devices/dax0.0'
  const R = '/sys/bus/dax/drivers'
  it.each([
    [`${D}/size`, '268435456'],
    [`${D}/align`, '2097152'],
    [`${D}/resource`, '0x1000000000'],
    [`${D}/mapping0/start`, '0x1000000000'],
    [`${D}/mapping0/end`, '0x100fffffff'],
    [`${D}/mapping0/page_offset`, '0x0'],
    [`${D}/driver`, 'device_dax'],
    [`${D}/mood`, -ENOENT],
    ['/sys/bus/dax/devices/dax9.0/size', -ENOENT],
    [`${R}/kmem/bind`, -EACCES],
    ['/sys/devices/system/memory/block_size_bytes', '8000000'],
  ])('%s says %s', (path, want) => expect(rigOf().read(path)).toBe(want))
  it.each([
    ['resize while bound', 'device_dax', `${D}/size`, '2097152', -EBUSY],
    ['a size that is none', null, `${D}/size`, 'large', -EINVAL],
    ['a size off the align', null, `${D}/size`, '4096', -EINVAL],
    ['grow: the region is full', null, `${D}/size`, '536870912', -ENOSPC],
    ['shrink: not modelled', null, `${D}/size`, '2097152', -EOPNOTSUPP],
    ['its own size', null, `${D}/size`, '268435456', 9],
    ['align while bound', 'device_dax', `${D}/align`, '4096', -EBUSY],
    ['an align there is not', null, `${D}/align`, '8192', -EINVAL],
    ['an align that the size does not suit', null, `${D}/align`, '1073741824', -EINVAL],
    ['align while idle', null, `${D}/align`, '4096', 4],
    ['bind while bound', 'device_dax', `${R}/device_dax/bind`, 'dax0.0', -EBUSY],
    ['bind to a driver that was not told', null, `${R}/fsdev_dax/bind`, 'dax0.0', -ENODEV],
    ['bind no device', null, `${R}/device_dax/bind`, 'dax9.0', -ENODEV],
    ['unbind from another driver', 'device_dax', `${R}/kmem/unbind`, 'dax0.0', -ENODEV],
    ['new_id binds at once', null, `${R}/fsdev_dax/new_id`, 'dax0.0', 6],
    ['new_id of a name that is none', null, `${R}/fsdev_dax/new_id`, 'zero', -EINVAL],
    ['a file that cannot be written', null, `${D}/resource`, '0', -EACCES],
    ['no such file', null, `${D}/mood`, '0', -ENOENT],
  ] as const)('%s', (_, driver, path, text, want) => {
    expect(rigOf(driver).write(path, text)).toBe(want)
  })
  it('takes nothing from anybody but root', () =>
    expect(rigOf(null).write(`${R}/device_dax/bind`, 'dax0.0', 1000)).toBe(-EACCES))
  it('a new align is what mappings take from then on', () => {
    const { rig, write } = rigOf(null)
    write(`${D}/align`, '4096')
    expect(write(`${R}/device_dax/bind`, 'dax0.0')).toBe(6)
    expect(rig.k.bus.devices()[0]!.folios.of(7).head).toBe(7)
  })
  it('has no fsdev_dax on a level without it', () =>
    expect(rigOf(null, { dax: 'devdax-6.14' }).write(`${R}/fsdev_dax/new_id`, 'dax0.0')).toBe(-ENOENT))
})
