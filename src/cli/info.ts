// famsim info IMAGE: what a famfs image holds, in a file or on a real device, and what is wrong with it. Writes nothing.
import { UserError } from './errors.ts'
import { checkLines, deviceLines, imageJson, lookAt, readable } from './image.ts'

export function info(name: string, o: { json?: boolean }): void {
  const image = lookAt(name)
  if (image.dump.entries === null) throw new UserError(`${name}: ${image.problems[0]}`)
  if (o.json) {
    console.log(JSON.stringify(imageJson(image)))
    return
  }
  for (const l of deviceLines(image)) console.log(l)
  const { superblock: s, log, entries, stats, bitmap } = image.dump as any
  console.log(
    readable(
      `superblock: version ${s.version}, OMF ${s.omf_major}.${s.omf_minor}, device ${s.daxdev_name}, ${s.daxdev_size} bytes`,
    ),
  )
  console.log(`  fs    ${s.fs_uuid}`)
  console.log(`  owner ${s.system_uuid}`)
  console.log(`log: ${log.next_index} of ${log.last_index + 1} entries in use, ${stats.bad_entries} bad`)
  console.log(
    `  ${stats.f_logged} files, ${stats.d_logged} directories; ${bitmap.bits_set} of ${bitmap.nbits} units taken, ${bitmap.collisions} collisions`,
  )
  for (const e of entries) {
    const kind = e.type === 1 ? 'dir ' : e.ext_type === 1 ? `x${String(e.nstrips).padEnd(3)}` : 'file'
    const what = `${e.mode ?? ''} ${String(e.size ?? '').padStart(12)} ${e.path ?? `type ${e.type}`}`
    console.log(readable(`  ${String(e.i).padStart(5)} ${kind} ${what}`))
  }
  for (const l of checkLines(image)) console.log(readable(l))
}
