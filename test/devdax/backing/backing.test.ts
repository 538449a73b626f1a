import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Backing,
  BackingError,
  bytesText,
  chooseBacking,
  freeHugePages,
  Lender,
  MAX_SIZE,
  openArrayBuffer,
  openDax,
  openFile,
  openHugetlb,
  openMemfd,
  SIZE_UNIT,
  surveyBackings,
} from '../../../src/devdax/backing/index.ts'
import { Memory } from '../../../src/devdax/memory.ts'
import { nativeAvailable } from '../../../src/native/index.ts'

const MiB = 2 ** 20
const GiB = 2 ** 30
const TiB = 2 ** 40
const native = nativeAvailable().ok
const freePages = freeHugePages()

let dir = ''
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'famsim-test-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const fds = (): number => readdirSync('/proc/self/fd').length

const readlink = (path: string): string | null => {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}

/** The message of the BackingError that `run` must throw; it has to be one line. */
const refusal = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(BackingError)
    const { message } = error as Error
    expect(message).not.toContain('\n')
    return message
  }
  throw new Error('expected a BackingError')
}

/** A number of this process from /proc, in bytes. */
const status = (field: string): number => {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))
  return Number(line?.[1] ?? Number.NaN) * 1024
}

describe('sizes', () => {
  const bad: [unknown, number][] = [
    [0, SIZE_UNIT],
    [-SIZE_UNIT, SIZE_UNIT],
    [1, SIZE_UNIT],
    [4096, SIZE_UNIT],
    [SIZE_UNIT - 1, SIZE_UNIT],
    [SIZE_UNIT + 1, 2 * SIZE_UNIT],
    [2.5 * SIZE_UNIT, 3 * SIZE_UNIT],
    [Number.NaN, SIZE_UNIT],
    [Number.POSITIVE_INFINITY, MAX_SIZE],
    [MAX_SIZE + SIZE_UNIT, MAX_SIZE],
    [2 ** 60, MAX_SIZE],
    ['2097152', SIZE_UNIT],
    [undefined, SIZE_UNIT],
  ]
  const openers: [string, (size: number) => unknown][] = [
    ['hugetlb', openHugetlb],
    ['memfd', openMemfd],
    ['file', openFile],
    ['arraybuffer', openArrayBuffer],
    ['dax', size => openDax(size, '/dev/null', { allowRealDevice: true })],
    ['dax to lend', size => new Lender('dax:/dev/null', { allowRealDevice: true }).open('x', size)],
    ['chooseBacking', size => chooseBacking({ size })],
    ['surveyBackings', surveyBackings],
  ]
  const table = openers.flatMap(([name, open]) => bad.map(([size, hint]) => [name, size, hint, open] as const))
  it.each(table)('%s refuses %s and suggests %i', (_name, size, hint, open) => {
    const before = fds()
    const message = refusal(() => open(size as number))
    expect(fds()).toBe(before)
    expect(message).toContain(`backing size ${String(size)}:`)
    expect(message).toContain('multiple of 2097152 bytes (2 MiB)')
    expect(message).toMatch(new RegExp(`; try ${hint}$`))
    expect(() => chooseBacking({ size: hint, want: 'arraybuffer' }).close()).not.toThrow()
  })

  it.each([
    [512, '512 B'],
    [SIZE_UNIT, '2 MiB'],
    [1.5 * GiB, '1.5 GiB'],
    [TiB, '1 TiB'],
    [4096 * TiB, '4 PiB'],
    [4096 * 1024 * TiB, '4096 PiB'],
  ])('%i is written %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text)
  })
})

type Kind = [name: string, open: (size: number) => Backing]
const kinds: Kind[] = [
  ['arraybuffer', size => openArrayBuffer(size)],
  ...(native
    ? ([
        ['memfd', size => openMemfd(size)],
        ['memfd without advice', size => openMemfd(size, { hugePageAdvice: false })],
        ['file', size => openFile(size)],
        ['file at a path', size => openFile(size, { path: join(dir, `image-${size}`) })],
      ] as Kind[])
    : []),
]

