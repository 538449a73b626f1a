// The step-by-step scenarios of kernel.md section 10 about using an open file, in every kernel that asks a server. What V10
// comes to was measured where oracle.md has it; the rest is read in source or concluded. The others: section10-open.test.ts.
import { simpleMap } from '../../src/conform/index.ts'
import { memory_failure, O_APPEND, O_RDWR, O_TRUNC, O_WRONLY } from '../../src/kernel/index.ts'
import { kernelProfile } from '../../src/profile/index.ts'
import { GiB, KiB, MiB, ms, sleep } from '../../src/sim/index.ts'
import { ENODATA, INIT_BIT } from '../../src/wire/index.ts'
import { file, mapped, StepHost, step, TWO, text, touch } from './step-host.ts'

/** Without the rule that only device 0 is named, where a kernel has it. */
const any_device = (kernel: string) => (kernelProfile(kernel).has('B44') ? { switches: { noDefect: ['B44'] } } : {})

step(
  '5. poison, then reads',
  {
    rfc: '8; told EBUSY; x 8; x 8; y 8; y 8; z 8; anew 8',
    v2: '8; told EBUSY; x 8; x 8; y 8; y 8; z 8; anew 8',
    v3: '8; told 0; x 0; x 0; y 0; y 0; z 8; anew 8',
    else: '8; told 0; x EHWPOISON; x EIO; y EHWPOISON; y EIO; z 8; anew 8',
  },
  kernel => {
    const h = new StepHost(kernel, { x: file(0), y: file(2), z: file(0, 1) }, any_device(kernel))
    h.rig.mount(h.s)
    h.out.push(h.openRead('/mnt/x'), `told ${text(h.rig.poison(0, 0))}`)
    for (const p of ['x', 'x', 'y', 'y', 'z']) h.out.push(`${p} ${h.openRead(`/mnt/${p}`)}`)
    h.umount()
    h.rig.mount(h.server({ x: file(0) }))
    h.out.push(`anew ${h.openRead('/mnt/x')}`)
    return h.out.join('; ')
  },
)

step(
  '6. poison, then faults',
  {
    rfc: '2 MiB data; page data, data; there data',
    v2: '2 MiB data; page data, data; there data',
    else: '2 MiB BUS_ADRERR; page BUS_ADRERR, BUS_ADRERR; there data',
  },
  kernel => {
    const h = new StepHost(kernel, { x: file(0), y: file(2), z: file(4) })
    h.rig.mount(h.s)
    h.rig.spawn('mapper', function* (sys) {
      const there = yield* mapped(sys, '/mnt/z')
      yield* touch(sys, there)
      const huge = yield* mapped(sys, '/mnt/x')
      const small = yield* mapped(sys, '/mnt/y', KiB(4))
      yield* sys.sleep(ms(10))
      h.out.push(`2 MiB ${yield* touch(sys, huge, true)}`)
      h.out.push(`page ${yield* touch(sys, small)}, ${yield* touch(sys, small)}`)
      h.out.push(`there ${yield* touch(sys, there)}`)
    })
    h.rig.kthread('memory_failure', function* (k) {
      yield* sleep(ms(5))
      yield* memory_failure(k, h.rig.mems[0]!, MiB(4), 0)
    })
    h.rig.go()
    return h.out.join('; ')
  },
)

step(
  '7. unbind under load',
  {
    rfc: 'unbind done; mapped data; read 0; read 0; WARN, oops, wrong-mode write',
    v2: 'unbind done; mapped data; read 0; read 0; WARN, oops, wrong-mode write',
    v3: 'unbind EBUSY; mapped data; read 8; read 8; unmapped; no problem',
    else: 'unbind done; mapped data; read EHWPOISON; read EIO; oops',
  },
  kernel => {
    const h = new StepHost(kernel, { x: file(0), y: file(2) })
    h.rig.mount(h.s)
    h.openRead('/mnt/y')
    h.rig.spawn('mapper', function* (sys) {
      const at = yield* mapped(sys, '/mnt/x')
      yield* touch(sys, at)
      yield* sys.sleep(ms(10))
      h.out.push(`mapped ${yield* touch(sys, at)}`)
      const fd = yield* sys.open('/mnt/y')
      for (let i = 0; i < 2; i++) h.out.push(`read ${text(yield* sys.pread(fd, 8, 0))}`)
      yield* sys.munmap(at, TWO)
      h.out.push('unmapped')
    })
    h.rig.spawn('admin', function* (sys) {
      yield* sys.sleep(ms(5))
      const { fs_driver } = sys.ts.k.profile.dax
      const rc = yield* sys.sysfs_write(`/sys/bus/dax/drivers/${fs_driver}/unbind`, 'dax0.0')
      h.out.push(`unbind ${rc > 0 ? 'done' : text(rc)}`)
    })
    h.rig.go()
    return `${h.out.join('; ')}; ${h.problems()}`
  },
)

