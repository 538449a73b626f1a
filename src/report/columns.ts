// Fixed columns for everything that prints events: time, task, one glyph, text.

/** Virtual ns as microseconds with three decimals, 12 wide. */
export const timeColumn = (ns: number): string => (ns / 1000).toFixed(3).padStart(12)

/** A name in exactly `width` columns, cut at its end if it is longer. */
export const nameColumn = (name: string, width = 14): string =>
  name.length > width ? `${name.slice(0, width - 1)}~` : name.padEnd(width)

/** A number of things, `1 step`, `2 steps`. */
export const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`

/** A line cut to `width` columns; a cut shows as `..`. */
export const cut = (line: string, width: number): string =>
  line.length > width ? `${line.slice(0, width - 2)}..` : line