describe.each(kinds)('every kind: %s', (_name, open) => {
  it('has windows that cover the size, the last one as long as what is left', () => {
    const size = GiB + 6 * MiB
    const backing = open(size)
    const last = Math.ceil(size / backing.windowSize) - 1
    expect(backing.windowSize % SIZE_UNIT).toBe(0)
    expect(backing.window(0).length).toBe(backing.windowSize)
    expect(last * backing.windowSize + backing.window(last).length).toBe(size)
    expect(backing.why).toMatch(/^[^\n]+$/)
    backing.close()
  })

  it.each([-1, 2, 1.5, 1e9])('refuses window %d', i => {
    const backing = open(SIZE_UNIT * 2)
    const past = i === 2 ? Math.ceil(backing.size / backing.windowSize) : i
    expect(() => backing.window(past)).toThrow(RangeError)
    backing.close()
  })

  it('reads as zeros at first, keeps what is written, and counts it', () => {
    const backing = open(8 * MiB)
    const window = backing.window(0)
    expect(window.subarray(0, SIZE_UNIT).every(byte => byte === 0)).toBe(true)
    window.fill(7, 0, SIZE_UNIT)
    expect(backing.window(0)[SIZE_UNIT - 1]).toBe(7)
    expect(backing.residentBytes!()).toBeGreaterThanOrEqual(SIZE_UNIT)
    backing.close()
    expect(backing.residentBytes!()).toBe(0)
  })

  it('closes without a leak, twice without harm, and is shut afterwards', () => {
    open(4 * MiB).close()
    const before = fds()
    for (let i = 0; i < 20; i++) {
      const backing = open(2 * GiB)
      backing.window(0)[0] = 1
      backing.window(GiB / backing.windowSize)[0] = 1
      backing.close()
      backing.close()
      expect(refusal(() => backing.window(0))).toContain('used after close')
    }
    expect(fds()).toBe(before)
    expect(readFileSync('/proc/self/maps', 'utf8')).not.toMatch(/famsim-memfd|famsim-\w+\/bytes|\/image-/)
  })
})

describe('arraybuffer', () => {
  it.each([TiB, MAX_SIZE])('%i bytes cost what is touched', size => {
    const backing = openArrayBuffer(size)
    backing.window(size / SIZE_UNIT - 1)[5] = 9
    backing.window(3)[0] = 1
    expect(backing.window(size / SIZE_UNIT - 1)[5]).toBe(9)
    expect(backing.residentBytes!()).toBe(2 * SIZE_UNIT)
    backing.close()
  })
})

