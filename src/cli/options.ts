// Values of options that more than one command takes.
import { UserError } from './errors.ts'

/** A whole number from `low`, or one line on what was expected. */
export function whole(option: string, s: string, low: number): number {
  const n = Number(s)
  if (!/^\d+$/.test(s) || !Number.isSafeInteger(n) || n < low)
    throw new UserError(`${option} '${s}': expected a whole number from ${low}`)
  return n
}

/** A whole number, or one line on what was expected. */
export function parseSeed(s: string): number {
  const n = Number(s)
  if (!/^\d+$/.test(s) || !Number.isSafeInteger(n))
    throw new UserError(`--seed '${s}': expected a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`)
  return n
}

/** --defect N and --no-defect N, in any number, from the words of the command line. */
export function defectSwitches(argv: readonly string[]): { defect: string[]; noDefect: string[] } {
  const of = (flag: string) =>
    argv.flatMap((w, i) =>
      w === flag ? [argv[i + 1] ?? ''] : w.startsWith(`${flag}=`) ? [w.slice(flag.length + 1)] : [],
    )
  return { defect: of('--defect'), noDefect: of('--no-defect') }
}

export const switchText = (kernel: string | undefined, defect: string[], noDefect: string[]): string =>
  [
    kernel === undefined ? '' : ` --kernel ${kernel}`,
    ...defect.map(d => ` --defect ${d}`),
    ...noDefect.map(d => ` --no-defect ${d}`),
  ].join('')
