// Runs in the guest: does what plan.json lists, in order, and tells each outcome as one line of JSON on the console. What it
// means is the host's business. Plain JavaScript, so that it costs no start of its own.
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'

const say = o => writeSync(1, `\n@famsim ${JSON.stringify(o)}\n`)

for (const { name, argv, open } of JSON.parse(readFileSync('/plan.json', 'utf8'))) {
  const started = performance.now()
  // Somebody else who has the device open meanwhile: this process.
  const fd = open === undefined ? null : openSync(open, 'r')
  const r = spawnSync(process.execPath, argv, { encoding: 'utf8', maxBuffer: 2 ** 26 })
  if (fd !== null) closeSync(fd)
  const error = r.error === undefined ? r.stderr : String(r.error)
  say({ name, code: r.status, out: r.stdout, err: error, ms: Math.round(performance.now() - started) })
}
say({ end: true })
