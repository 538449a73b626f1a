// The step-by-step scenarios of kernel.md section 10 about opening a file, in every kernel that asks a server. What V10
// comes to was measured where oracle.md has it; the rest is read in source or concluded. The others: section10-access.test.ts.
// Elsewhere: 8 is test/kernel/mode-matrix.test.ts; 9 and 10 are R8 and R9 of races.test.ts; 16 is test/world/striped.test.ts;
// 19 is B51, of the daemon.
import { fmapOf } from '../../src/conform/index.ts'
import { MKDEV } from '../../src/devdax/index.ts'
import { O_CREAT, O_RDWR, S_IFREG, tmpfs_mknod } from '../../src/kernel/index.ts'
import { ms, signal, sleep } from '../../src/sim/index.ts'
import { EINVAL, fmapLength, fuse_create_out } from '../../src/wire/index.ts'
import { file, StepHost, step, TWO, text } from './step-host.ts'

step(
  '1. two openers, both asks delayed',
  {
    rfc: '1 asks; open ok, open ok; nothing left',
    v3: '2 asks; open EEXIST, open ok; nothing left',
    else: '2 asks; open ok, open ok; nothing left',
  },
  kernel => {
    const h = new StepHost(kernel, { x: file(0) })
    h.s.delays.GET_FMAP = ms(10)
    h.rig.mount(h.s)
    for (const name of ['a', 'b'])
      h.rig.spawn(name, function* (sys) {
        const fd = yield* sys.open('/mnt/x')
        h.out.push(`open ${fd < 0 ? text(fd) : 'ok'}`)
        if (fd >= 0) yield* sys.close(fd)
      })
    h.rig.go()
    h.umount()
    return `${h.asked('GET_FMAP')} asks; ${h.out.sort().join(', ')}; ${h.left()}`
  },
)

step(
  '2. the map is refused by the server',
  {
    rfc: '8; LOOKUP GET_FMAP:EINVAL OPEN READ FLUSH RELEASE; fmap reply',
    v2: '8; LOOKUP OPEN GET_FMAP:EINVAL READ FLUSH RELEASE; fmap reply',
    else: 'open EINVAL; LOOKUP OPEN GET_FMAP:EINVAL RELEASE; nothing left',
  },
  kernel => {
    const h = new StepHost(kernel, { x: EINVAL })
    h.s.files.get('x')!.size = TWO
    h.rig.mount(h.s)
    const got = h.openRead('/mnt/x')
    const log = h.log().map(l => l.replace(/:\d+/, ''))
    h.umount()
    return `${got}; ${log.join(' ')}; ${h.left()}`
  },
)

step(
  '3. the device fails, then heals',
  {
    rfc: '0; again 0; asked 0; evicted 8',
    v2: '0; again 0; asked 0; evicted 8',
    v3: '0; again 0; asked 0; evicted 8',
    new: 'EIO; push 0; again EIO; asked 0; evicted 8',
    else: 'EIO; again EIO; asked 0; evicted 8',
  },
  kernel => {
    const h = new StepHost(kernel, { x: file(0) })
    h.s.daxdevs[0] = 2
    const mt = h.rig.mount(h.s)
    h.out.push(h.openRead('/mnt/x'))
    h.s.daxdevs[0] = '/dev/dax0.0'
    if (!h.pull) h.out.push(`push ${text(h.rig.push(mt, 0, '/dev/dax0.0'))}`)
    const from = h.s.log.length
    h.out.push(`again ${h.openRead('/mnt/x')}`, `asked ${h.asked('GET_FMAP', from) + h.asked('GET_DAXDEV', from)}`)
    h.evict()
    h.out.push(`evicted ${h.openRead('/mnt/x')}`)
    return h.out.join('; ')
  },
)

step(
  '4. the device is held by another mount',
  {
    rfc: '0; first gone 0',
    v2: '0; first gone 0',
    v3: '0; first gone 0',
    new: 'push EBUSY; EIO; push EIO; first gone EIO',
    else: 'EIO; first gone EIO',
  },
  kernel => {
    const h = new StepHost(kernel, { x: file(0) })
    h.rig.mount(h.s, '/first')
    h.openRead('/first/x')
    const s = h.server({ x: file(0), y: file(2) })
    if (!h.pull) s.daxdevs.length = 0
    const mt = h.rig.mount(s)
    const push = (): void => void (h.pull || h.out.push(`push ${text(h.rig.push(mt, 0, '/dev/dax0.0'))}`))
    push()
    h.out.push(h.openRead('/mnt/x'))
    h.umount('/first')
    push()
    h.out.push(`first gone ${h.openRead('/mnt/y')}`)
    return h.out.join('; ')
  },
)

