// Log play: the trees of the reference images byte for byte, what it counts, where it stops, what it does with what it is told.
import { describe, expect, it, test } from 'vitest'
import { O_RDONLY, S_ISREG, tmpfs_create, tmpfs_mkdir } from '../../../src/kernel/index.ts'
import {
  ENTRY_SIZE,
  encodeEntry,
  encodeLogHeader,
  entryOffset,
  freshLogHeader,
  LOG_OFFSET,
  type LogEntry,
} from '../../../src/media/index.ts'
import { famfs_logplay } from '../../../src/server/lib/logplay.ts'
import { SYSTEM_UUID_FILE } from '../../../src/server/lib/role.ts'
import { GiB, MiB } from '../../../src/sim/index.ts'
import type { Host, WorldOptions } from '../../../src/world/index.ts'
import { image, vectors } from '../../media/images.ts'
import { asProgram, oneHost, treeOf } from './on-host.ts'

const DEV = '/dev/dax0.0'
const MPT = '/mnt/famfs'
const trees = vectors<Record<'basic4g' | 'interleave8g', Record<string, string>>>('shadow-tree')

/** A host with a reference image on its device; it owns it unless told otherwise. */
function hostWith(name: 'basic4g' | 'interleave8g', o: WorldOptions & { client?: boolean } = {}) {
  const im = image(name)
  const { w, h } = oneHost({ size: im.deviceSize, ...o })
  const { memory } = w.memory('dax0.0')!
  memory.write(0, im.bytes)
  if (!o.client) {
    tmpfs_mkdir(h.k, '/opt/famfs')
    tmpfs_create(h.k, SYSTEM_UUID_FILE, `${im.expected.superblock!.system_uuid}\0`)
  }
  tmpfs_mkdir(h.k, MPT)
  return { w, h, im, memory }
}

/** Every regular file below a directory, with its text. */
function filesOf(h: Host, root: string): Record<string, string> {
  const names = treeOf(h, root)
  const { value } = asProgram(h, function* ({ sys }) {
    const out: [string, string][] = []
    for (const name of names) {
      const st = yield* sys.stat(`${root}/${name}`)
      if (typeof st === 'number' || !S_ISREG(st.mode)) continue
      const fd = yield* sys.open(`${root}/${name}`, O_RDONLY)
      const buf = new Uint8Array(st.size)
      yield* sys.read(fd, buf)
      yield* sys.close(fd)
      out.push([name, String.fromCharCode(...buf)])
    }
    return out
  })
  return Object.fromEntries(value)
}

const shadowOf = (h: Host): string => `/tmp/${treeOf(h, '/tmp').find(n => /^famfs_shadow_......$/.test(n))}`
const SUMMARY = (n: number, files: number, dirs: number): string =>
  `famfs_logplay(shadow): ${n} log entries; ${files} new files; ${dirs} new directories`

