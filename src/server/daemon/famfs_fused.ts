// The program famfs_fused (userspace.md e.1): mounts, goes into the background, and serves until it is unmounted, told to end, or
// killed. What is told to end unmounts and takes its socket away; what is killed leaves both, and a mount that is dead.
import {
  fuse_dev_open,
  type Kernel,
  MNT_DETACH,
  O_DIRECTORY,
  O_PATH,
  S_IFSOCK,
  type Sys,
  start_daemon,
} from '../../kernel/index.ts'
import type { ServerProfile } from '../../profile/index.ts'
import { Killed, kfn, type Step } from '../../sim/index.ts'
import { EINTR, errnoName } from '../../wire/index.ts'
import type { Proc, Program } from '../proc.ts'
import { Fused, type Worker } from './fused.ts'
import { attr_of } from './lookup.ts'
import { fused_handlers } from './operations.ts'
import { type FusedOptions, parse_options } from './options.ts'
import { encode_reply, fuse_session_loop, type Handlers } from './session.ts'
import { sock_close, sock_listen } from './sock.ts'
import { insim } from './transport/insim.ts'

const SOCK_MODE = 0o660

/** The last thread was told to end, or the mount is gone: the socket goes, what is still mounted, and all descriptors. */
const fused_exit = kfn('famfs_fused exit', function* (d: Fused, sys: Sys, unmount: boolean): Step<void> {
  yield* sys.unlink(d.sock)
  yield* d.transport.close()
  if (unmount) yield* sys.umount(d.options.mountpoint, MNT_DETACH)
  for (const fd of d.icache.destroy()) yield* sys.close(fd)
})

/** One thread: serve; the last of them closes the connection, however it ends. */
function* serve(d: Fused, handlers: Handlers<Worker>, i: number, sys: Sys): Step<number> {
  const { transport } = d
  const w: Worker = { sys, errno: d.errnos[i]!, reply: (unique, r) => transport.send(encode_reply(unique, r)) }
  let rc = 0
  let killed: Killed | null = null
  try {
    rc = yield* fuse_session_loop(d.k.opcodes, transport, handlers, w)
  } catch (e) {
    if (!(e instanceof Killed)) throw e
    killed = e
  }
  d.serving.poke(d.serving.peek() - 1)
  if (d.serving.peek() === 0) {
    sock_close(d)
    if (killed === null) yield* fused_exit(d, sys, rc === -EINTR)
    else yield* transport.close()
  }
  if (killed !== null) throw killed
  return rc
}

/** Options of the mount as /proc/mounts shows them; the older kernels take and show the shadow tree. */
const shown = (k: Kernel, { mountOptions, shadow }: FusedOptions): string =>
  [
    'nosuid,nodev,relatime,user_id=0,group_id=0',
    ...['default_permissions', 'allow_other'].filter(o => mountOptions.includes(o)),
    ...(k.profile.t.shadow_option ? [`shadow=${shadow}`] : []),
  ].join(',')

/**
 * The running process mounts and goes on as the daemon: its first thread may end, its others serve. What went wrong, in words,
 * when it could not.
 */
export const start_fused = kfn('famfs_fused', function* (sys: Sys, server: ServerProfile, options: FusedOptions): Step<
  Fused | string
> {
  const { k, group_leader } = sys.ts
  const { shadow, mountpoint, fsname, mountOptions } = options
  const rootPath = shadow.endsWith('/root') ? shadow : `${shadow}/root`
  const fd = yield* sys.open(rootPath, O_PATH | O_DIRECTORY)
  const st = fd < 0 ? fd : yield* sys.fstat(fd)
  if (typeof st === 'number') return `${rootPath}: ${errnoName(-st)}; expected the root of a shadow tree`
  const dev = fuse_dev_open(k, { default_permissions: mountOptions.includes('default_permissions') })
  const transport = insim(dev)
  const rc = yield* sys.mount(dev, mountpoint, { fsname, options: shown(k, options) })
  if (rc < 0) {
    yield* transport.close()
    return `mount ${mountpoint}: ${errnoName(-rc)}`
  }
  const root = { name: '/', attr: attr_of(st), fmap: null, fd }
  const d = new Fused({ k, pid: group_leader.pid, options, server, transport, rootPath, root })
  yield* sys.unlink(d.sock)
  yield* sys.mknod(d.sock, S_IFSOCK | SOCK_MODE)
  yield* sys.chmod(d.sock, SOCK_MODE)
  const node = yield* sys.stat(d.sock)
  if (typeof node !== 'number') sock_listen(d, node.ino)
  const handlers = fused_handlers(d)
  const threads = d.errnos.map((_, i) => ({ comm: `famfsd/${i}`, body: (own: Sys) => serve(d, handlers, i, own) }))
  start_daemon(group_leader, threads)
  return d
})

export const famfs_fused_main: Program = kfn('famfs_fused main', function* (p: Proc): Step<number> {
  const parsed = parse_options(p.argv)
  if ('exit' in parsed) {
    for (const line of parsed.out) p.out(line)
    for (const line of parsed.err) p.err(line)
    return parsed.exit
  }
  const started = yield* start_fused(p.sys, p.site.server, parsed.options)
  if (typeof started !== 'string') return 0
  p.err(`famfs_fused: ${started}`)
  return 1
})
