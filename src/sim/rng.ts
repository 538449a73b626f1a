// Randomness: named streams over seedrandom's alea, with saved state. Adding a draw to one stream never shifts another.
import seedrandom from 'seedrandom'
import type { Saver } from './journal.ts'
import { floor } from './math.ts'

/** One stream of draws. */
export class Stream implements Saver {
  private readonly seed: string
  private prng: seedrandom.StatefulPRNG<any> | null = null
  constructor(seed: string) {
    this.seed = seed
  }
  private get g(): seedrandom.StatefulPRNG<any> {
    this.prng ??= seedrandom.alea(this.seed, { state: true }) as seedrandom.StatefulPRNG<any>
    return this.prng
  }
  /** An integer in [0, n). */
  below(n: number): number {
    return floor((this.prng ?? this.g)() * n)
  }
  /** An unsigned 32-bit integer. */
  u32(): number {
    return this.g.int32() >>> 0
  }
  save(): unknown {
    return this.prng ? this.prng.state() : null
  }
  restore(s: any): void {
    if (s === null) this.prng = null
    else this.prng = seedrandom.alea('', { state: s }) as seedrandom.StatefulPRNG<any>
  }
}

/** All streams of one run, made on first use from the run's seed and the stream's name. */
export class Streams implements Saver {
  private readonly byName = new Map<string, Stream>()
  readonly seed: number
  constructor(seed: number) {
    this.seed = seed
  }
  stream(name: string): Stream {
    let s = this.byName.get(name)
    if (!s) {
      s = new Stream(`famsim/${this.seed}/${name}`)
      this.byName.set(name, s)
    }
    return s
  }
  save(): Map<string, unknown> {
    const m = new Map<string, unknown>()
    for (const [k, s] of this.byName) m.set(k, s.save())
    return m
  }
  restore(m: Map<string, unknown>): void {
    for (const [k, s] of this.byName) s.restore(m.get(k) ?? null)
  }
}
