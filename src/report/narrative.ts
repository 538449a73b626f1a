// The story of a run for people: what the scenario says, every message, poison and signals; reads and faults are counted
// between them. One line an event, fixed columns; glyphs tell what a line is, colour is not needed.
import { FAULT, FUSE_REPLIED, FUSE_SENT, POISON, PUSHED, SIGNAL, SYSCALL } from '../kernel/index.ts'
import type { TraceEvent } from '../sim/index.ts'
import { errnoName, type Op, type OpcodeTable, printMessage } from '../wire/index.ts'
import { SAY } from '../world/index.ts'
import { cut, nameColumn, timeColumn } from './columns.ts'

/** System calls that reach the memory and are counted. */
const COUNTED = new Set(['pread64', 'pwrite64', 'read', 'write'])

export interface NarrativeOptions {
  /** Columns of the terminal. */
  readonly width?: number
}

/** What each glyph of the story means, for its head. */
export const LEGEND = '# scenario  > request to the server  < its reply  = reached memory  ! failure'

/** A sink that writes the story line by line. Call `end()` after the run. */
export class Narrative {
  private readonly write: (line: string) => void
  private readonly table: OpcodeTable
  private readonly width: number
  private readonly counts = new Map<string, { kinds: Map<string, number>; last: number }>()

  constructor(write: (line: string) => void, table: OpcodeTable, o: NarrativeOptions = {}) {
    this.write = write
    this.table = table
    this.width = o.width ?? 80
  }

  private line(e: { now: number; task: { label: string } | null }, glyph: string, text: string): void {
    const head = `${timeColumn(e.now)} ${nameColumn(e.task?.label ?? 'world')}`
    this.write(cut(`${head} ${glyph} ${text}`, this.width))
  }

  /** Tell what a task (or every task) did to the memory since its last line. */
  private flush(task?: string): void {
    for (const [label, t] of [...this.counts]) {
      if (task !== undefined && label !== task) continue
      const what = [...t.kinds].map(([k, n]) => `${n} ${k}`).join(', ')
      this.line({ now: t.last, task: { label } }, '=', what)
      this.counts.delete(label)
    }
  }

  private tally(e: TraceEvent, what: string): void {
    const task = e.task?.label ?? 'world'
    const t = this.counts.get(task) ?? { kinds: new Map<string, number>(), last: 0 }
    this.counts.set(task, t)
    t.kinds.set(what, (t.kinds.get(what) ?? 0) + 1)
    t.last = e.now
  }

  /** The trace's sink. */
  readonly sink = (e: TraceEvent): void => {
    switch (e.kind) {
      case SAY:
        this.flush(e.task?.label)
        for (const l of wrap(e.subject, this.width - 2)) this.write(`# ${l}`)
        break
      case FUSE_SENT:
        this.flush(e.task?.label)
        this.line(e, '>', printMessage(this.table, e.ref as Uint8Array, 'request'))
        break
      case FUSE_REPLIED: {
        const { bytes, op } = e.ref as { bytes: Uint8Array; op: Op }
        this.flush(e.task?.label)
        this.line(e, '<', printMessage(this.table, bytes, 'reply', op))
        break
      }
      case PUSHED:
        this.line(e, '<', `pushes ${e.subject} as device ${e.a}${e.b === 0 ? '' : `: ${errnoName(-e.b)}`}`)
        break
      case POISON:
        this.flush(e.task?.label)
        this.line(e, '!', `${e.subject} learns that page 0x${e.a.toString(16)} of ${e.obj?.name} is bad`)
        break
      case SIGNAL:
        this.flush(e.task?.label)
        this.line(e, '!', `${e.subject} at 0x${e.a.toString(16)}`)
        break
      case FAULT:
        this.tally(e, `${e.subject} faults`)
        break
      case SYSCALL:
        if (COUNTED.has(e.subject)) this.tally(e, e.a < 0 ? `${e.subject} failed` : e.subject)
        break
      default:
    }
  }

  end(): void {
    this.flush()
  }
}

/** Break a text into lines of at most `width` columns, between words. */
export function wrap(text: string, width: number): string[] {
  const out: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      out.push(line)
      line = ''
    }
    line = line === '' ? word : `${line} ${word}`
  }
  out.push(line)
  return out
}

/** Lines of at most `indent` + `width` columns; those after the first stand two further in. */
export const hanging = (text: string, width: number, indent = ''): string[] =>
  wrap(text, width).map((l, i) => `${indent}${i === 0 ? '' : '  '}${l}`)
