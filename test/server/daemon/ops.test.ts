// The daemon's answers, request by request, as the real one gave them over the same shadow tree (userspace.md e.2 to e.4).
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { O_DIRECT, S_IFIFO } from '../../../src/kernel/index.ts'
import type { Reply } from '../../../src/server/daemon/session.ts'
import {
  FATTR_ATIME,
  FATTR_GID,
  FATTR_MODE,
  FATTR_MTIME,
  FATTR_SIZE,
  FATTR_UID,
  fuse_attr_out,
  fuse_entry_out,
  fuse_getxattr_out,
  fuse_open_out,
  fuse_statfs_out,
} from '../../../src/wire/index.ts'
import { daemon, SHADOW } from './shadow-rig.ts'

interface Vector {
  readonly shadow: Readonly<Record<string, string>>
  readonly fmaps: Readonly<Record<string, string>>
  readonly daxdev0: string
  readonly ops: readonly { readonly op: string; readonly replies: readonly string[] }[]
}
const vector: Vector = JSON.parse(readFileSync(new URL('../../vectors/fused-ops.json', import.meta.url), 'utf8'))

const STRERROR: Readonly<Record<number, string>> = {
  0: 'Success',
  2: 'No such file or directory',
  22: 'Invalid argument',
  34: 'Numerical result out of range',
  61: 'No data available',
  95: 'Operation not supported',
}

/** A reply as the harness printed it. */
const text = (r: Reply): string => {
  if (r === null) return 'reply_none'
  if ('errno' in r) return `reply_err(${r.errno} ${STRERROR[r.errno]})`
  if ('bytes' in r) return `reply_buf ${r.bytes.length} bytes`
  const v = r.values as any
  const of = (a: any) => `mode=0${a.mode.toString(8)} size=${a.size} uid=${a.uid} gid=${a.gid}`
  if (r.def === fuse_attr_out) return `reply_attr ${of(v.attr)} to=${v.attr_valid}`
  if (r.def === fuse_entry_out) {
    const { nlink, blksize, blocks } = v.attr
    const inode = `${of(v.attr)} nlink=${nlink} blksize=${blksize} blocks=${blocks}`
    return `reply_entry ${inode} attr_to=${v.attr_valid} entry_to=${v.entry_valid} gen=${v.generation ?? 0}`
  }
  if (r.def === fuse_open_out) {
    const has = (bit: number): number => (v.open_flags >> bit) & 1
    const flags = `direct_io=${has(0)} keep_cache=${has(1)} pdw=${has(6)} cache_readdir=${has(3)}`
    return `reply_open fh=${v.fh === -1 ? 'f'.repeat(16) : v.fh} ${flags}`
  }
  if (r.def === fuse_getxattr_out) return `reply_xattr ${v.size}`
  if (r.def === fuse_statfs_out) return `reply_statfs bsize=${v.st.bsize} (from shadow fs)`
  return JSON.stringify(v)
}

const hex = (r: Reply): string => (r !== null && 'bytes' in r ? Buffer.from(r.bytes).toString('hex') : text(r))

