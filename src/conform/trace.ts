// A recorded trace: which of the three formats it is, its cases, and their replay.
import { Killed, Oops, UsageError } from '../sim/index.ts'
import { DAXDEV_WORDS, type DevtableOp, type DevtableSequence, replayDevtable } from './devtable-sequences.ts'
import { type DescribedFile, describedFile } from './file-words.ts'
import { type FmapCase, fmapResults, replayFmapCase } from './fmap-cases.ts'
import { bad, check, type Line, LONGEST, linesOf, oneOf, text } from './lines.ts'
import { type OpsOp, type OpsSequence, replayOps } from './ops-sequences.ts'
import { Stuck } from './rig.ts'
import type { ReplaySetting } from './setting.ts'
import type { Tally } from './tally.ts'

export type TraceFormat = 'fmap-cases' | 'ops-sequences' | 'devtable-sequences'

/** One case of a trace: a map, or a sequence of operations. */
export interface TraceCase {
  /** Where it begins. */
  readonly line: number
  /** How many results it has. */
  readonly results: () => number
  /** Do it to the model, and compare. */
  readonly replay: (how: ReplaySetting, t: Tally) => void
}
export interface Trace {
  readonly format: TraceFormat
  readonly cases: readonly TraceCase[]
}

/** The cases of a trace. Throws UsageError, with the number of the line, for one that is not of the format of the first. */
export function parseTrace(content: string): Trace {
  const cases: TraceCase[] = []
  let format: TraceFormat | null = null
  let sequence: Sequence | null = null
  for (const l of linesOf(content)) {
    const is: TraceFormat | null = formatOf(l) ?? (format === 'fmap-cases' ? null : format)
    if (is === null) bad(l.line, "expected a line with 'case', 'setup' or 'op' of a recorded trace")
    if (format !== null && is !== format) bad(l.line, `a line of ${is} in a trace of ${format}`)
    format = is
    if (is === 'fmap-cases') {
      const c = fmapCase(l)
      cases.push({ line: l.line, results: () => fmapResults(c), replay: (how, t) => replayFmapCase(c, how, t) })
    } else if (l.o.setup !== undefined) {
      sequence = is === 'ops-sequences' ? opsSequence(l) : devtableSequence(l)
      cases.push(caseOf(l.line, sequence))
    } else if (sequence === null || l.o.seq !== sequence.c.seq || sequence.c.end !== null)
      bad(l.line, `seq ${l.o.seq}: expected the setup line of a sequence before it`)
    else if (l.o.end === true) {
      check(l.line, l.o, sequence.end)
      const { seq, end, ...said } = l.o
      sequence.c.end = { ...said, line: l.line }
    } else {
      checkOp(l, sequence)
      sequence.c.ops.push({ ...(l.o as any), line: l.line })
    }
  }
  if (format === null) throw new UsageError('nothing in it: expected a recorded trace, one JSON object a line')
  return { format, cases }
}

/** Replay one case; a process that was killed, or never ended, is a difference too. */
export function replayCase(c: TraceCase, how: ReplaySetting, t: Tally): void {
  const before = t.results
  try {
    c.replay(how, t)
  } catch (e) {
    if (!(e instanceof Killed || e instanceof Oops || e instanceof Stuck)) throw e
    t.missing(`line ${c.line} and what follows`, e.message, c.results() - (t.results - before))
  }
}

/** Only the first line of a case says what it is. */
function formatOf({ o }: Line): TraceFormat | null {
  if (Object.hasOwn(o, 'case')) return 'fmap-cases'
  const { setup } = o
  if (typeof setup !== 'object' || setup === null) return null
  return Object.hasOwn(setup, 'daxdev0') ? 'devtable-sequences' : 'ops-sequences'
}

type Growing<C, O> = Omit<C, 'ops' | 'end'> & { readonly ops: O[]; end: any }
type Sequence =
  | { readonly kind: 'ops'; readonly end: string; readonly c: Growing<OpsSequence, OpsOp> }
  | { readonly kind: 'devtable'; readonly end: string; readonly c: Growing<DevtableSequence, DevtableOp> }

const caseOf = (line: number, s: Sequence): TraceCase => ({
  line,
  results: () => s.c.ops.length + (s.c.end === null ? 0 : 1) + (s.kind === 'ops' ? 1 : 0),
  replay: (how, t) => (s.kind === 'ops' ? replayOps(s.c, how, t) : replayDevtable(s.c, how, t)),
})

/** Fields that a line of an operation must have. Of a load and a store: and what it came to. */
const OPS: Readonly<Record<string, string>> = {
  open: 'fd path flags ret err',
  close: 'fd ret err',
  pread: 'fd off len ret err fnv',
  pwrite: 'fd off len fill ret err',
  read: 'fd len ret err pos fnv',
  write: 'fd len fill ret err pos',
  lseek: 'fd off whence ret err',
  stat: 'path ret err size',
  fstat: 'fd ret err size',
  fsync: 'fd ret err',
  ftruncate: 'fd size ret err',
  truncate: 'path size ret err',
  fallocate: 'fd mode off len ret err',
  mmap: 'map fd len off prot flags ret err',
  munmap: 'map ret err',
  load: 'map off',
  store: 'map off set',
  madvise_dontneed: 'map ret err',
  msync_sync: 'map ret err',
  kill_server: 'ret',
}
const DEVTABLE: Readonly<Record<string, string>> = {
  server_sets_daxdev: 'index to',
  poison_unused_page: 'dev',
  unbind_fsdev: 'dev',
  bind_fsdev: 'dev',
  evict_closed_inodes: '',
  close_all_umount_mount: 'umount',
  open: 'file err',
  close: 'file err',
  pread: 'file off len ret err',
  mmap_only: 'file err',
  mmap_load_munmap: 'file off',
}
/** The measuring program may poison the first page of a mapping; no trace at hand shows by what word. */
const POISON = /poison/

