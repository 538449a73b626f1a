// npm run test:vm: the backing dax:/dev/daxX.Y on a real devdax device, under a real kernel, in a virtual machine. What runs
// there must give what it gives here on a memory file. Skipped with a notice where a virtual machine cannot be had.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { boot, makeInitramfs, missing, root } from './machine.ts'

/** On an idle machine it takes about one minute; a busy one gets longer before it is given up. */
const SECONDS = 600
const DEVICE = '/dev/dax0.0'
const FIRST = 'scenarios/basics/first-light'
const RACE = 'scenarios/races/torn-slot'
/** Size of first-light's device, and of the plain file it writes. */
const GiB4 = 4 * 2 ** 30
const SIMPLE = 8 * 2 ** 20

interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
  readonly ms?: number
}

/** What the command says, here and there: the scenario's name without its ending, the rest. */
const run = (scenario: string, ending: string, ...more: string[]): string[] => [
  'run',
  `${scenario}.${ending}`,
  ...['--seed', '7', '--json'],
  ...more,
]
const explore = (scenario: string, ending: string, ...more: string[]): string[] => [
  'explore',
  `${scenario}.${ending}`,
  ...['--seed', '1', '--strategy', 'urw', '--runs', '20', '--json'],
  ...more,
]

const DAX = ['--backing', `dax:${DEVICE}`]
const command = (args: string[]): string[] => ['src/cli/main.js', ...args]
const PLAN = [
  { name: 'doctor', argv: command(['doctor', '--json']) },
  { name: 'no leave', argv: command(run(FIRST, 'js', ...DAX)) },
  { name: 'in use', argv: command(run(FIRST, 'js', ...DAX, '--allow-real-device')), open: DEVICE },
  { name: 'run', argv: command(run(FIRST, 'js', ...DAX, '--allow-real-device')) },
  { name: 'look', argv: ['test/vm/look.js', DEVICE, String(GiB4)] },
  { name: 'fsck', argv: command(['fsck', `dax:${DEVICE}`, '--json']) },
  { name: 'not empty', argv: command(run(FIRST, 'js', ...DAX, '--allow-real-device')) },
  {
    name: 'race',
    argv: command(explore(RACE, 'js', '--backing', 'auto', '--allow-real-device', '--overwrite')),
  },
]

const here = (args: string[]): Promise<Outcome> =>
  new Promise(done => {
    const p = spawn(process.execPath, ['bin/famsim.mjs', ...args, '--backing', 'memfd'], { cwd: root })
    const said = { out: '', err: '' }
    p.stdout.setEncoding('utf8').on('data', s => (said.out += s))
    p.stderr.setEncoding('utf8').on('data', s => (said.err += s))
    p.on('close', code => done({ code, ...said }))
  })

let passed = 0
let failed = 0
const check = (what: string, holds: boolean, found: unknown): void => {
  if (holds) passed++
  else failed++
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${what}${holds ? '' : `: ${JSON.stringify(found)}`}`)
}

/** A JSON answer; an empty object when there is none. */
const json = (o: Outcome | undefined): any => {
  try {
    return JSON.parse(o?.out ?? '')
  } catch {
    return {}
  }
}

/** Bad input: code 2, one line that says this. */
const refused = (what: string, o: Outcome | undefined, words: RegExp): void =>
  check(what, o?.code === 2 && o.out === '' && o.err.trim().split('\n').length === 1 && words.test(o.err), o)

async function main(): Promise<void> {
  const why = missing()
  if (why !== null) {
    console.log(`skipped: ${why}`)
    return
  }
  const started = performance.now()
  const dir = mkdtempSync(join(tmpdir(), 'famsim-vm-'))
  const results = new Map<string, Outcome>()
  const console_lines: string[] = []
  let whole = false
  try {
    const initramfs = join(dir, 'initramfs')
    makeInitramfs(initramfs, PLAN)
    const there = boot(initramfs, SECONDS - (performance.now() - started) / 1000, line => {
      const [, text] = /^@famsim (\{.*\})$/.exec(line) ?? []
      if (text === undefined) return void console_lines.push(line)
      const { name, end, ...outcome } = JSON.parse(text)
      if (end) whole = true
      else results.set(name, outcome)
    })
    const [first, race] = [await here(run(FIRST, 'ts')), await here(explore(RACE, 'ts'))]
    const ended = await there
    check('the guest did all it was told', ended === 'off' && whole, { ended, told: [...results.keys()] })
    if (!whole) for (const l of console_lines.slice(-30)) console.log(`     ${l}`)

    const found = (json(results.get('doctor')).findings ?? []).find((f: { what: string }) => f.what === DEVICE)
    check('doctor sees the device', found?.ok === true && /align 2 MiB, mode devdax.*, idle/.test(found.why), found)
    refused('not written without leave', results.get('no leave'), /add --allow-real-device$/m)
    refused('not taken from another process', results.get('in use'), /in use: process \d+ \(node\) has it open/)
    const r = json(results.get('run'))
    check('first-light holds on it, poison and all', results.get('run')?.code === 0 && r.verdict === 'held', r)
    check('with the digest it has on a memory file', r.digest?.length === 16 && r.digest === json(first).digest, [
      r.digest,
      json(first).digest,
    ])
    const seen = json(results.get('look'))
    check('another mapping of the device shows the famfs', /^[0-9a-f-]{36}$/.test(seen.uuid ?? ''), seen)
    check('and the bytes that were written', seen.right === SIMPLE && seen.of === SIMPLE, seen)
    const { info } = seen
    const users = info?.device?.users ?? []
    check('info shows the same famfs, sound', info?.superblock?.fs_uuid === seen.uuid && info?.problems?.length === 0, [
      info?.superblock,
      info?.problems,
    ])
    check(
      'and who maps the device',
      users.length === 1 && users[0].how === 'maps it' && users[0].comm === 'node',
      users,
    )
    const fsck = json(results.get('fsck'))
    check(
      'fsck finds it clean, and what info finds',
      results.get('fsck')?.code === 0 &&
        fsck.capacity?.device === GiB4 &&
        JSON.stringify(fsck.bitmap) === JSON.stringify(info?.bitmap),
      results.get('fsck'),
    )
    refused('what it holds now is not lost unasked', results.get('not empty'), /holds a famfs \(\S+\); add --overwrite/)
    const figures = ({ verdict, executions, distinct, unseen, marks }: any) =>
      JSON.stringify({ verdict, executions, distinct, unseen, marks })
    const [a, b] = [json(results.get('race')), json(race)]
    check('auto takes it, and a race is searched as on a memory file', a.executions > 1 && figures(a) === figures(b), [
      figures(a),
      figures(b),
      results.get('race')?.err,
    ])
  } finally {
    rmSync(dir, { recursive: true })
  }
  console.log(`${passed} passed, ${failed} failed, ${((performance.now() - started) / 1000).toFixed(0)} s`)
  process.exitCode = failed === 0 ? 0 : 1
}

await main()
