// famsim conform TRACE...: what a real kernel was recorded to answer, against the model.
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { parseTrace, type ReplaySetting, replayCase, Tally, type Trace } from '../conform/index.ts'
import { kernelProfile } from '../profile/index.ts'
import { hanging } from '../report/index.ts'
import { UsageError } from '../sim/index.ts'
import { oneLine, UserError } from './errors.ts'
import { defectSwitches, type KernelOptions, whole } from './options.ts'
import { Progress } from './runfile.ts'

interface ConformOptions extends KernelOptions {
  readonly most: string
  readonly json?: boolean
}

/** A text file, unpacked if gzip packed it. */
function textOf(file: string): string {
  try {
    const bytes = readFileSync(file)
    return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8')
  } catch (e) {
    throw new UserError(`${file}: ${oneLine((e as Error).message)}`)
  }
}

function traceOf(file: string): Trace {
  try {
    return parseTrace(textOf(file))
  } catch (e) {
    if (e instanceof UsageError) throw new UserError(`${file}: ${e.message}`)
    throw e
  }
}

export function conform(files: readonly string[], o: ConformOptions): void {
  const how: ReplaySetting = { kernel: o.kernel, dax: o.dax, switches: defectSwitches() }
  kernelProfile(o.kernel, how.switches, o.dax)
  const most = whole('--most', o.most, 0)
  const traces = files.map(file => ({ file, ...traceOf(file) }))
  for (const { file, format, cases } of traces) {
    const t = new Tally()
    const progress = new Progress()
    for (const [i, c] of cases.entries()) {
      progress.tell(() => `${file}: ${i} of ${cases.length} cases, ${t.differ} differences`)
      replayCase(c, how, t)
    }
    progress.end()
    const { results, differ } = t
    const shown = t.differences.slice(0, most)
    if (differ > 0) process.exitCode = 1
    if (o.json) {
      const { kernel, dax, switches } = how
      const json = { file, format, kernel, dax, ...switches, cases: cases.length, results, differ, differences: shown }
      console.log(JSON.stringify(json))
      continue
    }
    console.log(`${file}: ${differ} of ${results} results differ`)
    for (const d of shown) for (const l of hanging(d, 76)) console.log(`  ${l}`)
    const more = t.differences.length - shown.length
    if (more > 0) console.log(`  ... and ${more} more (--most ${t.differences.length} shows all)`)
  }
}
