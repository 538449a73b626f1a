// famsim shell: commands of simulated hosts that share a device, by hand or from a script; the device may be an image file.
import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { worldOptions } from '../explore/index.ts'
import { O_CREAT, O_WRONLY } from '../kernel/index.ts'
import { hanging } from '../report/index.ts'
import { type End, PROGRAMS, parse_size } from '../server/index.ts'
import { GiB, type Problem } from '../sim/index.ts'
import { type Host, type Job, Session, World } from '../world/index.ts'
import { oneLine, UserError } from './errors.ts'
import { type OpenImage, openImage } from './image-device.ts'
import { readText } from './load.ts'
import { type SettingOptions, settingOf, whole } from './options.ts'
import { Progress } from './runfile.ts'
import { TraceFile } from './trace-file.ts'

export interface ShellOptions extends Omit<SettingOptions, 'backing' | 'model'> {
  readonly device?: string
  readonly size?: string
  readonly hosts: string
  readonly e?: boolean
  readonly trace?: string
  readonly json?: boolean
}

/** A line of a session, understood. */
type Line =
  | { readonly do: 'nothing' }
  | { readonly do: 'help' }
  | { readonly do: 'wait' }
  | { readonly do: 'on'; readonly host: Host }
  | { readonly do: 'exit'; readonly rc: number | null }
  | { readonly do: 'run'; readonly host: Host; readonly line: string; readonly background: boolean }

const HELP = [
  'h1: COMMAND        on host h1; `h1:` alone goes there (`h1# ...` does too)',
  'COMMAND &          in the background: it runs while the next command does',
  'wait               until everything in the background has ended',
  'cd, pwd, umask     of the shell of each host',
  'exit [N]           end (Ctrl-D too); caches are written back to the device first',
  '# ...              nothing',
]

/** Where the session is. */
class Shell {
  readonly session: Session
  readonly hosts: readonly Host[]
  at: Host
  rc = 0
  /** Jobs in the background that have not been told of. */
  private jobs: Job[] = []
  private readonly json: boolean
  /** What the running command said of how far it is. */
  private told = 'running'
  private readonly progress: Progress | null

  constructor(world: World, json: boolean, progress: Progress | null) {
    this.session = new Session(world)
    this.hosts = world.hosts
    this.at = world.hosts[0]!
    this.json = json
    this.progress = progress
    if (progress === null) return
    for (const h of this.hosts)
      h.onTell = text => {
        this.told = text
      }
    this.session.onProgress = () => progress.tell(() => this.told)
  }