describe.skipIf(!native)('memfd', () => {
  it.each([
    [TiB, 1000],
    [16 * TiB, 200],
  ])(
    '%i bytes: %i pages written under a mark cost under 64 MiB, undo included, and nothing once closed',
    (size, pages) => {
      const before = { rss: status('VmRSS'), shmem: status('RssShmem') }
      const memory = new Memory(openMemfd(size))
      const mark = memory.mark()
      const step = Math.floor(size / pages / 4096) * 4096
      for (let i = 0; i < pages; i++) memory.write(i * step, Uint8Array.of(1 + (i % 200)))
      const rss = status('VmRSS') - before.rss
      const shmem = status('RssShmem') - before.shmem
      const got = new Uint8Array(1)
      for (let i = 0; i < pages; i++) {
        memory.read(i * step, got)
        expect(got[0]).toBe(1 + (i % 200))
      }
      expect(rss).toBeLessThan(64 * MiB)
      expect([shmem >= pages * 4096, shmem < 64 * MiB]).toEqual([true, true])
      expect(memory.backing.residentBytes!()).toBe(pages * 4096)
      expect(memory.undoStats().savedBytes).toBe(pages * 4096)
      memory.rewind(mark)
      memory.read((pages - 1) * step, got)
      expect(got[0]).toBe(0)
      memory.close()
      expect(status('RssShmem')).toBeLessThan(before.shmem + MiB)
    },
  )

  it('6 GiB: more than one view may hold works, window by window', () => {
    const backing = openMemfd(6 * GiB)
    for (let i = 0; i < 6; i++) {
      const window = backing.window(i)
      expect(window.length).toBe(GiB)
      window[0] = 10 + i
      window[GiB - 1] = 20 + i
    }
    for (let i = 0; i < 6; i++) expect([backing.window(i)[0], backing.window(i)[GiB - 1]]).toEqual([10 + i, 20 + i])
    backing.close()
  })

  it.each([
    [true, 'hg'],
    [false, 'nh'],
  ])('huge page advice %s shows as flag %s of the mapping', (hugePageAdvice, flag) => {
    // A kernel without transparent huge pages refuses the advice, and that is no error.
    const expected = existsSync('/sys/kernel/mm/transparent_hugepage') ? flag : undefined
    const backing = openMemfd(4 * MiB, { hugePageAdvice })
    const smaps = readFileSync('/proc/self/smaps', 'utf8')
    const flags = /famsim-memfd[\s\S]*?VmFlags: (.*)/.exec(smaps)![1].split(' ')
    expect(flags.find(name => name === 'hg' || name === 'nh')).toBe(expected)
    backing.close()
  })

  it('advises huge pages by itself up to 64 GiB, and not beyond', () => {
    for (const [size, pages] of [
      [64 * GiB, /huge pages advised/],
      [64 * GiB + SIZE_UNIT, /4 KiB pages/],
    ] as const) {
      const backing = openMemfd(size)
      expect(backing.why).toMatch(pages)
      backing.close()
    }
  })

  it('cannot be cut, by nobody', () => {
    const backing = openMemfd(4 * MiB)
    const fd = readdirSync('/proc/self/fd').find(n => readlink(`/proc/self/fd/${n}`)?.includes('famsim-memfd'))
    for (const size of [0, 8 * MiB]) expect(() => truncateSync(`/proc/self/fd/${fd}`, size)).toThrow(/EPERM/)
    backing.close()
  })

  it('maps each window on a 2 MiB boundary', () => {
    const backing = openMemfd(2 * GiB)
    backing.window(0)[0] = 1
    backing.window(1)[0] = 1
    const ranges = readFileSync('/proc/self/maps', 'utf8').matchAll(/^([0-9a-f]+)-([0-9a-f]+) .*famsim-memfd/gm)
    const starts = [...ranges].map(m => Number.parseInt(m[1], 16))
    expect(starts.length).toBeGreaterThan(0)
    for (const start of starts) expect(start % SIZE_UNIT).toBe(0)
    backing.close()
  })
})

describe.skipIf(!native)('mapping refused', () => {
  it('is one line or the next kind, and leaves nothing behind', () => {
    // In a process of its own: a limit on address space, just above what it has, lets small windows through and no large one.
    const index = fileURLToPath(new URL('../../../src/devdax/backing/index.ts', import.meta.url))
    const script = `
      import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
      import { createRequire } from 'node:module'
      import { chooseBacking, openFile, openMemfd } from ${JSON.stringify(index)}
      const [MiB, GiB] = [2 ** 20, 2 ** 30]
      // Files only: sockets and pipes of the loader come and go.
      const link = fd => { try { return readlinkSync('/proc/self/fd/' + fd) } catch { return '' } }
      const files = () => readdirSync('/proc/self/fd').filter(fd => link(fd).startsWith('/')).length
      const left = () => [files(), /famsim-/.test(readFileSync('/proc/self/maps', 'utf8'))]
      openMemfd(4 * MiB).close()
      const now = Number(/^VmSize:\\s+(\\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024
      const setrlimit = createRequire(import.meta.url)('koffi').load(null).func('int setrlimit(int what, uint64_t *limits)')
      const RLIMIT_AS = 9
      const rc = setrlimit(RLIMIT_AS, BigUint64Array.of(BigInt(now + 600 * MiB), BigInt(now + 600 * MiB)))
      openMemfd(4 * MiB).close()
      const before = left()
      const refusals = [openMemfd, openFile].map(open => {
        try { open(GiB); return null } catch (error) { return error.name + ': ' + error.message }
      })
      const { kind, why } = chooseBacking({ size: GiB })
      console.log(JSON.stringify({ rc, refusals, kind, why, before, after: left() }))`
    const r = JSON.parse(
      execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
        cwd: fileURLToPath(new URL('../../..', import.meta.url)),
        encoding: 'utf8',
      }),
    )
    expect([r.rc, r.before[1], r.after]).toEqual([0, false, r.before])
    for (const message of r.refusals)
      expect(message).toMatch(
        /^BackingError: (memfd|file) backing, window 0: mmap\([^\n]*\): ENOMEM \(errno 12\); no address space left; ulimit -v unlimited$/,
      )
    expect(r.kind).toBe('arraybuffer')
    expect(r.why).toContain('ENOMEM')
  })
})

