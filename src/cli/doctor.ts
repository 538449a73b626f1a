// famsim doctor: what this machine offers, what famsim will use, and why not the better thing.
import { accessSync, constants, existsSync } from 'node:fs'
import { surveyBackings, surveyDax } from '../devdax/index.ts'
import { nativeAvailable } from '../native/index.ts'
import { GiB } from '../sim/index.ts'

interface Finding {
  readonly what: string
  readonly ok: boolean
  readonly why: string
}

const may = (path: string): boolean => {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

function findings(): { findings: Finding[]; memory: string } {
  const out: Finding[] = []
  out.push({ what: 'node', ok: true, why: `${process.version} on ${process.platform}-${process.arch}` })
  const native = nativeAvailable()
  out.push({ what: 'native calls', ok: native.ok, why: native.ok ? 'koffi loads' : native.why })
  const survey = surveyBackings(GiB(4))
  for (const s of survey) out.push({ what: `memory: ${s.kind}`, ok: s.usable, why: s.why })
  const dax = surveyDax()
  for (const d of dax) out.push({ what: d.path, ok: d.usable, why: d.why })
  if (dax.length === 0) out.push({ what: '/dev/dax', ok: false, why: 'no devdax device on this machine' })
  const fuse = existsSync('/dev/fuse')
  out.push({
    what: '/dev/fuse',
    ok: fuse && may('/dev/fuse'),
    why: fuse ? (may('/dev/fuse') ? 'can be opened' : 'is there, but not for this user') : 'is not there',
  })
  return { findings: out, memory: survey.find(s => s.usable)?.kind ?? 'none' }
}

export function doctor(o: { json?: boolean }): void {
  const d = findings()
  if (o.json) {
    console.log(JSON.stringify(d))
    return
  }
  for (const f of d.findings) console.log(`${f.ok ? 'yes' : 'no '}  ${f.what.padEnd(20)} ${f.why}`)
  console.log(`device memory will lie on: ${d.memory} (asked for 4 GiB, as the first scenario does)`)
}
