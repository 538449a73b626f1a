// Which famfs user space: programs and daemon of the real release, with their defects, or what a user would want.
import { UsageError } from '../sim/index.ts'
import { DEFECTS } from './defects.ts'
import { type DefectSwitches, switchDefects } from './switches.ts'

export interface ServerTable {
  readonly name: string
  readonly title: string
}

export const SERVERS: readonly ServerTable[] = [
  { name: 'famfs-48', title: 'famfs user space at format version 48 (June 2026), with its defects' },
  {
    name: 'fixed',
    title: 'the same without its defects: it validates what it reads, waits for locks, and has several devices',
  },
]

export const DEFAULT_SERVER = 'famfs-48'

/** A user space, and its set of defects after the switches of this run. */
export class ServerProfile {
  readonly name: string
  private readonly on: ReadonlySet<string>
  constructor(name: string, on: ReadonlySet<string>) {
    this.name = name
    this.on = on
  }
  /** Has it this defect? */
  has(defect: string): boolean {
    return this.on.has(defect)
  }
}

/** The profile of this name with these switches. Throws UsageError for an unknown name or number. */
export function serverProfile(name: string, s: DefectSwitches = {}): ServerProfile {
  if (!SERVERS.some(x => x.name === name))
    throw new UsageError(`unknown server '${name}': expected one of ${SERVERS.map(x => x.name).join(', ')}`)
  const on = new Set(DEFECTS.filter(d => d.servers?.includes(name)).map(d => d.id))
  switchDefects(on, s)
  return new ServerProfile(name, on)
}
