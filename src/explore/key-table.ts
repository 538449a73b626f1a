// An open-addressing table from 64-bit keys (two 32-bit words) to small values: what the search has seen. Grows by doubling.
import { imul } from '../sim/index.ts'

export class KeyTable<V> {
  private keys = new Int32Array(2048)
  private used = new Uint8Array(1024)
  private values: (V | undefined)[] = []
  /** Entries. */
  size = 0

  private slot(a: number, b: number): number {
    const mask = this.used.length - 1
    let i = (a ^ imul(b, 0x9e3779b1) ^ (a >>> 15)) & mask
    while (this.used[i] === 1 && (this.keys[2 * i] !== a || this.keys[2 * i + 1] !== b)) i = (i + 1) & mask
    return i
  }
  /** Undefined when the key was never set. */
  get(a: number, b: number): V | undefined {
    const i = this.slot(a, b)
    return this.used[i] === 1 ? this.values[i] : undefined
  }
  set(a: number, b: number, v: V): void {
    if (this.size * 2 >= this.used.length) this.grow()
    const i = this.slot(a, b)
    if (this.used[i] === 0) {
      this.used[i] = 1
      this.keys[2 * i] = a
      this.keys[2 * i + 1] = b
      this.size++
    }
    this.values[i] = v
  }
  private grow(): void {
    const { keys, used, values } = this
    this.keys = new Int32Array(keys.length * 2)
    this.used = new Uint8Array(used.length * 2)
    this.values = new Array(used.length * 2)
    this.size = 0
    for (let i = 0; i < used.length; i++) if (used[i] === 1) this.set(keys[2 * i]!, keys[2 * i + 1]!, values[i]!)
  }
}
