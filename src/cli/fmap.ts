// famsim fmap check, famsim fmap resolve: what a kernel's parser and its resolver make of a map given in hex.
import { readFileSync } from 'node:fs'
import { type ReplaySetting, type Resolved, resolvedBy, type Verdict, verdictsOf } from '../conform/index.ts'
import { kernelProfile } from '../profile/index.ts'
import { errnoName } from '../wire/index.ts'
import { oneLine, UserError } from './errors.ts'
import { defectSwitches, type KernelOptions } from './options.ts'

interface FmapOptions extends KernelOptions {
  readonly json?: boolean
}
interface ResolveOptions extends FmapOptions {
  readonly hex: string
  readonly offset: string
  readonly length: string
  readonly write?: boolean
}

/** Bytes of hex digits, blanks between them or not; what is wrong with them as text. */
function bytesOf(hex: string): Uint8Array | string {
  const digits = hex.replace(/\s/g, '')
  const at = digits.search(/[^0-9a-fA-F]/)
  if (at >= 0) return `'${digits[at]}' is no hex digit`
  return digits.length % 2 === 1 ? `${digits.length} digits: expected two a byte` : Buffer.from(digits, 'hex')
}

/** A number of bytes: decimal, or hexadecimal behind 0x. */
function bytes(option: string, s: string, low: number): number {
  const n = /^(\d+|0x[0-9a-fA-F]+)$/.test(s) ? Number(s) : Number.NaN
  if (!Number.isSafeInteger(n) || n < low)
    throw new UserError(`${option} '${s}': expected a whole number from ${low}, e.g. 2097152 or 0x200000`)
  return n
}

function setting(o: KernelOptions): ReplaySetting {
  const how = { kernel: o.kernel, dax: o.dax, switches: defectSwitches() }
  kernelProfile(o.kernel, how.switches, o.dax)
  return how
}

/** `0`, or `-22 EINVAL`, then the reasons. */
const verdictText = ({ rc, reasons }: Verdict): string =>
  [rc === 0 ? '0' : `${rc} ${errnoName(rc)}`, reasons.join('; ')].filter(s => s !== '').join(' ')

export function fmapCheck(o: FmapOptions): void {
  const how = setting(o)
  let text: string
  try {
    text = readFileSync(0, 'utf8')
  } catch (e) {
    throw new UserError(`standard input: ${oneLine((e as Error).message)}`)
  }
  if (text === '') throw new UserError('standard input is empty: expected one map in hex a line')
  const lines = text
    .replace(/\r?\n$/, '')
    .split('\n')
    .map(bytesOf)
  const good = verdictsOf(
    how,
    lines.filter(l => typeof l !== 'string'),
  ).values()
  for (const [i, l] of lines.entries()) {
    const v = typeof l === 'string' ? null : good.next().value!
    if (v === null) process.exitCode = 2
    const json = v === null ? { line: i + 1, error: l } : { line: i + 1, ...v, errno: errnoName(v.rc) }
    console.log(o.json ? JSON.stringify(json) : v === null ? `bad hex: ${l}` : verdictText(v))
  }
}

/** Of 64 bits, as the kernel's fields are. */
const hex = (n: number): string => `0x${BigInt.asUintN(64, BigInt(n)).toString(16)}`

const resolvedText = (r: Resolved): string => {
  if ('reasons' in r) return `${r.refused ? 'map refused: ' : ''}${verdictText(r)}`
  const { addr, offset, length, device, flags } = r
  const numbers = { addr, offset, length }
  return [
    ...Object.entries(numbers).map(([name, n]) => `${name} ${hex(n)}`),
    `device ${device ?? 'none'}`,
    `flags ${hex(flags)}`,
  ].join(' ')
}

export function fmapResolve(o: ResolveOptions): void {
  const how = setting(o)
  const body = bytesOf(o.hex)
  if (typeof body === 'string') throw new UserError(`--hex: ${body}`)
  const at = { offset: bytes('--offset', o.offset, 0), length: bytes('--length', o.length, 1), write: o.write === true }
  const r = resolvedBy(how, body, [at])[0]!
  if (r.rc !== 0) process.exitCode = 1
  console.log(o.json ? JSON.stringify({ kernel: o.kernel, errno: errnoName(r.rc), ...r }) : resolvedText(r))
}