  /** Throws UserError when it makes no sense. */
  parse(text: string): Line {
    const bare = text.trim()
    if (bare === '' || bare.startsWith('#')) return { do: 'nothing' }
    const [, name, rest] = /^(h\d+)\s*[:#]\s*(.*)$/.exec(bare) ?? []
    let host = this.at
    if (name !== undefined) {
      const there = this.hosts.find(h => h.name === name)
      if (there === undefined)
        throw new UserError(`no host ${name}: expected one of ${this.hosts.map(h => h.name).join(', ')}; see --hosts`)
      host = there
    }
    const line = (rest ?? bare).trim()
    if (line === '' || line.startsWith('#')) return name === undefined ? { do: 'nothing' } : { do: 'on', host }
    if (line === 'help') return { do: 'help' }
    if (line === 'wait') return { do: 'wait' }
    const [, code] = /^exit(?:\s+(\d+))?$/.exec(line) ?? []
    if (/^exit(\s|$)/.test(line)) {
      if (!/^exit(\s+\d+)?$/.test(line)) throw new UserError(`'${line}': expected exit, or exit and a number`)
      return { do: 'exit', rc: code === undefined ? null : Number(code) & 0xff }
    }
    const background = /(^|[^\\&])&$/.test(line)
    return { do: 'run', host, line: background ? line.slice(0, -1).trim() : line, background }
  }

  private tell(job: Job, end: End): void {
    this.progress?.end()
    const problems = this.session.problems()
    const { host, line } = job
    if (this.json) {
      const { rc, signal, out, err } = end
      const background = job.background ? { background: true } : {}
      console.log(JSON.stringify({ host: host.name, command: line, rc, signal, out, err, ...background, problems }))
      return
    }
    if (job.background) console.log(`[${host.name}: ${line}]`)
    for (const l of end.out) console.log(l)
    for (const l of end.err) console.log(l)
    for (const l of problemLines(problems)) console.log(l)
    if (end.signal !== null) console.log(`exit ${end.rc} (${end.signal})`)
    else if (end.rc !== 0) console.log(`exit ${end.rc}`)
  }

  /** Tell of those that have ended. */
  private tellJobs(): void {
    for (const j of this.jobs) if (j.end !== null) this.tell(j, j.end)
    this.jobs = this.jobs.filter(j => j.end === null)
  }

  /** False: some did not end. */
  private finish(jobs: readonly Job[]): boolean {
    const { stuck, why } = this.session.finish(jobs)
    for (const j of stuck) {
      const { out = [], err = [] } = j.end ?? {}
      const line = `famsim: this command does not end and was killed: ${why}`
      this.tell(j, { rc: STUCK, signal: null, out, err: [...err, line] })
      this.jobs = this.jobs.filter(x => x !== j)
    }
    if (stuck.length > 0) this.rc = STUCK
    return stuck.length === 0
  }

  wait(): void {
    this.finish(this.jobs)
    this.tellJobs()
  }

  run(host: Host, line: string, background: boolean): void {
    const job = this.session.start(host, line, background)
    if (background) {
      this.jobs.push(job)
      return
    }
    const ended = this.finish([job])
    this.tellJobs()
    if (!ended || job.end === null) return
    this.tell(job, job.end)
    this.rc = job.end.rc
  }

  /** Do a line. False: that was the last one. */
  line(text: string): boolean {
    const l = this.parse(text)
    switch (l.do) {
      case 'nothing':
        return true
      case 'help':
        for (const h of HELP) console.log(h)
        for (const h of hanging(`programs: ${Object.keys(PROGRAMS).sort().join(' ')}`, 76)) console.log(h)
        return true
      case 'wait':
        this.wait()
        return true
      case 'on':
        this.at = l.host
        return true
      case 'exit':
        if (l.rc !== null) this.rc = l.rc
        return false
      case 'run':
        this.told = 'running'
        this.run(l.host, l.line, l.background)
        return true
    }
  }
}

/** Exit code of a command that does not end, as of timeout(1). */
const STUCK = 124

/** What went wrong in the model, which no program said. */
const problemLines = (problems: readonly Problem[]): string[] =>
  problems.flatMap(p => hanging(`! ${p.kind}: ${p.text}`, 78))

/** A script's lines, or those of standard input: told as they are run. Ends at the first that fails with -e. */
function script(shell: Shell, name: string, text: string, o: ShellOptions): void {
  for (const [i, raw] of text.split('\n').entries()) {
    let more: boolean
    try {
      const l = shell.parse(raw)
      if (!o.json && l.do === 'run') console.log(`${l.host.name}# ${l.line}${l.background ? ' &' : ''}`)
      more = shell.line(raw)
    } catch (e) {
      if (e instanceof UserError) throw new UserError(`${name}:${i + 1}: ${oneLine(e.message)}`)
      throw e
    }
    if (!more || (o.e && shell.rc !== 0)) return
  }
}

/** By hand: a prompt, the lines before with the cursor keys, names of programs with Tab. */
async function byHand(shell: Shell): Promise<void> {
  const words = [...Object.keys(PROGRAMS), 'cd', 'pwd', 'umask', 'wait', 'exit', 'help'].sort()
  const rl = createInterface({
    input: process.stdin,
    output: process.stdout,
    historySize: 1000,
    completer: (line: string): [string[], string] => {
      const last = line.slice(line.lastIndexOf(' ') + 1)
      return [words.filter(w => w.startsWith(last)).map(w => `${w} `), last]
    },
  })
  const ask = (): void => {
    rl.setPrompt(`${shell.at.name}# `)
    rl.prompt()
  }
  rl.on('SIGINT', () => {
    process.stdout.write('\n')
    ask()
  })
  console.log(`${shell.hosts.map(h => h.name).join(', ')} share /dev/dax0.0; help says more`)
  ask()
  for await (const line of rl) {
    try {
      if (!shell.line(line)) break
    } catch (e) {
      if (!(e instanceof UserError)) throw e
      console.log(`famsim: ${oneLine(e.message)}`)
    }
    ask()
  }
  rl.close()
}

/** Bytes, of a word such as 4G. */
function sizeOf(text: string): number {
  const n = parse_size(text, false)
  if (n <= 0) throw new UserError(`--size '${text}': expected bytes, or a number and K, M or G, e.g. 4G`)
  return n
}

/** The first host is the one that the famfs on an image belongs to. */
function owned(host: Host, uuid: string): void {
  host.world.setup(host, 'set-up', function* (sys) {
    yield* sys.mkdir('/opt/famfs', 0o755)
    const fd = yield* sys.open('/opt/famfs/system_uuid', O_WRONLY | O_CREAT, 0o644)
    yield* sys.write(fd, Buffer.from(uuid))
    yield* sys.close(fd)
  })
}

/** A world with the device and the hosts of the command line. */
function build(o: ShellOptions, image: OpenImage | null, trace: TraceFile | null): World {
  const n = whole('--hosts', o.hosts, 1)
  if (n > MOST_HOSTS) throw new UserError(`--hosts '${o.hosts}': expected a whole number from 1 to ${MOST_HOSTS}`)
  const setting = settingOf({ ...o, backing: 'auto', model: 'sc' }, 'timed')
  const size = o.size === undefined ? (image?.size ?? GiB(4)) : sizeOf(o.size)
  const world = new World({
    ...worldOptions(setting),
    ...(image === null ? {} : { backing: image.lender }),
    // Who looks for lock orders runs a scenario.
    lockdep: false,
    trace: trace !== null,
    sink: trace === null ? undefined : e => trace.add(e),
  })
  try {
    world.daxdev('dax0.0', { size })
    for (let i = 0; i < n; i++) world.host(`h${i}`)
    for (const h of world.hosts) h.cli('mkdir /mnt/famfs')
    if (image?.owner != null) owned(world.hosts[0]!, image.owner)
    return world
  } catch (e) {
    world.close()
    throw e
  }
}
const MOST_HOSTS = 64

export async function shell(file: string | undefined, o: ShellOptions): Promise<void> {
  const byTerminal = file === undefined && process.stdin.isTTY === true
  if (file !== undefined && !existsSync(file)) throw new UserError(`no such script: ${file}; without one type commands`)
  const text = byTerminal ? '' : file === undefined ? readFileSync(0, 'utf8') : readText(file)
  const trace = o.trace === undefined ? null : new TraceFile(o.trace)
  const image = o.device === undefined ? null : openImage(o.device)
  const progress = new Progress()
  trace?.open()
  const world = build(o, image, trace)
  try {
    const s = new Shell(world, o.json === true, progress)
    try {
      if (image !== null && !o.json) console.log(image.note)
      if (byTerminal) await byHand(s)
      else script(s, file ?? 'standard input', text, o)
      s.wait()
    } finally {
      progress.end()
      world.fabric.writeBack()
    }
    process.exitCode = s.rc
  } finally {
    world.close()
    trace?.close()
  }
}
