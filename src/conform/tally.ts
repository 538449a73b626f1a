// What a replay compared, and what came out otherwise than measured.

/** Anything that JSON can say, by name. */
export type Fields = Readonly<Record<string, unknown>>

/** With a space behind each comma, so that a line of it can be broken. */
const text = (v: unknown): string =>
  Array.isArray(v) ? `[${v.map(text).join(', ')}]` : (JSON.stringify(v) ?? 'nothing')

/** The results of one trace. */
export class Tally {
  /** How many were compared. */
  results = 0
  /** How many differ. */
  differ = 0
  /** A line for each that differs. */
  readonly differences: string[] = []

  /** One result: every field that was measured must be the same in the model. */
  result(where: string, model: Fields, measured: Fields): void {
    this.results++
    const wrong: string[] = []
    for (const [name, want] of Object.entries(measured)) {
      const [g, w] = [text(model[name]), text(want)]
      if (g !== w) wrong.push(`${name} ${g} (measured ${w})`)
    }
    if (wrong.length === 0) return
    this.differ++
    this.differences.push(`${where}: ${wrong.join(', ')}`)
  }

  /** So many results never came, for one reason. */
  missing(where: string, why: string, results: number): void {
    this.results += results
    this.differ += results
    this.differences.push(`${where}: ${why} (${results} results)`)
  }
}
