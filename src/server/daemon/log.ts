// What the daemon says of itself (syslog), up to a level that can be set while it runs.
import { Cell, EventKind, JList, type Machine } from '../../sim/index.ts'

/** A line of the daemon's log, in the trace. */
export const LOGS = new EventKind('logs')

/** Levels of syslog that are used here; 7 is the most there is. */
export const LOG_ERR = 3
export const LOG_NOTICE = 5
export const LOG_DEBUG = 7

/** Lines kept; the oldest go. */
const KEPT = 256

export class FusedLog {
  readonly level: Cell<number>
  readonly lines: JList<string>
  private readonly m: Machine

  constructor(m: Machine, level: number) {
    this.m = m
    this.level = new Cell(m, 'famfs log level', level)
    this.lines = new JList(m.journal)
  }

  /** Set the level. False when there is no such level; then it stays. */
  setLevel(level: number): boolean {
    if (!Number.isInteger(level) || level < 0 || level > LOG_DEBUG) return false
    this.level.poke(level)
    return true
  }

  say(level: number, line: string): void {
    if (level > this.level.peek()) return
    if (this.lines.length >= KEPT) this.lines.shift()
    this.lines.push(line)
    this.m.emit(LOGS, line, null, level, 0, null)
  }
}
