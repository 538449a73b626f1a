// The rows measured, and the same as text of at most 80 columns, as JSON, or as the table of the README.
import type { Which } from './apart.ts'
import { BUSY, type Figure } from './measure.ts'
import { met, type Row, type Unit } from './row.ts'

export interface Measured {
  readonly row: Row
  readonly off: Figure
  /** Null for what no sanitizer has a say in. */
  readonly on: Figure | null
  /** A text says why there is none. */
  readonly references: readonly { readonly what: string; readonly figure: Figure | string }[]
}

/** Every figure of a row, each by `measure`: in this process, or in one of its own (apart.ts). */
export async function measureRow(
  row: Row,
  measure: (row: Row, which: Which) => Promise<Figure | string>,
): Promise<Measured> {
  const off = (await measure(row, 'off')) as Figure
  const on = row.unwatched === true ? null : ((await measure(row, 'on')) as Figure)
  const references: { what: string; figure: Figure | string }[] = []
  for (const [i, r] of (row.references ?? []).entries())
    references.push({ what: r.what, figure: await measure(row, i) })
  return { row, off, on, references }
}

/** Three digits and the unit: 7.02 M/s, 227 k/s, 0.004 s, 87 %. */
export function show(value: number | null, unit: Unit): string {
  if (value === null) return 'not done'
  if (unit === ' s') return `${value < 1 ? value.toFixed(3) : value.toPrecision(3)} s`
  if (unit === ' %') return `${value.toFixed(0)} %`
  const [n, prefix] = value >= 999_500 ? [value / 1e6, 'M'] : value >= 999.5 ? [value / 1e3, 'k'] : [value, '']
  return `${n >= 1000 ? n.toFixed(0) : n.toPrecision(3)} ${prefix}${unit}`
}

/** A target as one says it: 5 M/s, 300 k/s, 0.05 s. */
const target = (r: Row): string =>
  r.unit === ' s' ? `${r.target} s` : show(r.target, r.unit).replace(/(\.0+)(?=\D)/, '')

/** How many times famsim's figure (sanitizers off) this one is. */
const ratio = (m: Measured, f: Figure): number | null =>
  f.value === null || m.off.value === null ? null : f.value / m.off.value

const counts = (f: Figure): string =>
  Object.entries(f.counts ?? {})
    .map(([name, n]) => `${n.toLocaleString('en-US')} ${name}`)
    .join(', ')

/** A `~` marks what is by processor time, since a neighbour was busy. */
const busy = (f: Figure | null): string => (f?.share !== undefined && f.share < BUSY ? '~' : '')

const line = (what: string, a: string, b: string, c: string, end = ''): string =>
  `${what.padEnd(34)}${a.padStart(11)}${b.padStart(13)}${c.padStart(13)}  ${end}`.trimEnd()

export const HEADER: readonly string[] = [line('', 'target', 'sanitizers', 'sanitizers'), line('', '', 'off', 'on')]
export const LEGEND: readonly string[] = ['x: times the figure of famsim, sanitizers off; ~: shared processor']

/** A row, what belongs to it, and its references. */
export function text(m: Measured): string[] {
  const { row, off, on } = m
  const cell = (f: Figure): string => busy(f) + show(f.value, row.unit)
  const lines = [line(row.what, target(row), cell(off), on === null ? '' : cell(on), met(row, off) ? 'met' : 'MISSED')]
  if (off.counts) lines.push(`    ${counts(off)}`)
  for (const { what, figure } of m.references) {
    if (typeof figure === 'string') {
      lines.push(`  ${what}: ${figure}`)
      continue
    }
    const times = ratio(m, figure)
    lines.push(line(`  ${what}`, '', cell(figure), times === null ? '' : `${Number(times.toPrecision(2))} x`))
    if (figure.counts) lines.push(`    ${counts(figure)}`)
  }
  return lines
}

/** One row of the object that --json prints. */
export function json(m: Measured): object {
  const { row, off, on } = m
  return {
    id: row.id,
    what: row.what,
    unit: row.unit.trim(),
    target: row.target,
    met: met(row, off),
    off,
    on,
    references: m.references.map(({ what, figure }) =>
      typeof figure === 'string' ? { what, skipped: figure } : { what, ...figure, times: ratio(m, figure) },
    ),
  }
}

/** A row of the table in the README. */
export function markdown(m: Measured): string {
  const { row, off, on } = m
  const beside = m.references.flatMap(({ what, figure }) =>
    typeof figure === 'string' ? [] : [`${what} ${show(figure.value, row.unit)}`],
  )
  const cells = [row.what, target(row), show(off.value, row.unit), on ? show(on.value, row.unit) : '-']
  return `| ${[...cells, beside.join('; ')].join(' | ')} |`
}
export const MARKDOWN: readonly string[] = [
  '| what | target | measured | sanitizers on | beside it |',
  '|---|---|---|---|---|',
]
