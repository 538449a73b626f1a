// A process of its own that maps the device a run has written, and says what it finds there: the famfs, and how many bytes of
// first-light's plain file are as the scenario wrote them.
import { spawnSync } from 'node:child_process'
import { byteAt } from '../../scenarios/basics/first-light.ts'
import { openDaxToRead } from '../../src/devdax/index.ts'
import { describeImage } from '../../src/media/index.ts'

const { device, backing } = openDaxToRead(process.argv[2]!)
const read = (off: number, len: number): Uint8Array => {
  const bytes = new Uint8Array(len)
  for (let at = 0; at < len; ) {
    const window = backing.window(Math.floor((off + at) / backing.windowSize))
    const start = (off + at) % backing.windowSize
    const part = window.subarray(start, start + len - at)
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
const size = Number(process.argv[3])
const { superblock, entries } = describeImage(read, size)
const simple = entries?.find(e => e.path === 'simple')
const [extent] = simple?.extents ?? []
const bytes = read(Number(extent?.offset ?? 0), simple?.size ?? 0)
const right = bytes.filter((byte, pos) => byte === byteAt(1, pos)).length
// And the command, while the device is mapped here.
const info = spawnSync(process.execPath, ['src/cli/main.js', 'info', `dax:${device.path}`, '--json'], {
  encoding: 'utf8',
})
const seen = { uuid: superblock?.fs_uuid, right, of: bytes.length, info: JSON.parse(info.stdout || 'null') }
console.log(JSON.stringify(seen))
backing.close()
