// The program famfs before any subcommand: help, exit codes.
import { describe, expect, it } from 'vitest'
import { World } from '../../../src/world/index.ts'

describe('famfs', () => {
  const w = new World()
  const h0 = w.host('h0')
  it.each([
    ['famfs', 1, 'err'],
    ['famfs -h', 0, 'out'],
    ["famfs '-?'", 0, 'out'],
    ['famfs bogus', 3, 'err'],
    ['famfs -z', 0, 'err'],
  ] as const)('%s: exit %i', (line, rc, where) => {
    const end = h0.cli(line)
    expect([end.rc, end[where].length > 0]).toEqual([rc, true])
  })
})
