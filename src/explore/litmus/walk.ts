// Takes every way through a tree of choices, depth first, one execution after the other. A state that was seen before is
// not gone on from: `key` names the state, so it must hold all that the future depends on.
import { type ChoiceKind, type Chooser, type Option, REDUNDANT } from '../../sim/index.ts'

export class Walk implements Chooser {
  private readonly path: { readonly among: readonly number[]; at: number }[] = []
  private depth = 0
  private readonly seen = new Set<string>()
  private readonly key: () => string
  private readonly narrow: (options: readonly Option[]) => readonly number[]
  /** `narrow`: which of the tasks need be tried at all. */
  constructor(key: () => string, narrow: (options: readonly Option[]) => readonly number[]) {
    this.key = key
    this.narrow = narrow
  }
  begin(): void {
    this.depth = 0
  }
  choose(kind: ChoiceKind, options: readonly Option[]): number {
    const { path } = this
    if (this.depth === path.length) {
      let among: readonly number[]
      if (kind === 'schedule') {
        among = this.narrow(options)
        // With one way on there is nothing to save; and a step that nobody else sees leaves the state as it was.
        if (among.length > 1) {
          const k = this.key()
          if (this.seen.has(k)) return REDUNDANT
          this.seen.add(k)
        }
      } else among = options.map((_, i) => i)
      path.push({ among, at: 0 })
    }
    const p = path[this.depth++]!
    return p.among[p.at]!
  }
  /** Turn to the next way; false when there is none. */
  next(): boolean {
    const { path } = this
    while (path.length > 0) {
      const p = path[path.length - 1]!
      if (++p.at < p.among.length) return true
      path.pop()
    }
    return false
  }
}
