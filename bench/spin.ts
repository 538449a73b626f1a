// Spin's verification of install.pml: from the model to a C program, from that to a proof. All files are temporary.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InstallBug } from '../scenarios/races/install.ts'
import { type Took, took } from './measure.ts'

const MODEL = join(import.meta.dirname, 'install.pml')

/** Why Spin cannot run here, or null. */
export function spinMissing(): string | null {
  const gone = [
    ['spin', '-V'],
    ['gcc', '--version'],
    ['bash', '--version'],
  ].filter(([program, version]) => spawnSync(program!, [version!], { stdio: 'ignore' }).status !== 0)
  return gone.length === 0 ? null : `skipped: no ${gone.map(g => g[0]).join(', no ')} here`
}

export interface Verification {
  readonly errors: number
  readonly states: number
  readonly transitions: number
  readonly took: Took
}

export class SpinModel {
  /** How long Spin and the C compiler took. */
  readonly compileMs: number
  private readonly dir = mkdtempSync(join(tmpdir(), 'famsim-spin-'))
  private readonly openers: number

  constructor(o: { openers: number; reduction: boolean; bug?: InstallBug }) {
    this.openers = o.openers
    const bug = o.bug === undefined ? [] : [`-D${o.bug.replace(' ', '_').toUpperCase()}`]
    const t0 = performance.now()
    try {
      this.call('spin', [`-DN=${o.openers}`, ...bug, '-a', MODEL])
      this.call('gcc', ['-O2', '-DSAFETY', ...(o.reduction ? [] : ['-DNOREDUCE']), '-o', 'pan', 'pan.c'])
    } catch (e) {
      this.close()
      throw e
    }
    this.compileMs = performance.now() - t0
  }

  /** One whole verification. The hash table has room for the states, and no more: clearing it takes time, too. */
  verify(): Verification {
    const t0 = performance.now()
    const out = this.call('bash', ['-c', `TIMEFORMAT='cpu %U %S'; time ./pan -w${12 + 2 * this.openers} 2>&1`])
    const wall = (performance.now() - t0) / 1000
    const figure = (what: RegExp): number => {
      const found = what.exec(out)
      if (found === null) throw new Error(`Spin's answer has no ${what}:\n${out}`)
      return Number(found[1])
    }
    const errors = figure(/errors: (\d+)/)
    if (errors === 0 && /Search not completed|max search depth too small/.test(out))
      throw new Error(`Spin did not look at everything:\n${out}`)
    // In whole milliseconds, so only worth something if there are some.
    const cpu = figure(/cpu ([\d.]+)/) + figure(/cpu [\d.]+ ([\d.]+)/)
    return {
      errors,
      states: figure(/(\d+) states, stored/),
      transitions: figure(/(\d+) transitions/),
      took: took(wall, cpu < 0.02 ? wall : cpu),
    }
  }

  close(): void {
    rmSync(this.dir, { recursive: true })
  }

  private call(program: string, args: readonly string[]): string {
    const r = spawnSync(program, args, { cwd: this.dir, encoding: 'utf8' })
    if (r.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${r.error?.message ?? r.stderr}`)
    return r.stdout + r.stderr
  }
}
