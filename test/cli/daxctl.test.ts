// famsim daxctl as a user meets it: several commands in a row, a scenario's host, /sys, and bad input in one line.
import { describe, expect, it } from 'vitest'
import { famsim } from './famsim.ts'

const daxctl = (...args: string[]) => famsim(['daxctl', ...args])

describe('famsim daxctl', () => {
  it('does one command after the other on one device, and ends with 1 when one was refused', async () => {
    const to = (m: string) => ['reconfigure-device', '-m', m, 'dax0.0']
    const r = await daxctl(...to('system-ram'), '--then', ...to('famfs'), '--then', 'sysfs')
    expect([r.code, r.err]).toEqual([1, ''])
    expect(r.out).toContain('    "mode":"system-ram",')
    expect(r.out).toContain('dax0.0 is in system-ram mode; must be in devdax mode to convert to famfs')
    expect(r.out).toContain('\nexit 234\n')
    expect(r.out).toContain('/sys/bus/dax/devices/dax0.0/driver: kmem\n')
    expect(r.out).toContain('/sys/devices/system/memory/memory543/state: online\n')
    for (const l of r.out.split('\n')) expect(l.length).toBeLessThanOrEqual(80)
  })
  it('on a host of a scenario, as JSON', async () => {
    const r = await daxctl('--scenario', 'scenarios/basics/first-light.ts', '--host', 'h1', '--json', 'list')
    expect(r.code).toBe(0)
    const [end] = JSON.parse(r.out)
    expect([end.command, end.rc]).toEqual([['list'], 0])
    expect(JSON.parse(end.out.join(''))[0].mode).toBe('famfs')
  })
  it.each([
    [['migrate'], "daxctl 'migrate': expected one of list, "],
    [['--host', 'h9', 'list'], "--host 'h9': expected one of h0, h1"],
    [['--dax', 'none', 'list'], "unknown DAX level 'none'"],
  ])('%j is refused in one line', async (words, line) => {
    const r = await daxctl(...words)
    expect([r.code, r.out, r.err.split('\n').length]).toEqual([2, '', 2])
    expect(r.err).toContain(line)
  })
})