describe.each([
  ['basic4g', 21, 13, 8],
  ['interleave8g', 9, 8, 1],
] as const)('%s', (name, entries, files, dirs) => {
  it.each(['famfs-48', 'fixed'])(
    '%s: mount makes the very tree of the real one, and log play finds it there',
    server => {
      const { w, h, im } = hostWith(name, { server })
      expect(h.cli(`famfs mount ${DEV} ${MPT}`)).toMatchObject({
        rc: 0,
        out: [`daxdev=${DEV}, mpt=${MPT}`, SUMMARY(entries, files, dirs)],
        err: [],
      })
      const root = `${shadowOf(h)}/root`
      expect(filesOf(h, root)).toEqual(trees[name])
      for (const e of im.expected.entries!.filter(d => d.type === 1)) {
        const st = asProgram(h, function* ({ sys }) {
          return yield* sys.stat(`${root}/${e.path}`)
        }).value
        expect(st).toMatchObject({ uid: e.uid, gid: e.gid, mode: 0o040000 | Number.parseInt(e.mode!, 8) })
      }
      for (const how of ['', '-m ', '-r ', '-c ']) {
        const again = h.cli(`famfs logplay -v ${how}${MPT}/.meta`)
        expect([again.rc, ...again.out.slice(-3)]).toEqual([
          0,
          SUMMARY(entries, 0, 0),
          '\tCreated:  0 files, 0 directories',
          `\tExisted: ${files} files, ${dirs} directories`,
        ])
      }
      const dry = h.cli(`famfs logplay -n -v ${MPT}`)
      expect(dry.out).toContain(SUMMARY(entries, 0, 0))
      const first = im.expected.entries!.find(e => e.type === 0)!
      expect(dry.out.join('\n')).toContain(trees[name][first.path!]!.trimEnd())
      expect(filesOf(h, root)).toEqual(trees[name])
      w.close()
    },
  )

  it('of a device, into a directory: twice, and compared', () => {
    const { w, h } = hostWith(name)
    tmpfs_mkdir(h.k, '/tmp/s/root')
    const play = (more = '') => h.cli(`famfs logplay --shadow /tmp/s --daxdev ${DEV} ${more}`)
    expect(play()).toMatchObject({ rc: 0, out: [SUMMARY(entries, files, dirs)] })
    expect(play('--shadowtest')).toMatchObject({ rc: 0, out: [SUMMARY(entries, 0, 0)] })
    const want = Object.entries(trees[name]).filter(([path]) => !path.startsWith('.meta'))
    expect(filesOf(h, '/tmp/s/root')).toEqual(Object.fromEntries(want))
    const [path] = want[0]!
    asProgram(h, function* ({ sys }) {
      yield* sys.unlink(`/tmp/s/root/${path}`)
      yield* sys.mknod(`/tmp/s/root/${path}`, 0o100644)
    })
    expect(play('--shadowtest')).toMatchObject({
      rc: 2,
      out: expect.arrayContaining(['\tthere were 1 yaml errors detected']),
    })
    w.close()
  })
})

it("a client's files are not for writing, unless Q28 lets them be", () => {
  for (const [server, mode] of [
    ['famfs-48', 'mode: 0644'],
    ['fixed', 'mode: 0444'],
  ] as const) {
    const { w, h } = hostWith('basic4g', { server, client: true })
    expect(h.cli(`famfs mount ${DEV} ${MPT}`).rc).toBe(0)
    const tree = filesOf(h, `${shadowOf(h)}/root`)
    expect(tree.f4k).toContain(mode)
    expect(tree['.meta/.log']).toContain('mode: 0444')
    w.close()
  }
})

it('Q13: a missing directory makes a file of its first missing name, and dots lead out of the tree', () => {
  const file = (seqnum: number, path: string): LogEntry => ({
    type: 'file',
    seqnum,
    path,
    size: 1,
    flags: 2,
    uid: 0,
    gid: 0,
    mode: 0o644,
    fmap: { kind: 'simple', extents: [{ dev: 0, offset: MiB(10) + seqnum * MiB(2), len: MiB(2) }] },
  })
  const { w, h, memory } = hostWith('basic4g')
  const entries = [file(0, 'nodir/onebyte'), file(1, '../../x'), file(2, 'nodir/two'), file(3, 'ok')]
  const header = { ...freshLogHeader(MiB(8)), nextIndex: 4, nextSeqnum: 4 }
  memory.write(LOG_OFFSET, encodeLogHeader(header))
  entries.forEach((e, i) => {
    memory.write(LOG_OFFSET + entryOffset(i), encodeEntry(e))
  })
  expect(h.cli(`famfs mount ${DEV} ${MPT}`)).toMatchObject({ rc: 0, out: [expect.anything(), SUMMARY(4, 3, 0)] })
  const tree = filesOf(h, `${shadowOf(h)}/root`)
  expect(Object.keys(tree).filter(n => !n.startsWith('.meta'))).toEqual(['nodir', 'ok'])
  expect(tree.nodir).toContain('path: nodir/onebyte')
  expect(filesOf(h, '/tmp').x).toContain('path: ../../x')
  w.close()
})

