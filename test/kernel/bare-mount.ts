// A mount whose server is the test itself: it reads from and writes to the device as it likes.
import { RawServer, Rig, type RigOptions, replyBytes } from '../../src/conform/index.ts'
import { type FuseDev, fuse_dev_do_read, fuse_dev_do_write, fuse_dev_open, type Sys } from '../../src/kernel/index.ts'
import { ms, type Step, sleep, step } from '../../src/sim/index.ts'
import { decodeRequest, type Errno, errnoName, type Request } from '../../src/wire/index.ts'

/** Result as a name when it is an error. */
export const E = (n: Errno): number | string => (n < 0 ? errnoName(-n) : n)

export interface Bare {
  readonly rig: Rig
  readonly dev: FuseDev
  /** Has the answers that a test has no wish of its own for. */
  readonly s: RawServer
}

/** Mounted, and INIT answered. `before` may change what INIT is answered with. */
export const bare = (o: RigOptions & { destroy?: boolean } = {}, before?: (s: RawServer, rig: Rig) => void): Bare => {
  const rig = new Rig(o)
  const dev = fuse_dev_open(rig.k, { destroy: o.destroy })
  const s = new RawServer()
  before?.(s, rig)
  rig.run(function* (sys) {
    const rc = yield* sys.mount(dev, '/mnt')
    yield* answer({ rig, dev, s })
    return rc
  })
  return { rig, dev, s }
}

/** Read one request. */
export function* next({ rig, dev }: Pick<Bare, 'rig' | 'dev'>): Step<Request> {
  const msg = yield* fuse_dev_do_read(dev.fc)
  if (typeof msg === 'number') throw new Error(`read: ${E(msg)}`)
  const req = decodeRequest(rig.k.opcodes, msg)
  if ('error' in req) throw new Error(req.error)
  return req
}

/** Answer a request as the raw server would. */
export function* reply({ dev, s }: Bare, req: Request): Step<void> {
  const a = s.answer(req)
  s.note(req, a)
  for (const b of replyBytes(req.unique, a)) yield* fuse_dev_do_write(dev.fc, b)
}

/** Read one request and answer it so. */
export function* answer(b: Bare): Step<Request> {
  const req = yield* next(b)
  yield* reply(b, req)
  return req
}

/** Let time pass. The step makes what follows wait for the others' clocks. */
export function* pass(milliseconds: number): Step<void> {
  yield* sleep(ms(milliseconds))
  yield* step()
}

/** statfs(2) of the mount: 0 or the name of the errno. */
export function* statfs(sys: Sys): Step<number | string> {
  const r = yield* sys.statfs('/mnt')
  return typeof r === 'number' ? E(r) : 0
}
