// --trace FILE: every event, one line each.
import { closeSync, openSync, writeSync } from 'node:fs'
import { TRACE_HEAD, traceLine } from '../report/index.ts'
import type { TraceEvent } from '../sim/index.ts'
import { oneLine, UserError } from './errors.ts'

/** Where the trace goes: opened only when the run starts, so that bad input writes nothing. */
export class TraceFile {
  private fd: number | null = null
  private lines: string[] = []
  private readonly path: string
  constructor(path: string) {
    this.path = path
  }
  open(): void {
    try {
      this.fd = openSync(this.path, 'w')
    } catch (e) {
      throw new UserError(`--trace ${this.path}: ${oneLine((e as Error).message)}`)
    }
    this.lines.push(TRACE_HEAD)
  }
  add(e: TraceEvent): void {
    this.lines.push(traceLine(e))
    if (this.lines.length >= 4096) this.flush()
  }
  private flush(): void {
    if (this.fd !== null && this.lines.length > 0) writeSync(this.fd, `${this.lines.join('\n')}\n`)
    this.lines = []
  }
  close(): void {
    this.flush()
    if (this.fd !== null) closeSync(this.fd)
  }
}