test('-d without --shadow, --shadow twice, both ways to read, no path, a path that is in no famfs', () => {
  const { w, h } = hostWith('basic4g')
  tmpfs_create(h.k, '/tmp/file', '')
  const rc = (line: string) => h.cli(`famfs logplay ${line}`).rc
  expect(rc(`-d ${DEV} ${MPT}`)).toBe(1)
  expect(rc(`--shadow /tmp --shadow /tmp ${MPT}`)).toBe(22)
  expect(rc(`-r -m ${MPT}`)).toBe(1)
  expect(rc('')).toBe(1)
  expect(rc('/tmp')).toBe(1)
  expect(rc(`--shadow /tmp/none --daxdev ${DEV}`)).toBe(2)
  expect(rc(`--shadow /tmp/file --daxdev ${DEV}`)).toBe(20)
  expect(rc('--shadow /tmp --daxdev /dev/bogo')).toBe(6)
  expect(rc('-s /tmp')).toBe(0)
  w.close()
  const fixed = hostWith('basic4g', { server: 'fixed' })
  expect([fixed.h.cli('famfs logplay -s /tmp').rc, fixed.h.cli('famfs logplay -S /tmp').rc]).toEqual([1, 1])
  fixed.w.close()
})

describe('an append cut off after any byte of its entry', () => {
  it.each(['famfs-48', 'fixed'])(
    '%s: log play stops behind the last good entry, says so, and has all before it',
    server => {
      const { w, h, memory } = hostWith('basic4g', { server, fabric: { caches: false } })
      expect(h.cli(`famfs mount ${DEV} ${MPT}`).rc).toBe(0)
      const extent = { dev: 0, offset: GiB(1), len: MiB(2) }
      const whole = encodeEntry({
        type: 'file',
        seqnum: 2,
        path: 'new',
        size: 4096,
        flags: 2,
        uid: 0,
        gid: 0,
        mode: 0o644,
        fmap: { kind: 'simple', extents: [extent] },
      })
      const lastByte = whole.findLastIndex(b => b !== 0)
      const counters = { ...freshLogHeader(MiB(8)), nextIndex: 3, nextSeqnum: 3 }
      memory.write(LOG_OFFSET, encodeLogHeader(counters))
      const { value } = asProgram(h, function* (p) {
        const wrong: number[] = []
        for (let cut = 0; cut <= ENTRY_SIZE; cut++) {
          memory.write(LOG_OFFSET + entryOffset(2), new Uint8Array(ENTRY_SIZE))
          memory.write(LOG_OFFSET + entryOffset(2), whole.subarray(0, cut))
          const said: string[] = []
          const told = { ...p, out: (l: string) => void said.push(l), err: (l: string) => void said.push(l) }
          const { rc } = yield* famfs_logplay(told, { path: MPT, dryRun: true })
          const good = cut > lastByte
          const at =
            server === 'fixed' ? 'stopped behind entry 1, the last good one' : 'invalid log entry at index 2 of 3'
          const stopped = rc !== 0 && said.some(l => l.includes(at))
          if (stopped === good) wrong.push(cut)
        }
        return wrong
      })
      expect(value).toEqual([])
      memory.write(LOG_OFFSET + entryOffset(2), whole.subarray(0, 300).slice())
      memory.write(LOG_OFFSET + entryOffset(2) + 300, new Uint8Array(ENTRY_SIZE - 300))
      tmpfs_mkdir(h.k, '/tmp/s/root')
      expect(h.cli(`famfs logplay --shadow /tmp/s ${MPT}`).rc).toBe(1)
      const { onebyte, f4k } = trees.basic4g
      expect(filesOf(h, '/tmp/s/root')).toEqual({ onebyte, f4k })
      w.close()
    },
  )
})
