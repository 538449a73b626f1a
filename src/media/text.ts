// Fixed-size text fields: NUL-terminated when there is room, otherwise ended by the field (userspace.md a.2, a.4).
// Linux names are bytes, not UTF-8: a byte that is no valid UTF-8 becomes the lone surrogate U+DC00+byte and goes
// back to that same byte, so any field survives decode and encode. Media only.

/** Bytes before the first NUL in [at, at+max), or `max` when there is none. */
export function textLen(b: Uint8Array, at: number, max: number): number {
  let n = 0
  while (n < max && b[at + n] !== 0) n++
  return n
}

/** Length of the valid UTF-8 sequence at `i` (2 to 4), or 0: overlong forms, surrogates and values over 10ffff are not. */
function sequenceLen(b: Uint8Array, i: number, end: number): number {
  const c = b[i]!
  const n = c >= 0xc2 && c <= 0xdf ? 2 : c >= 0xe0 && c <= 0xef ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0
  if (n === 0 || i + n > end) return 0
  for (let k = 1; k < n; k++) if ((b[i + k]! & 0xc0) !== 0x80) return 0
  const second = b[i + 1]!
  if ((c === 0xe0 && second < 0xa0) || (c === 0xed && second > 0x9f)) return 0
  if ((c === 0xf0 && second < 0x90) || (c === 0xf4 && second > 0x8f)) return 0
  return n
}

/** Text of the `max`-byte field at `at`. */
export function getText(b: Uint8Array, at: number, max: number): string {
  const end = at + textLen(b, at, max)
  let s = ''
  let i = at
  while (i < end) {
    const c = b[i]!
    if (c < 0x80) {
      s += String.fromCharCode(c)
      i++
      continue
    }
    const n = sequenceLen(b, i, end)
    if (n === 0) s += String.fromCharCode(0xdc00 + c)
    else if (n === 2) s += String.fromCharCode(((c & 0x1f) << 6) | (b[i + 1]! & 0x3f))
    else if (n === 3) s += String.fromCharCode(((c & 0x0f) << 12) | ((b[i + 1]! & 0x3f) << 6) | (b[i + 2]! & 0x3f))
    else {
      const high = ((c & 0x07) << 18) | ((b[i + 1]! & 0x3f) << 12)
      s += String.fromCodePoint(high | ((b[i + 2]! & 0x3f) << 6) | (b[i + 3]! & 0x3f))
    }
    i += n === 0 ? 1 : n
  }
  return s
}

/** How many bytes `s` takes in a field, without a NUL. */
export function textBytes(s: string): number {
  let n = 0
  for (let i = 0; i < s.length; i++) {
    const c = s.charCodeAt(i)
    if (c < 0x80 || isEscape(c)) n += 1
    else if (c < 0x800) n += 2
    else if (isPair(s, i)) {
      n += 4
      i++
    } else n += 3
  }
  return n
}

function isEscape(c: number): boolean {
  return c >= 0xdc80 && c <= 0xdcff
}

function isPair(s: string, i: number): boolean {
  const c = s.charCodeAt(i)
  const d = s.charCodeAt(i + 1)
  return c >= 0xd800 && c <= 0xdbff && d >= 0xdc00 && d <= 0xdfff
}

/** Write `s` at `at`, at most `max` bytes (cut there, as strncpy does), and zero the rest of the field. */
export function putText(b: Uint8Array, at: number, max: number, s: string): void {
  const end = at + max
  let p = at
  const put = (v: number) => {
    if (p < end) b[p++] = v
  }
  for (let i = 0; i < s.length; i++) {
    const c = s.charCodeAt(i)
    if (c === 0)
      throw new RangeError(`text field: NUL at character ${i} of ${JSON.stringify(s)}; a name cannot hold one`)
    if (c < 0x80) put(c)
    else if (isEscape(c)) put(c & 0xff)
    else if (c < 0x800) {
      put(0xc0 | (c >> 6))
      put(0x80 | (c & 0x3f))
    } else if (isPair(s, i)) {
      const cp = s.codePointAt(i)!
      i++
      put(0xf0 | (cp >> 18))
      put(0x80 | ((cp >> 12) & 0x3f))
      put(0x80 | ((cp >> 6) & 0x3f))
      put(0x80 | (cp & 0x3f))
    } else {
      put(0xe0 | (c >> 12))
      put(0x80 | ((c >> 6) & 0x3f))
      put(0x80 | (c & 0x3f))
    }
  }
  while (p < end) b[p++] = 0
}
