// The exit codes of creat, mkdir, cp, verify, getmap, clone, check, flush, chkread and mkmeta, command by command in one world,
// against those of the real programs. Those of the other commands are looked at elsewhere.
import { describe, expect, it } from 'vitest'
import { tmpfs_create, tmpfs_mkdir } from '../../../src/kernel/index.ts'
import { GiB } from '../../../src/sim/index.ts'
import vectors from '../../vectors/cli-exit-codes.json' with { type: 'json' }
import { logged, mkfs, mount } from './mounted.ts'
import { oneHost } from './on-host.ts'

const MINE = ['creat', 'mkdir', 'cp', 'verify', 'getmap', 'clone', 'check', 'flush', 'chkread', 'mkmeta']

describe('exit codes, as the real programs', () => {
  const { w, h } = oneHost({ size: GiB(4) })
  mkfs(h, { deviceSize: GiB(4) })
  mount(h)
  tmpfs_create(h.k, '/tmp/hi', 'hi\n')
  tmpfs_create(h.k, '/tmp/empty', '')
  tmpfs_mkdir(h.k, '/tmp/myshadow')
  const commands = vectors.commands as [number, string][]
  const mine = commands.filter(([, line]) => MINE.includes(line.split(' ')[1] ?? ''))
  const seen = mine.map(([rc, line]) => [line, rc, h.cli(line).rc] as const)
  const made = logged(w).map(e => e.path)
  w.close()
  it.each(seen)('%s: %i', (_, rc, got) => expect(got).toBe(rc))
  it('leaves these in the log', () => expect(made).toEqual(['x', 'q', 'huge', '.meta/foo', './dot', 'd', 'hi', 'hi2']))
})
