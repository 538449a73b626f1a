// famsim fsck IMAGE: a famfs image or device checked, in the words of the real famfs fsck of an unmounted one. Writes nothing.
// Exit 1 if anything is wrong, also where the real one, which counts collisions only, ends with 0.
import { fsckReport, MAX_BUCKETS } from '../media/index.ts'
import { fsck_text } from '../server/index.ts'
import { UserError } from './errors.ts'
import { checkLines, deviceLines, imageJson, lookAt, ownUuid, readable } from './image.ts'
import { whole } from './options.ts'

interface FsckOptions {
  readonly verbose?: boolean
  readonly human?: boolean
  readonly nbuckets?: string
  readonly json?: boolean
}

export function fsck(name: string, o: FsckOptions): void {
  const buckets = o.nbuckets === undefined ? 0 : whole('--nbuckets', o.nbuckets, 1)
  if (buckets > MAX_BUCKETS) throw new UserError(`--nbuckets '${buckets}': expected at most ${MAX_BUCKETS}`)
  const image = lookAt(name)
  const report = fsckReport(image.dump, ownUuid(), buckets)
  if (image.problems.length > 0) process.exitCode = 1
  if (o.json) {
    console.log(JSON.stringify({ ...imageJson(image), ...report }))
    return
  }
  if (report === null) {
    console.error(`famsim: ${name}: ${image.problems[0]}`)
    return
  }
  const device = deviceLines(image)
  if (device.length > 0) device.push('')
  const text = fsck_text(image.dump, report, o)
  if (report.buckets !== null) text.push('')
  for (const l of [...device, ...text, ...checkLines(image)]) console.log(readable(l))
}