function checkOp({ line, o }: Line, s: Sequence): void {
  check(line, o, 'i op msgs', { flags: text })
  const { op, file, to } = o
  const table = s.kind === 'ops' ? OPS : DEVTABLE
  const needed = Object.hasOwn(table, op) ? table[op] : s.kind === 'ops' && POISON.test(op) ? 'map' : undefined
  if (needed === undefined) bad(line, `unknown operation '${op}': expected one of ${Object.keys(table).join(', ')}`)
  check(line, o, needed, op === 'mmap' ? { flags: oneOf(['SHARED', 'PRIVATE']) } : {})
  const outcome = o.val !== undefined || (o.signal !== undefined && o.si_code !== undefined)
  if (s.kind === 'ops' && (op === 'load' || op === 'store') && !outcome) bad(line, "no 'val' and no 'signal' here")
  if (s.kind === 'devtable') {
    if (file !== undefined && !s.c.files.has(file)) bad(line, `file '${file}': expected one of the setup line`)
    if (to !== undefined) daxdevWord(line, to)
  }
}

const daxdevWord = (line: number, word: unknown): string =>
  typeof word === 'string' && DAXDEV_WORDS.includes(word)
    ? word
    : bad(line, `device ${JSON.stringify(word)}: expected one of ${DAXDEV_WORDS.join(', ')}`)

/** describedFile(), told with the line. */
function described(line: number, words: string, size?: number): DescribedFile {
  try {
    return describedFile(words, size)
  } catch (e) {
    if (e instanceof UsageError) bad(line, e.message)
    throw e
  }
}

function opsSequence({ line, o }: Line): Sequence {
  check(line, o, 'seq setup')
  const { setattr, attr_valid, atomic_o_trunc, flush, files: said } = o.setup
  check(line, o.setup, 'setattr attr_valid atomic_o_trunc flush files')
  if (typeof said !== 'object' || said === null) bad(line, 'files: expected an object')
  const files = new Map<string, DescribedFile & { nodeid: number }>()
  for (const [name, f] of Object.entries(said)) {
    const ok = Array.isArray(f) && f.length === 3 && Number.isSafeInteger(f[0]) && Number.isSafeInteger(f[1])
    if (!ok || typeof f[2] !== 'string') bad(line, `file ${name}: expected [node, size, "simple (0,0,4M)"]`)
    files.set(name, { nodeid: f[0], ...described(line, f[2], f[1]) })
  }
  const c = { seq: o.seq, setattr, attr_valid, atomic_o_trunc, flush, files, ops: [], end: null }
  return { kind: 'ops', end: 'umount fnv_dev0_first_32M fnv_dev1_first_32M', c }
}

function devtableSequence({ line, o }: Line): Sequence {
  check(line, o, 'seq setup')
  const { daxdev0, daxdev1, files: said } = o.setup
  if (typeof said !== 'string') bad(line, 'files: expected text such as "s0:(0,0,4M)"')
  const files = new Map<string, DescribedFile>()
  for (const f of said.trim().split(/[\s;]+(?=\w+:)/)) {
    const [, name, words] = /^(\w+):(.*)$/.exec(f) ?? bad(line, `file '${f}': expected NAME:(device,offset,length)`)
    files.set(name!, described(line, words!))
  }
  const c = {
    seq: o.seq,
    daxdev0: daxdevWord(line, daxdev0),
    daxdev1: daxdevWord(line, daxdev1),
    files,
    ops: [],
    end: null,
  }
  return { kind: 'devtable', end: 'umount', c }
}

const READ = 'a read such as [0,8,8,"0",[[0,0,4096]]]'
const FAULT = 'a fault such as [0,"ok",0,4096], [0,"SIGBUS",2] or "skipped"'

const numbers = (a: readonly unknown[]): boolean => a.every(v => typeof v === 'number')
const isRun = (r: unknown): boolean => Array.isArray(r) && r.length === 3 && numbers(r)
const isRead = (r: unknown): boolean =>
  Array.isArray(r) &&
  numbers(r.slice(0, 3)) &&
  r[1] >= 0 &&
  r[1] <= LONGEST &&
  typeof r[3] === 'string' &&
  (r.length === 4 || (r.length === 5 && Array.isArray(r[4]) && r[4].length > 0 && r[4].every(isRun)))
const isFault = (f: unknown): boolean =>
  typeof f === 'string' ||
  (Array.isArray(f) && typeof f[0] === 'number' && typeof f[1] === 'string' && numbers(f.slice(2)))

function fmapCase({ line, o }: Line): FmapCase {
  check(line, o, 'case index0_check mutation fmap_len fmap_err daxdev0_err fmap open msgs')
  if (o.fmap.length / 2 > o.fmap_len) bad(line, `fmap_len ${o.fmap_len}: expected at least the length of fmap`)
  if (o.open === '0' && o.size === undefined) bad(line, "no 'size' of a file that was opened")
  for (const [name, is, expected] of [
    ['reads', isRead, READ],
    ['faults', isFault, FAULT],
  ] as const) {
    const list = o[name] ?? []
    if (!Array.isArray(list)) bad(line, `${name}: expected an array`)
    const wrong = list.findIndex((x: unknown) => !is(x))
    if (wrong >= 0) bad(line, `${name}[${wrong}] ${JSON.stringify(list[wrong])}: expected ${expected}`)
  }
  return { ...(o as any), line }
}
