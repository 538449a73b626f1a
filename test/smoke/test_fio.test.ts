// The smoke script test_fio (userspace.md h.2): several jobs at once that write blocks at random places of their files and read them
// back, by read and write and by loads and stores. fio itself is 30 s of this; here it is some hundred blocks of each job.
import { expect } from 'vitest'
import { MAP_SHARED, O_RDWR, PROT_READ, PROT_WRITE, type Sys, spawn_process } from '../../src/kernel/index.ts'
import { MiB, type Step } from '../../src/sim/index.ts'
import { check, DEV, expect_good, MPT, type Script, smoke } from './expect.ts'

const JOBS = [0, 1, 2, 3]
const SIZE = MiB(16)
const BLOCK = 4096
const WRITES = 150

/** Numbers that look random: x * 48271 modulo 2^31-1. */
function* random(seed: number): Generator<number, never, void> {
  for (let x = seed; ; ) {
    x = (x * 48_271) % 2_147_483_647
    yield x
  }
}

/** One job on one file: how many of its blocks were not as written. `mapped`: by loads and stores. */
function* job(sys: Sys, n: number, mapped: boolean): Step<number> {
  const fd = yield* sys.open(`${MPT}/fio_stress/job${n}`, O_RDWR)
  const addr = yield* sys.mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
  const next = random(n + 1)
  const written = new Map<number, number>()
  let wrong = 0
  const block = new Uint8Array(BLOCK)
  for (let i = 0; i < WRITES; i++) {
    const at = (next.next().value % (SIZE / BLOCK)) * BLOCK
    const mark = 1 + (next.next().value % 255)
    if (mapped) yield* sys.store(addr + at, block.fill(mark))
    else if ((yield* sys.pwrite(fd, block.fill(mark), at)) !== BLOCK) wrong++
    written.set(at, mark)
    // One that was written before, by the other way of reading.
    const [back, was] = [...written][next.next().value % written.size]!
    if (!mapped) yield* sys.load(addr + back, block)
    else if ((yield* sys.pread(fd, block, back)) !== BLOCK) wrong++
    if (block.some(b => b !== was)) wrong++
  }
  for (const [at, was] of written) {
    yield* sys.load(addr + at, block)
    if (block.some(b => b !== was)) wrong++
  }
  yield* sys.munmap(addr, SIZE)
  yield* sys.close(fd)
  return wrong
}

const all_jobs = ({ w, h }: Script): void => {
  const tasks = w.setup(h, 'fio', function* (sys) {
    return JOBS.map(
      n => spawn_process(h.k, `job${n}`, own => job(own, n, n % 2 === 0), { parent: sys.ts, at: sys.clock() }).task,
    )
  })
  expect(tasks.map(t => (t.value as { value: number }).value)).toEqual(JOBS.map(() => 0))
}

smoke('test_fio', [
  expect_good('mkfs', `mkfs.famfs ${DEV}`),
  expect_good('mount', `famfs mount ${DEV} @`),
  expect_good('/fio_stress', 'famfs mkdir @/fio_stress'),
  ...JOBS.map(n => expect_good('a file for each job', `famfs creat -s 16M @/fio_stress/job${n}`)),
  check('fio stress: 4 jobs, random writes, verified', all_jobs),
  expect_good('fsck', 'famfs fsck @', { shows: /No allocation errors found/ }),
  expect_good('a shadow directory', 'mkdir -p /tmp/fio.shadow/root'),
  expect_good('shadow logplay', 'famfs logplay --shadow /tmp/fio.shadow @', {
    shows: /: 5 log entries; 4 new files; 1 new directories/,
  }),
])
