// File names as bytes and back. A Linux name is bytes, a JS string is not: UTF-8 where it is valid, and a byte that is
// not part of valid UTF-8 becomes the lone surrogate U+DC00 + byte, so that every byte string survives the round trip.
// ASCII takes the short path.

/** Bytes that `s` takes on the wire, without a terminating NUL. */
export function textLength(s: string): number {
  let n = s.length
  for (let i = 0; i < s.length; i++) {
    const c = s.charCodeAt(i)
    if (c < 0x80) continue
    if (c < 0x800) n += 1
    else if (c < 0xd800 || c > 0xdfff) n += 2
    else if (c < 0xdc00 && isLow(s.charCodeAt(i + 1))) {
      n += 2
      i++
    } else if (!isEscaped(c)) n += 2
  }
  return n
}

/** Write `s` at `at` without a terminating NUL; answers the offset after it. The caller has made room (textLength). */
export function putText(bytes: Uint8Array, at: number, s: string): number {
  for (let i = 0; i < s.length; i++) {
    let c = s.charCodeAt(i)
    if (c < 0x80) {
      bytes[at++] = c
      continue
    }
    if (c >= 0xd800 && c <= 0xdfff) {
      const low = s.charCodeAt(i + 1)
      if (c < 0xdc00 && isLow(low)) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00)
        i++
      } else if (isEscaped(c)) {
        bytes[at++] = c - 0xdc00
        continue
      } else c = 0xfffd
    }
    if (c < 0x800) bytes[at++] = 0xc0 | (c >> 6)
    else {
      if (c < 0x10000) bytes[at++] = 0xe0 | (c >> 12)
      else {
        bytes[at++] = 0xf0 | (c >> 18)
        bytes[at++] = 0x80 | ((c >> 12) & 0x3f)
      }
      bytes[at++] = 0x80 | ((c >> 6) & 0x3f)
    }
    bytes[at++] = 0x80 | (c & 0x3f)
  }
  return at
}

/** The string in bytes[from, to). Never throws; see the top of the file for bytes that are not UTF-8. */
export function getText(bytes: Uint8Array, from: number, to: number): string {
  let s = ''
  let i = from
  // Four at a time halves the cost of a typical name.
  for (; i + 4 <= to; i += 4) {
    const a = bytes[i]!
    const b = bytes[i + 1]!
    const c = bytes[i + 2]!
    const d = bytes[i + 3]!
    if ((a | b | c | d) >= 0x80) return s + getUtf8(bytes, i, to)
    s += String.fromCharCode(a, b, c, d)
  }
  for (; i < to; i++) {
    const c = bytes[i]!
    if (c >= 0x80) return s + getUtf8(bytes, i, to)
    s += String.fromCharCode(c)
  }
  return s
}

function getUtf8(bytes: Uint8Array, from: number, to: number): string {
  let s = ''
  let i = from
  while (i < to) {
    const c = bytes[i]!
    if (c < 0x80) {
      s += String.fromCharCode(c)
      i++
      continue
    }
    const need = c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 0
    let code = need === 1 ? c & 0x1f : need === 2 ? c & 0x0f : c & 0x07
    let k = 1
    while (k <= need && i + k < to && (bytes[i + k]! & 0xc0) === 0x80) code = (code << 6) | (bytes[i + k++]! & 0x3f)
    const whole = need > 0 && k === need + 1
    // Overlong forms, surrogates and anything above U+10FFFF are not UTF-8.
    const legal =
      need === 1 ||
      (need === 2 && code >= 0x800 && (code < 0xd800 || code > 0xdfff)) ||
      (need === 3 && code >= 0x10000 && code <= 0x10ffff)
    if (whole && legal) {
      s += String.fromCodePoint(code)
      i += need + 1
    } else {
      s += String.fromCharCode(0xdc00 + c)
      i++
    }
  }
  return s
}

const isLow = (c: number): boolean => c >= 0xdc00 && c <= 0xdfff
const isEscaped = (c: number): boolean => c >= 0xdc80 && c <= 0xdcff
