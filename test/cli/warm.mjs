// A process that carries out one famsim command after another, each by loading src/cli/main.ts anew as bin/famsim.mjs does.
// What main.ts imports is loaded once, which is most of what a command costs. Started by famsim.ts, and ends with it.
import { register as registerHook } from 'node:module'
import { register } from 'tsx/esm/api'
import '../../bin/v8-flags.mjs'

register()
registerHook('../../bin/scenario-hook.mjs', import.meta.url)

class Exit extends Error {}
const exit = process.exit
process.exit = code => {
  process.exitCode = code
  throw new Exit()
}
let out = ''
let err = ''
process.stdout.write = text => {
  out += text
  return true
}
process.stderr.write = text => {
  err += text
  return true
}

let commands = 0
process.on('message', async ({ args, cwd }) => {
  out = err = ''
  process.exitCode = undefined
  process.chdir(cwd)
  process.argv = [process.execPath, 'famsim', ...args]
  try {
    await import(`../../src/cli/main.ts?command=${commands++}`)
  } catch (e) {
    if (!(e instanceof Exit)) {
      process.exitCode = 70
      err += e.stack
    }
  }
  process.stdout.removeAllListeners('error')
  process.send({ code: process.exitCode ?? 0, out, err })
})
process.on('disconnect', () => exit(0))
