// famfs's smoke scripts as tables: command lines run one after another on one host under famfs-48, each with what its script
// expects of it (userspace.md h.2). Each row becomes a test that is named after the assertion.
import { describe, expect, it } from 'vitest'
import { type Cred, tmpfs_mkdir } from '../../src/kernel/index.ts'
import { type End, shell_line } from '../../src/server/index.ts'
import { GiB } from '../../src/sim/index.ts'
import { type Host, World, type WorldOptions } from '../../src/world/index.ts'

/** Somebody who is not root. */
export const USER: Cred = { uid: 1000, gid: 1000, caps: [] }

export const DEV = '/dev/dax0.0'
export const MPT = '/mnt/famfs'

/** More about a row than its line. */
export interface More {
  /** The very exit code, where it is known of the real program. */
  readonly rc?: number
  /** What it must print. */
  readonly shows?: RegExp
  /** A reader should know this: a size is smaller than the script's, it passes because of a defect. */
  readonly note?: string
  /** Where it runs; / unless given. */
  readonly cwd?: string
  /** Who runs it; root unless given. */
  readonly cred?: Cred
}

/** One assertion of a script: run it, and throw when it does not hold. */
export interface Row {
  readonly name: string
  readonly run: (s: Script) => void
}

/** The host that a script runs on. */
export class Script {
  readonly w: World
  readonly h: Host
  constructor(size: number, o: WorldOptions = {}) {
    this.w = new World({ seed: 1, trace: false, server: 'famfs-48', ...o })
    this.w.daxdev('dax0.0', { size })
    this.h = this.w.host('h0')
    tmpfs_mkdir(this.h.k, MPT)
  }

  /** Run a command line; `@` in it is the mount point. */
  sh(line: string, { cwd, cred }: More = {}): End {
    const { h } = this
    const at = line.replaceAll('@', MPT)
    if (cwd === undefined && cred === undefined) return h.cli(at)
    const body = function* (sys: Parameters<typeof shell_line>[0]) {
      if (cwd !== undefined) yield* sys.chdir(cwd.replaceAll('@', MPT))
      return yield* shell_line(sys, h.site, at)
    }
    return this.w.setup(h, 'sh', body, { cred })
  }
}

/** Lines of /proc/mounts. */
export const mounts = ({ w, h }: Script): string[] =>
  w
    .setup(h, 'cat', function* (sys) {
      return sys.proc_mounts()
    })
    .split('\n')

/** Where the shadow tree of the mount lies. */
export function shadow_of(s: Script): string {
  const end = s.sh('getfattr -n user.famfs.shadow @')
  return /"(.*)"/.exec(end.out.join('\n'))![1]!
}

/** Is there a famfs on the mount point? */
export const is_mounted = (yes: boolean): Row =>
  check(`is ${yes ? '' : 'not '}mounted`, s => expect(mounts(s).some(l => l.includes(` ${MPT} `))).toBe(yes))

const said = ({ rc, out, err }: End): string => [`exit ${rc}`, ...out, ...err].join('\n')

/** A row of a command line, whose exit code is as `good` says. */
function row(name: string, line: string, more: More, good: (rc: number) => boolean): Row {
  const { note, rc, shows } = more
  return {
    name: `${name}: ${line}${note === undefined ? '' : ` (${note})`}`,
    run: s => {
      const end = s.sh(line, more)
      expect(good(end.rc), said(end)).toBe(true)
      if (rc !== undefined) expect(end.rc, said(end)).toBe(rc)
      if (shows !== undefined) expect(said(end)).toMatch(shows)
    },
  }
}

/** It must end with 0. */
export const expect_good = (name: string, line: string, more: More = {}): Row => row(name, line, more, rc => rc === 0)

/** It must fail, but not die of a signal. */
export const expect_fail = (name: string, line: string, more: More = {}): Row =>
  row(name, line, more, rc => rc > 0 && rc < 128)

/** It must fail, but neither with `bad` nor by a signal. */
export const expect_fail_except = (bad: number, name: string, line: string, more: More = {}): Row =>
  row(name, line, more, rc => rc > 0 && rc < 128 && rc !== bad)

/** What a script looks at between its commands. */
export const check = (name: string, run: (s: Script) => void): Row => ({ name, run })

/** What a command prints to its output, line by line, must match. */
export const prints = (name: string, line: string, what: RegExp): Row =>
  check(`${name}: ${line}`, s => expect(s.sh(line).out.join('\n')).toMatch(what))

/** A script: its rows in order, on a fresh host with one device. */
export function smoke(script: string, rows: readonly Row[], size = GiB(4), o: WorldOptions = {}): void {
  const s = new Script(size, o)
  const seen = rows.map(({ name, run }) => {
    try {
      run(s)
      return { name, wrong: null }
    } catch (e) {
      return { name, wrong: e as Error }
    }
  })
  s.w.close()
  describe(script, () => {
    for (const { name, wrong } of seen)
      it(name, () => {
        if (wrong !== null) throw wrong
      })
  })
}
