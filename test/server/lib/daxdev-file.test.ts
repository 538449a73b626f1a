// Published devices: the text, and what is made of a text.
import { expect, it } from 'vitest'
import { type Daxdev, emit_daxdev, parse_daxdev } from '../../../src/server/lib/daxdev-file.ts'

const DEV: Daxdev = { index: 3, uuid: 'aaaaaaaa-0000-4000-8000-000000000001', size: 2 ** 40, path: '/dev/dax3.0' }

it('reads what it writes', () => {
  expect(emit_daxdev(DEV)).toBe(
    `---\ndaxdev:\n  index: 3\n  uuid: ${DEV.uuid}\n  size: 1099511627776\n  path: /dev/dax3.0\n...\n`,
  )
  for (const d of [DEV, { ...DEV, path: null }]) expect(parse_daxdev(emit_daxdev(d))).toEqual(d)
})
it.each([
  '',
  'nonsense: [',
  'daxdev: 3',
  emit_daxdev(DEV).replace('index', 'number'),
  emit_daxdev(DEV).replace('index: 3', 'index: -1'),
  emit_daxdev(DEV).replace('1099511627776', '99999999999999999999'),
  emit_daxdev(DEV).replace(DEV.uuid, 'none'),
])('%j is none', text => {
  expect(parse_daxdev(text)).toBeNull()
})
