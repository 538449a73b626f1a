// The famsim command as a user meets it. `famsim` has it carried out by a process that stays (warm.mjs), which is quick;
// `fresh` starts it as a shell does, for what must not lean on anything that a command before it has left.
import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import type { Socket } from 'node:net'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')
export const bin = join(root, 'bin/famsim.mjs')

/** How a command ended: its exit code and what it printed. */
export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export function fresh(args: readonly string[], cwd = root, env: NodeJS.ProcessEnv = {}): Ended {
  const r = spawnSync(process.execPath, [bin, ...args], { cwd, encoding: 'utf8', env: { ...process.env, ...env } })
  return { code: r.status, out: r.stdout, err: r.stderr }
}

let warm: ChildProcess | null = null

function start(): ChildProcess {
  // What a command prints comes with its end; on the pipe of stderr there is only what ends the process.
  const p = fork(join(import.meta.dirname, 'warm.mjs'), { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let last = ''
  p.stderr?.on('data', text => {
    last += text
  })
  p.on('exit', code => {
    warm = null
    p.emit('message', { code, out: '', err: `warm.mjs ended\n${last}` })
  })
  // It must not keep the tests from ending.
  for (const h of [p, p.channel, p.stderr as Socket | null]) h?.unref()
  return p
}

/** One command at a time: wait for its end before the next. */
export async function famsim(args: readonly string[], cwd = root): Promise<Ended> {
  warm ??= start()
  const p = warm
  return new Promise(done => {
    p.once('message', m => done(m as Ended))
    p.send({ args, cwd })
  })
}