step(
  '11b. a permissive server truncates',
  {
    else: 'truncate 0; ENXIO, EIO',
  },
  kernel => {
    const h = new StepHost(kernel, { x: file(0) })
    h.s.truncates = true
    h.rig.mount(h.s)
    return h.rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/x', O_RDWR)
      const rc = yield* sys.ftruncate(fd, KiB(4))
      return `truncate ${text(rc)}; ${text(yield* sys.pread(fd, 8, 0))}, ${text(yield* sys.pread(fd, 8, 0))}`
    })
  },
)

const truncating = (kernel: string): StepHost => {
  const h = new StepHost(kernel, { x: file(0) })
  h.s.init.push(INIT_BIT.ATOMIC_O_TRUNC)
  h.s.errnos.GETXATTR = ENODATA
  h.rig.mount(h.s)
  return h
}

step(
  '11c. O_TRUNC, stat, then a read',
  {
    else: 'size 2097152; read 8',
  },
  kernel =>
    truncating(kernel).rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/x', O_RDWR | O_TRUNC)
      const st = yield* sys.fstat(fd)
      return `size ${typeof st === 'number' ? text(st) : st.size}; read ${text(yield* sys.pread(fd, 8, 0))}`
    }),
)

step(
  '11d. O_TRUNC, then a write',
  {
    else: 'ENXIO, EIO',
  },
  kernel =>
    truncating(kernel).rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/x', O_WRONLY | O_TRUNC)
      const [first, second] = [yield* sys.write(fd, new Uint8Array(6)), yield* sys.write(fd, new Uint8Array(6))]
      return `${text(first)}, ${text(second)}`
    }),
)

step(
  '11e. the server reports another size',
  {
    else: 'mapped 0; ENXIO, EIO',
  },
  kernel => {
    const h = new StepHost(kernel, { x: file(0) })
    h.s.attrValid = 0
    h.rig.mount(h.s)
    return h.rig.run(function* (sys) {
      const at = yield* mapped(sys, '/mnt/x')
      yield* touch(sys, at)
      const fd = yield* sys.open('/mnt/x')
      h.s.files.get('x')!.size = 123
      yield* sys.stat('/mnt/x')
      const pages = sys.ts.mm!.pmds.size + sys.ts.mm!.ptes.size
      return `mapped ${pages}; ${text(yield* sys.pread(fd, 8, 0))}, ${text(yield* sys.pread(fd, 8, 0))}`
    })
  },
)

step(
  '12. a write shoots mappings down',
  {
    else: '1 more faults; 1 major',
  },
  kernel => {
    const h = new StepHost(kernel, { x: file(0) })
    h.rig.mount(h.s)
    return h.rig.run(function* (sys) {
      const at = yield* mapped(sys, '/mnt/x')
      yield* touch(sys, at)
      const fd = yield* sys.open('/mnt/x', O_RDWR)
      const before = sys.faults()
      yield* sys.pwrite(fd, Uint8Array.of(1), 0)
      yield* touch(sys, at)
      const again = sys.faults() - before
      const small = yield* mapped(sys, '/mnt/x', KiB(4))
      const major = sys.ts.mm!.maj_flt.peek()
      yield* touch(sys, small, true)
      return `${again} more faults; ${sys.ts.mm!.maj_flt.peek() - major} major`
    })
  },
)

step(
  '13. O_APPEND',
  {
    else: 'wrote 1; byte 0 is 7; past the end 0',
  },
  kernel => {
    const h = new StepHost(kernel, { x: file(0) })
    h.rig.mount(h.s)
    return h.rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/x', O_RDWR | O_APPEND)
      const n = yield* sys.write(fd, Uint8Array.of(7))
      const byte = new Uint8Array(1)
      yield* sys.pread(fd, byte, 0)
      return `wrote ${text(n)}; byte 0 is ${byte[0]}; past the end ${text(yield* sys.pwrite(fd, byte, TWO))}`
    })
  },
)

step(
  '18. a device of two ranges',
  {
    rfc: '4096, 4096; oops',
    v2: '4096, 4096; oops',
    v3: '4096; oops',
    else: '4096, 4096, across EFAULT; no problem',
  },
  kernel => {
    const ranges = [
      { start: GiB(64), len: MiB(64) },
      { start: GiB(16), len: MiB(64) },
    ]
    const h = new StepHost(kernel, { x: simpleMap([[0, MiB(62), MiB(4)]]) }, { devices: [{ size: MiB(128), ranges }] })
    h.rig.mount(h.s)
    h.rig.spawn('reader', function* (sys) {
      const fd = yield* sys.open('/mnt/x')
      for (const at of [TWO - KiB(4), TWO]) h.out.push(text(yield* sys.pread(fd, KiB(4), at)))
      h.out.push(`across ${text(yield* sys.pread(fd, KiB(8), TWO - KiB(4)))}`)
    })
    h.rig.go()
    return `${h.out.join(', ')}; ${h.problems()}`
  },
)
