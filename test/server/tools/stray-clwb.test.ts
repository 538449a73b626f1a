// Q10: flushes that write back some other line. The owner sees its own files; a client finds nothing in the log.
import { expect, it } from 'vitest'
import { GiB, World } from '../../../src/world/index.ts'

it.each([
  ['off', undefined, 1],
  ['on', ['Q10'], 0],
])('%s: how many entries a client plays', (_name, defect, played) => {
  const u = new World({ trace: false, switches: { defect } })
  u.daxdev('dax0.0', { size: GiB(4) })
  const [a, b] = [u.host('h0'), u.host('h1')]
  for (const h of [a, b]) h.cli('mkdir /mnt/famfs')
  a.cli('mkfs.famfs /dev/dax0.0')
  a.cli('famfs mount /dev/dax0.0 /mnt/famfs')
  expect(a.cli('famfs creat -s 4096 /mnt/famfs/x').rc).toBe(0)
  expect(a.cli('ls /mnt/famfs').out).toContain('x')
  const end = b.cli('famfs mount /dev/dax0.0 /mnt/famfs')
  expect(end.out.some(l => l.includes(`${played} log entries`))).toBe(played === 1)
  u.close()
})