it('answers what the real daemon answered, in the same order', () => {
  const files = Object.entries(vector.shadow).filter(([name]) => !name.startsWith('.meta/'))
  const meta = Object.entries(vector.shadow).filter(([name]) => name.startsWith('.meta/'))
  const { ask, d, step, sys, others, values } = daemon(Object.fromEntries([...meta, ...files, ['sub/', '']]))
  step(function* () {
    yield* sys.chmod(`${SHADOW}/root/sub`, 0o750)
    yield* sys.symlink('simple4k', `${SHADOW}/root/link`)
    yield* sys.mknod(`${SHADOW}/root/fifo`, S_IFIFO | 0o644)
  })
  const nodes = new Map([['root', 1]])
  const set = (o: { cache: string }): void => void Object.assign(d.options, o)
  const setattr = (valid: number, more: object = {}): Reply =>
    ask('SETATTR', nodes.get('simple4k')!, { valid, ...more })
  const released = (): Reply => {
    expect(ask('RELEASE', nodes.get('simple4k')!, { fh: -1 })).toBeNull()
    return others.pop()!.r
  }
  const lock = (name: 'SETLK' | 'SETLKW', type: number): Reply =>
    ask(name, nodes.get('simple4k')!, { owner: 1, lk: { type }, lk_flags: 1 })
  const xattr = (name: string, size: number): Reply => ask('GETXATTR', 1, { size }, [name])
  const S = 'user.famfs.shadow'

  const play = (op: string): Reply[] => {
    const look = /^LOOKUP parent=(\w+) (\S+)$/.exec(op)
    if (look !== null) {
      const [, where, name] = look
      const parent = name === '.superblock' || name === '.log' ? '.meta' : where!
      const r = ask('LOOKUP', nodes.get(parent)!, undefined, [name!])
      if (values(r).nodeid !== undefined) nodes.set(name!, values(r).nodeid)
      return [r]
    }
    const fmap = /^GET_FMAP fmap_(\w+)$/.exec(op)?.[1]
    if (fmap !== undefined) {
      const r = ask('GET_FMAP', nodes.get(nodes.has(fmap) ? fmap : `.${fmap}`)!)
      if (vector.fmaps[fmap] !== undefined) expect(hex(r), op).toBe(vector.fmaps[fmap])
      return [r]
    }
    switch (op) {
      case 'GET_FMAP on directory':
        return [ask('GET_FMAP', nodes.get('sub')!)]
      case 'GET_DAXDEV 0': {
        const r = ask('GET_DAXDEV', 0)
        expect(hex(r)).toBe(vector.daxdev0)
        return [r]
      }
      case 'GET_DAXDEV 1':
        return [ask('GET_DAXDEV', 1)]
      case 'GET_DAXDEV 0, no daxdev':
        return [daemon({}, { o: 'flock' }).ask('GET_DAXDEV', 0)]
      case 'GETATTR root':
        return [ask('GETATTR', 1, {})]
      case 'GETATTR simple4k':
        return [ask('GETATTR', nodes.get('simple4k')!, {})]
      case 'SETATTR mode|uid|gid':
        return [setattr(FATTR_MODE | FATTR_UID | FATTR_GID, { mode: 0o100600, uid: 5, gid: 6 })]
      case 'SETATTR size':
        return [setattr(FATTR_SIZE)]
      case 'SETATTR mtime':
        return [setattr(FATTR_MTIME, { mtime: 1234 })]
      case 'SETATTR atime only':
        return [setattr(FATTR_ATIME, { atime: 1234 })]
      case 'OPEN':
        return [ask('OPEN', nodes.get('simple4k')!, { flags: 2 })]
      case 'OPEN O_DIRECT':
        return [ask('OPEN', nodes.get('simple4k')!, { flags: O_DIRECT })]
      case 'OPEN cache=never':
      case 'OPEN cache=always': {
        set({ cache: op.slice('OPEN cache='.length) })
        const r = ask('OPEN', nodes.get('simple4k')!, {})
        set({ cache: 'auto' })
        return [r]
      }
      case 'FLOCK LOCK_EX / LOCK_EX again / SH / LOCK_EX|NB / UN / UN':
        return [
          lock('SETLKW', 1),
          lock('SETLKW', 1),
          lock('SETLKW', 0),
          lock('SETLK', 1),
          lock('SETLKW', 2),
          lock('SETLKW', 2),
        ]
      case 'RELEASE':
        return [released()]
      case 'CREATE':
        return [ask('CREATE', 1, {}, ['new'])]
      case 'GETXATTR shadow size0/4/400, other':
        return [xattr(S, 0), xattr(S, 4), xattr(S, 400), xattr('user.other', 400)]
      case 'STATFS':
        return [ask('STATFS', 1)]
      case 'refcount simple4k before forget: 12':
        expect(d.icache.byNode(nodes.get('simple4k')!)!.refs.peek()).toBe(12)
        return []
      case 'FORGET 2 (pinned)':
        return [ask('FORGET', nodes.get('simple4k')!, { nlookup: 2 })]
      case 'refcount after: 10 icache count 11':
        expect(d.icache.byNode(nodes.get('simple4k')!)!.refs.peek()).toBe(10)
        expect(d.icache.count).toBe(11)
        return []
      default:
        throw new Error(`nothing is known of ${op}`)
    }
  }
  // The last two are about a buffer that the caller of a function gives, which no request can.
  const ops = vector.ops.filter(o => !/^(to_msg|nextents)/.test(o.op))
  expect(ops).toHaveLength(vector.ops.length - 2)
  for (const { op, replies } of ops) expect([op, ...play(op).map(text)]).toEqual([op, ...replies])
})
