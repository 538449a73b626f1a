// Numbers as people type them and as famfs user space reads them: strtoull(3) with base 0, and sizes with a suffix
// (userspace.md f). Pure.

/** No file and no device is larger; what a u64 holds beyond is cut to this. */
const MOST = Number.MAX_SAFE_INTEGER

/** The number at the start of `text` (0x: hexadecimal, 0: octal, else decimal; none: 0), and what follows it. */
function leading(text: string): { value: number; rest: string } {
  const [all = '', sign, digits = ''] = /^\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)/.exec(text) ?? []
  const octal = /^0[0-7]/.test(digits)
  const magnitude = Number(octal ? `0o${digits}` : digits)
  const value = (sign === '-' && magnitude > 0) || magnitude > MOST ? MOST : magnitude
  return { value, rest: text.slice(all.length) }
}

/** strtoull(text, NULL, 0): what is no number is 0. A negative number is as large as its u64 would be. */
export const strtoull = (text: string): number => leading(text).value

/** What a suffix multiplies by: none 1, k, m and g (either case) powers of 1024, another letter 1 (Q23); more than one: -1. */
export function get_multiplier(suffix: string): number {
  if (suffix.length > 1) return -1
  const power = 'kmg'.indexOf(suffix.toLowerCase()) + 1
  return suffix === '' || power === 0 ? 1 : 1024 ** power
}

/**
 * A size such as 4096, 0x1000, 10m or 2G in bytes. With `q23` as the real tools read it: a suffix that is none counts as
 * x1, and what is no number as 0. Without it all of these are -1.
 */
export function parse_size(text: string, q23: boolean): number {
  const { value, rest } = leading(text)
  if (!q23 && !/^(0[xX][0-9a-fA-F]+|[0-9]+)[kKmMgG]?$/.test(text)) return -1
  const by = get_multiplier(rest)
  const size = by < 0 ? value : value * by
  return size > MOST ? MOST : size
}