step(
  '14. create, use, and open again',
  {
    rfc: 'LOOKUP CREATE WRITE FLUSH RELEASE; again 8, asked 0',
    else: 'LOOKUP CREATE WRITE FLUSH RELEASE; again 8, asked 1',
  },
  kernel => {
    const h = new StepHost(kernel, {})
    h.s.script = req => {
      if (req.op.name !== 'CREATE') return undefined
      h.s.files.set('new', { nodeid: 200, size: TWO, fmap: file(4) })
      const attr = { ino: 200, size: 0, mode: S_IFREG | 0o644, nlink: 1 }
      return { def: fuse_create_out, values: { entry: { nodeid: 200, attr }, open: { fh: 7 } } }
    }
    h.rig.mount(h.s)
    h.rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/new', O_RDWR | O_CREAT)
      yield* sys.pwrite(fd, new Uint8Array(8), 0)
      yield* sys.close(fd)
    })
    const first = h.log().map(l => l.replace(/:.*/, ''))
    const from = h.s.log.length
    const again = h.openRead('/mnt/new')
    return `${first.join(' ')}; again ${again}, asked ${h.asked('GET_FMAP', from)}`
  },
)

step(
  '15. killed while the map is fetched',
  {
    rfc: 'LOOKUP GET_FMAP INTERRUPT; dead after the answer',
    else: 'LOOKUP OPEN GET_FMAP INTERRUPT FLUSH RELEASE; dead after the answer',
  },
  kernel => {
    const h = new StepHost(kernel, { x: file(0) })
    h.s.delays.GET_FMAP = ms(10)
    // As measured: nobody reads in the moment when the opener, who is as good as dead, asks for the device.
    h.s.delays.INTERRUPT = ms(8)
    h.s.busy = ms(0.1)
    h.rig.mount(h.s)
    const t = h.rig.spawn('opener', function* (sys) {
      yield* sys.open('/mnt/x')
    })
    const from = t.now
    h.rig.spawn('killer', function* () {
      yield* sleep(ms(5))
      signal(t, 'SIGKILL')
    })
    h.rig.go()
    const log = h.log().map(l => l.replace(/:.*/, ''))
    return `${log.join(' ')}; dead after ${t.now - from >= ms(10) ? 'the answer' : 'the kill'}`
  },
)

step(
  '17. a map of 40 extents',
  {
    rfc: '8',
    v2: '8',
    v3: 'open E2BIG',
    new: '8',
    else: 'open ERANGE',
  },
  kernel => {
    const map = {
      kind: 'simple' as const,
      fileSize: 40 * TWO,
      extents: Array.from({ length: 40 }, (_, i) => ({ dev: 0, offset: i * 2 * TWO, len: TWO })),
    }
    const h = new StepHost(kernel, { x: fmapOf({ ...map, fmapSize: fmapLength(map) }) })
    h.rig.mount(h.s)
    return h.openRead('/mnt/x')
  },
)

step(
  '20. a device that is none',
  {
    rfc: '0; a phantom',
    v2: '0; a phantom',
    v3: '0; a phantom',
    new: 'push ENODEV; EIO; no object',
    else: 'EIO; a phantom',
  },
  kernel => {
    const h = new StepHost(kernel, { x: file(0) })
    tmpfs_mknod(h.rig.k, '/dev/null', MKDEV(1, 3))
    h.s.daxdevs[0] = h.pull ? '/dev/null' : 2
    const mt = h.rig.mount(h.s)
    if (!h.pull) h.out.push(`push ${text(h.rig.push(mt, 0, '/dev/null'))}`)
    h.out.push(h.openRead('/mnt/x'), h.rig.k.bus.dax_dev_find(MKDEV(1, 3)) === null ? 'no object' : 'a phantom')
    return h.out.join('; ')
  },
)
