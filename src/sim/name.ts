// 64-bit names for values and for sequences of them, in two 32-bit lanes that share no arithmetic: what one lane takes for
// equal, the other tells apart. The watch names states with them. Nothing here is cryptographic.
import { imul } from './math.ts'

// What stands before a value that is no small whole number.
const NUMBER = 0x51ed270b
const BOOL = 0x3c6ef372
const STRING = 0x1f83d9ab
const NOTHING = 0x5be0cd19
const BIG = 0x428a2f98
const THING = 0x1b873593
const BYTES = 0x27d4eb2f
const LIST = 0x2545f491
const RECORD = 0x6a09e667
const SAME = 0x71374491

/** Beyond this depth, and for what has no content to look at, a value is known by which one it is. */
const DEPTH = 6

const double = new Float64Array(1)
const halves = new Int32Array(double.buffer)

let numbered = 0
const numbers = new WeakMap<object, number>()
const which = (o: object): number => {
  let n = numbers.get(o)
  if (n === undefined) {
    n = ++numbered
    numbers.set(o, n)
  }
  return n
}

/** Names of instances of classes that have no id, as they were when they were seen first. */
const seen = new WeakMap<object, readonly [number, number]>()

/** A running name. Start it from two words, mix in words and values; equal sequences give equal names. */
export class Name {
  a = 0
  b = 0

  from(a: number, b: number): this {
    this.a = a | 0
    this.b = b | 0
    return this
  }

  /** Mix in the low 32 bits of a number. */
  word(w: number): this {
    let x = imul(this.a ^ w, 0x85ebca6b)
    x ^= x >>> 13
    x = imul(x, 0xc2b2ae35)
    this.a = x ^ (x >>> 16)
    x = (imul(this.b, 0x9e3779b1) + w) | 0
    x = imul(x ^ (x >>> 15), 0x2c1b3c6d)
    x = imul(x ^ (x >>> 12), 0x297a2d39)
    this.b = x ^ (x >>> 15)
    return this
  }

  /** Mix in any value: things with an id by it, bytes and plain data by content, other instances by their first content, functions by which one. */
  value(v: any, depth = 0): this {
    switch (typeof v) {
      case 'number':
        if ((v | 0) === v) return this.word(v)
        double[0] = v
        return this.word(NUMBER).word(halves[0]!).word(halves[1]!)
      case 'boolean':
        return this.word(v ? BOOL : ~BOOL)
      case 'string':
        return this.text(v)
      case 'undefined':
        return this.word(NOTHING)
      case 'bigint':
        return this.word(BIG).text(v.toString())
      case 'object':
        return v === null ? this.word(~NOTHING) : this.object(v, depth)
      case 'symbol':
        return this.word(SAME).text(v.description ?? '')
      default:
        return this.word(SAME).word(which(v))
    }
  }

  private text(s: string): this {
    this.word(STRING ^ s.length)
    let p = 0x811c9dc5
    let q = 0x2c1b3c6d
    for (let i = 0; i < s.length; i++) {
      const c = s.charCodeAt(i)
      p = imul(p ^ c, 0x01000193)
      q = (imul(q, 0x5bd1e995) + c) ^ (q >>> 15)
    }
    return this.word(p).word(q)
  }

  private bytes(s: Uint8Array): this {
    this.word(BYTES ^ s.length)
    let p = 0x811c9dc5
    let q = 0x2c1b3c6d
    for (let i = 0; i < s.length; i++) {
      p = imul(p ^ s[i]!, 0x01000193)
      q = (imul(q, 0x5bd1e995) + s[i]!) ^ (q >>> 15)
    }
    return this.word(p).word(q)
  }

  private object(v: any, depth: number): this {
    if (typeof v.id === 'number')
      return this.word(THING)
        .word((v.id / 4294967296) | 0)
        .word(v.id)
    if (v instanceof Uint8Array) return this.bytes(v)
    if (depth > DEPTH || v instanceof WeakMap || v instanceof WeakSet) return this.word(SAME).word(which(v))
    if (Array.isArray(v)) {
      this.word(LIST ^ v.length)
      for (const x of v) this.value(x, depth + 1)
      return this
    }
    if (v instanceof Map || v instanceof Set) {
      this.word(LIST ^ ~v.size)
      for (const x of v) this.value(x, depth + 1)
      return this
    }
    const proto = Object.getPrototypeOf(v)
    if (proto === Object.prototype || proto === null) return this.record(v, depth)
    // What an instance leads to may be the whole world, and a part of it changes with every step. What changes of it and
    // matters lies in cells and containers, which are seen for themselves: its name stays what it was.
    let name = seen.get(v)
    if (name === undefined) {
      seen.set(v, [SAME, 0])
      const { a, b } = new Name().record(v, depth)
      name = [a, b]
      seen.set(v, name)
    }
    return this.word(THING).word(name[0]).word(name[1])
  }

  private record(v: object, depth: number): this {
    const entries = Object.entries(v)
    this.word(RECORD ^ entries.length)
    for (const [k, x] of entries) this.text(k).value(x, depth + 1)
    return this
  }
}
