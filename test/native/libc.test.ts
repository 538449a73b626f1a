import { execFileSync } from 'node:child_process'
import { closeSync, fstatSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  AF_UNIX,
  addSeals,
  close,
  errnoName,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  ftruncate,
  HUGE_PAGE_SIZE,
  ioctl,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  memfd_create,
  NATIVE_SWITCH,
  nativeAvailable,
  nextData,
  punchHole,
  SOCK_CLOEXEC,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SysError,
  socketpair,
  tryLock,
} from '../../src/native/index.ts'

const FIONREAD = 0x541b
const native = nativeAvailable()
const INDEX = fileURLToPath(new URL('../../src/native/index.ts', import.meta.url))
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Run a script in a fresh Node with TypeScript loading; gives what it printed. */
const inChild = (script: string, env: NodeJS.ProcessEnv): string =>
  execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })

describe('nativeAvailable', () => {
  it('answers the same each time, with a reason when it is no', () => {
    expect(nativeAvailable()).toEqual(native)
    if (!native.ok) expect(native.why).toMatch(/\S/)
  })

  it.each(['off', '0'])('says no when switched off with %s', value => {
    const script = `import { nativeAvailable } from ${JSON.stringify(INDEX)}; console.log(JSON.stringify(nativeAvailable()))`
    const answer = JSON.parse(inChild(script, { [NATIVE_SWITCH]: value }))
    expect(answer.ok).toBe(false)
    if (process.platform === 'linux') expect(answer.why).toContain(`${NATIVE_SWITCH}=${value}`)
  })

  it('says no, and does not throw, when koffi is not installed', () => {
    const script = `
      import Module from 'node:module'
      const resolve = Module._resolveFilename
      Module._resolveFilename = function (name, ...rest) {
        if (name === 'koffi') throw new Error("Cannot find module 'koffi'")
        return resolve.call(this, name, ...rest)
      }
      const { nativeAvailable, memfd_create } = await import(${JSON.stringify(INDEX)})
      let thrown = null
      try { memfd_create('x', 0) } catch (error) { thrown = error.message }
      console.log(JSON.stringify({ answer: nativeAvailable(), thrown }))`
    const { answer, thrown } = JSON.parse(inChild(script, { [NATIVE_SWITCH]: 'on' }))
    expect(answer.ok).toBe(false)
    if (process.platform === 'linux') expect(answer.why).toContain('koffi')
    expect(thrown).toBe(`native calls are not available: ${answer.why}`)
  })
})

describe.skipIf(!native.ok)('calls', () => {
  it('makes, grows and closes a memory file', () => {
    const fd = memfd_create('famsim-test', MFD_CLOEXEC)
    ftruncate(fd, HUGE_PAGE_SIZE)
    expect(fstatSync(fd).size).toBe(HUGE_PAGE_SIZE)
    close(fd)
    expect(() => fstatSync(fd)).toThrow(/EBADF/)
  })

  it('carries lengths over 32 bits', () => {
    const fd = memfd_create('famsim-test', MFD_CLOEXEC)
    ftruncate(fd, 2 ** 40)
    expect(fstatSync(fd).size).toBe(2 ** 40)
    close(fd)
  })

  it.each([
    ['close', () => close(1_000_000), 'EBADF'],
    ['ftruncate', () => ftruncate(1_000_000, 0), 'EBADF'],
    ['memfd_create', () => memfd_create('x', 0x40000000 - 1), 'EINVAL'],
    ['ioctl', () => ioctl(1_000_000, FIONREAD, new Int32Array(1)), 'EBADF'],
    ['fcntl', () => addSeals(1_000_000, F_SEAL_SHRINK), 'EBADF'],
    ['flock', () => tryLock(1_000_000), 'EBADF'],
    ['fallocate', () => punchHole(1_000_000, 0, 4096), 'EBADF'],
    ['lseek', () => nextData(1_000_000, 0), 'EBADF'],
    ['socketpair', () => socketpair(12345, SOCK_STREAM), 'EAFNOSUPPORT'],
  ] as const)('%s says which call failed and how', (call, run, code) => {
    let thrown: unknown
    try {
      run()
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(SysError)
    expect(thrown).toMatchObject({ call, code })
    expect((thrown as SysError).message).toMatch(new RegExp(`^${call}\\(.*\\): ${code} \\(errno \\d+\\)$`))
  })

  it('seals a memory file: it keeps its length from then on', () => {
    const fd = memfd_create('famsim-test', MFD_CLOEXEC | MFD_ALLOW_SEALING)
    ftruncate(fd, 2 * HUGE_PAGE_SIZE)
    addSeals(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
    for (const length of [HUGE_PAGE_SIZE, 3 * HUGE_PAGE_SIZE]) expect(() => ftruncate(fd, length)).toThrow(/EPERM/)
    expect(() => addSeals(fd, F_SEAL_SHRINK)).toThrow(/EPERM/)
    close(fd)
  })

  it('locks a file against everybody else, until it is closed', () => {
    const dir = mkdtempSync(join(tmpdir(), 'famsim-test-'))
    const [a, b] = [openSync(join(dir, 'x'), 'w+'), openSync(join(dir, 'x'), 'r')]
    expect([tryLock(a), tryLock(a), tryLock(b)]).toEqual([true, true, false])
    closeSync(a)
    expect(tryLock(b)).toBe(true)
    closeSync(b)
    rmSync(dir, { recursive: true })
  })

  it('finds data behind a hole, and makes holes', () => {
    const fd = memfd_create('famsim-test', MFD_CLOEXEC)
    const far = 5 * 2 ** 30
    ftruncate(fd, far + HUGE_PAGE_SIZE)
    expect(nextData(fd, 0)).toBe(null)
    writeSync(fd, Buffer.from('data'), 0, 4, far)
    expect(nextData(fd, 0)).toBe(far)
    expect(nextData(fd, far + HUGE_PAGE_SIZE)).toBe(null)
    punchHole(fd, 0, far + HUGE_PAGE_SIZE)
    expect([nextData(fd, 0), fstatSync(fd).size]).toEqual([null, far + HUGE_PAGE_SIZE])
    close(fd)
  })

  it('joins two sockets and passes a variadic argument by reference', () => {
    const before = readdirSync('/proc/self/fd').length
    const [a, b] = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC)
    writeSync(a, Buffer.from('hello'))
    const waiting = new Int32Array(1)
    expect(ioctl(b, FIONREAD, waiting)).toBe(0)
    expect(waiting[0]).toBe(5)
    const got = Buffer.alloc(16)
    expect(readSync(b, got)).toBe(5)
    expect(got.toString('utf8', 0, 5)).toBe('hello')
    close(a)
    close(b)
    expect(readdirSync('/proc/self/fd').length).toBe(before)
  })
})

it.each([
  [12, 'ENOMEM'],
  [22, 'EINVAL'],
  [99999, 'E?'],
])('names errno %i', (errno, name) => {
  expect(errnoName(errno)).toBe(name)
})