describe.skipIf(!native)('file', () => {
  it('keeps bytes across close and open, is sparse, and grows', () => {
    const path = join(dir, 'kept')
    const first = openFile(4 * MiB, { path })
    first.window(0)[123] = 45
    first.window(0)[4 * MiB - 1] = 67
    expect(first.why).toBe(`${path}, kept on close`)
    first.close()
    expect(statSync(path).size).toBe(4 * MiB)
    expect(statSync(path).blocks * 512).toBeLessThan(MiB)
    const bytes = readFileSync(path)
    expect([bytes[123], bytes[4 * MiB - 1]]).toEqual([45, 67])

    const again = openFile(6 * MiB, { path })
    expect([again.window(0)[123], again.window(0)[4 * MiB - 1], again.window(0)[6 * MiB - 1]]).toEqual([45, 67, 0])
    again.close()
    expect(statSync(path).size).toBe(6 * MiB)
  })

  it('lends the first bytes of a longer file and keeps what lies behind', () => {
    const path = join(dir, 'long')
    writeFileSync(path, 'x')
    truncateSync(path, 6 * MiB)
    for (const fresh of [undefined, 'wiped'] as const) {
      const backing = openFile(4 * MiB, { path, fresh })
      expect(backing.window(0).length).toBe(4 * MiB)
      expect(backing.window(0)[0]).toBe(fresh === undefined ? 'x'.charCodeAt(0) : 0)
      backing.close()
    }
    expect(statSync(path).size).toBe(6 * MiB)
  })

  it('fresh: what holds something is refused and left as it is, or lost when that was said', () => {
    const path = join(dir, 'fresh')
    writeFileSync(path, Buffer.alloc(6 * MiB, 3))
    const before = fds()
    expect(refusal(() => openFile(4 * MiB, { path, fresh: 'empty' }))).toMatch(
      /holds data; add --overwrite to lose it$/,
    )
    expect([fds(), readFileSync(path).every(byte => byte === 3)]).toEqual([before, true])
    const backing = openFile(4 * MiB, { path, fresh: 'wiped' })
    expect(backing.window(0).every(byte => byte === 0)).toBe(true)
    backing.close()
    const bytes = readFileSync(path)
    expect([bytes.length, bytes[4 * MiB - 1], bytes[4 * MiB]]).toEqual([6 * MiB, 0, 3])
    // Data only behind the lent bytes is nobody's business.
    openFile(4 * MiB, { path, fresh: 'empty' }).close()
  })

  it('is of one run at a time', () => {
    const path = join(dir, 'locked')
    const first = openFile(4 * MiB, { path })
    const before = fds()
    expect(refusal(() => openFile(4 * MiB, { path }))).toMatch(/another famsim runs on it/)
    expect(fds()).toBe(before)
    first.close()
    openFile(4 * MiB, { path }).close()
  })

  it('cut by somebody: found at the next mark, rewind or window, in one line, and not touched', () => {
    const path = join(dir, 'cut')
    const memory = new Memory(openFile(2 * GiB, { path }))
    const mark = memory.mark()
    memory.write(0, new Uint8Array(8).fill(1))
    truncateSync(path, 0)
    const want = new RegExp(`^file backing ${path}: somebody cut it to 0 bytes, this run uses ${2 * GiB}; run again`)
    expect(refusal(() => memory.mark())).toMatch(want)
    expect(refusal(() => memory.rewind(mark))).toMatch(want)
    expect(refusal(() => memory.read(GiB, new Uint8Array(1)))).toMatch(want)
    memory.close()
    expect(readFileSync('/proc/self/maps', 'utf8')).not.toContain('/cut')
  })

  it('refuses what is no plain file, or not there to be made', () => {
    mkdirSync(join(dir, 'folder'), { recursive: true })
    const before = fds()
    const expected: [string, RegExp][] = [
      [join(dir, 'folder'), /EISDIR/],
      [join(dir, 'none', 'such'), /ENOENT/],
      ['/dev/null', /not a plain file/],
      ['', /empty path/],
    ]
    for (const [path, pattern] of expected) expect(refusal(() => openFile(4 * MiB, { path }))).toMatch(pattern)
    expect(fds()).toBe(before)
  })

  it('leaves no temporary file, even while open', () => {
    const listing = () => readdirSync(tmpdir()).filter(name => /^famsim-\w{6}$/.test(name)).length
    const before = listing()
    const backing = openFile(4 * MiB)
    expect(listing()).toBe(before)
    backing.close()
  })
})

