// The file with a host's uuid, and the role it makes.
import { expect, it } from 'vitest'
import { O_RDONLY, tmpfs_create, tmpfs_mkdir } from '../../../src/kernel/index.ts'
import { mkfsPlan, type Superblock } from '../../../src/media/index.ts'
import { get_role, SYSTEM_UUID_FILE, system_uuid } from '../../../src/server/lib/role.ts'
import { GiB, MiB } from '../../../src/sim/index.ts'
import { asProgram, oneHost } from '../tools/on-host.ts'

const superblockOf = (systemUuid: string) => {
  const uuid = (s: string) => `00000000-0000-0000-0000-00000000000${s}`
  const plan = mkfsPlan({
    deviceSize: GiB(4),
    logLen: MiB(8),
    devName: '/dev/dax0.0',
    fsUuid: uuid('1'),
    devUuid: uuid('2'),
    systemUuid,
  })
  if ('error' in plan) throw new Error(plan.error)
  return plan.superblock
}

it('famfs_create_sys_uuid_file: made once, 37 bytes, read only, in a directory of its own', () => {
  const { w, h } = oneHost()
  const first = asProgram(h, system_uuid)
  expect(first.value).toMatch(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/)
  const { value } = asProgram(h, function* ({ sys }) {
    const file = yield* sys.stat(SYSTEM_UUID_FILE)
    const dir = yield* sys.stat('/opt/famfs')
    const fd = yield* sys.open(SYSTEM_UUID_FILE, O_RDONLY)
    const buf = new Uint8Array(40)
    const n = yield* sys.read(fd, buf)
    return { file, dir, text: String.fromCharCode(...buf.subarray(0, n)) }
  })
  expect(value.text).toBe(`${first.value}\0`)
  expect(value.file).toMatchObject({ mode: 0o100444, size: 37 })
  expect(value.dir).toMatchObject({ mode: 0o040755 })
  expect(asProgram(h, system_uuid).value).toBe(first.value)
  w.close()
})

it('a directory in its place, no uuid in it, nothing in it: none, with a line', () => {
  const { w, h } = oneHost()
  const none = () => {
    const { value, err } = asProgram(h, system_uuid)
    expect(value).toBe(null)
    return err.join('\n')
  }
  tmpfs_mkdir(h.k, SYSTEM_UUID_FILE)
  expect(none()).toMatch(/cannot be made/)
  const put = (text: string) =>
    asProgram(h, function* ({ sys }) {
      yield* sys.rmdir(SYSTEM_UUID_FILE)
      yield* sys.unlink(SYSTEM_UUID_FILE)
      tmpfs_create(h.k, SYSTEM_UUID_FILE, text)
    })
  put('garbage')
  expect(none()).toMatch(/"garbage" is no uuid/)
  put('')
  expect(none()).toMatch(/removed/)
  expect(asProgram(h, system_uuid).value).not.toBe(null)
  w.close()
})

it('owner, client, and no superblock to be anything to', () => {
  const { w, h } = oneHost()
  const own = asProgram(h, system_uuid).value!
  const role = (sb: Superblock | null) =>
    asProgram(h, function* (p) {
      return yield* get_role(p, sb)
    }).value
  expect(role(superblockOf(own))).toBe('owner')
  expect(role(superblockOf('00000000-0000-0000-0000-000000000009'))).toBe('client')
  expect(role(null)).toBe('nosuper')
  w.close()
})
