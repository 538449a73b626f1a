// Relations over the events of one execution, as bit matrices: what axiomatic memory models are written in.

export class Relation {
  readonly n: number
  /** Words a row. */
  private readonly w: number
  private readonly bits: Uint32Array
  constructor(n: number, bits?: Uint32Array) {
    this.n = n
    this.w = (n + 31) >>> 5
    this.bits = bits ?? new Uint32Array(n * this.w)
  }
  static of(n: number, pairs: Iterable<readonly [number, number]>): Relation {
    const r = new Relation(n)
    for (const [a, b] of pairs) r.add(a, b)
    return r
  }
  /** [S]: the identity on the events for which `is` holds. */
  static on(n: number, is: (i: number) => boolean): Relation {
    const r = new Relation(n)
    for (let i = 0; i < n; i++) if (is(i)) r.add(i, i)
    return r
  }
  /** All pairs for which `is` holds. */
  static where(n: number, is: (a: number, b: number) => boolean): Relation {
    const r = new Relation(n)
    for (let a = 0; a < n; a++) for (let b = 0; b < n; b++) if (is(a, b)) r.add(a, b)
    return r
  }
  add(a: number, b: number): void {
    this.bits[a * this.w + (b >>> 5)]! |= 1 << (b & 31)
  }
  has(a: number, b: number): boolean {
    return (this.bits[a * this.w + (b >>> 5)]! & (1 << (b & 31))) !== 0
  }
  private zip(o: Relation, f: (x: number, y: number) => number): Relation {
    const out = new Uint32Array(this.bits.length)
    for (let i = 0; i < out.length; i++) out[i] = f(this.bits[i]!, o.bits[i]!)
    return new Relation(this.n, out)
  }
  or(...os: Relation[]): Relation {
    let r: Relation = this
    for (const o of os) r = r.zip(o, (x, y) => x | y)
    return r
  }
  and(o: Relation): Relation {
    return this.zip(o, (x, y) => x & y)
  }
  minus(o: Relation): Relation {
    return this.zip(o, (x, y) => x & ~y)
  }
  /** Composition: this, then each of `os` in turn. */
  follow(...os: Relation[]): Relation {
    let r: Relation = this
    for (const o of os) {
      const out = new Relation(this.n)
      for (let a = 0; a < this.n; a++)
        for (let b = 0; b < this.n; b++)
          if (r.has(a, b)) for (let k = 0; k < this.w; k++) out.bits[a * this.w + k]! |= o.bits[b * this.w + k]!
      r = out
    }
    return r
  }
  inverse(): Relation {
    return Relation.where(this.n, (a, b) => this.has(b, a))
  }
  /** Or the identity. */
  opt(): Relation {
    const r = new Relation(this.n, this.bits.slice())
    for (let i = 0; i < this.n; i++) r.add(i, i)
    return r
  }
  /** Transitive closure. */
  plus(): Relation {
    const r = new Relation(this.n, this.bits.slice())
    for (let b = 0; b < this.n; b++)
      for (let a = 0; a < this.n; a++)
        if (r.has(a, b)) for (let k = 0; k < this.w; k++) r.bits[a * this.w + k]! |= r.bits[b * this.w + k]!
    return r
  }
  star(): Relation {
    return this.plus().opt()
  }
  empty(): boolean {
    return this.bits.every(x => x === 0)
  }
  irreflexive(): boolean {
    for (let i = 0; i < this.n; i++) if (this.has(i, i)) return false
    return true
  }
  acyclic(): boolean {
    return this.plus().irreflexive()
  }
  equals(o: Relation): boolean {
    return this.bits.every((x, i) => x === o.bits[i])
  }
}