describe('hugetlb', () => {
  const counters = (free: string, promised: string): string => {
    const at = mkdtempSync(join(dir, 'counters-'))
    writeFileSync(join(at, 'free_hugepages'), free)
    writeFileSync(join(at, 'resv_hugepages'), promised)
    return at
  }

  it.each([
    ['0\n', '0\n', 0],
    ['10\n', '0\n', 10],
    ['10\n', '4\n', 6],
    ['4\n', '10\n', 0],
    ['what', '0\n', 0],
  ])('free %j, promised %j: %i can be taken', (free, promised, pages) => {
    expect(freeHugePages(counters(free, promised))).toBe(pages)
  })

  it('takes none where the kernel has no such pages', () => {
    expect(freeHugePages(join(dir, 'no-such-folder'))).toBe(0)
  })

  it.skipIf(!native)('refuses when one page is short, and says how to reserve', () => {
    const message = refusal(() => openHugetlb(6 * MiB, { counters: counters('3', '1') }))
    expect(message).toContain('2 free 2 MiB pages of the 3 that 6 MiB takes')
    expect(message).toContain('sysctl vm.nr_hugepages=')
  })

  it.skipIf(!native || freePages > 8)('is refused by the kernel, not killed later, when the counters lied', () => {
    const lying = counters('100', '0')
    const before = fds()
    expect(refusal(() => openHugetlb(32 * MiB, { counters: lying }))).toMatch(
      /hugetlb backing.*(ENOMEM.*raise vm.nr_hugepages|EPERM|EINVAL)/,
    )
    expect(fds()).toBe(before)
  })

  it('lives on huge pages', ({ skip }) => {
    if (!native || freePages < 2) skip(`needs 2 free 2 MiB pages, there are ${freePages}: sysctl vm.nr_hugepages=2`)
    const backing = openHugetlb(4 * MiB)
    expect(freeHugePages()).toBe(freePages - 2)
    backing.window(0)[4 * MiB - 1] = 3
    expect(readFileSync('/proc/self/smaps', 'utf8')).toMatch(/famsim-hugetlb[\s\S]*?KernelPageSize:\s+2048 kB/)
    backing.close()
    expect(freeHugePages()).toBe(freePages)
  })
})
