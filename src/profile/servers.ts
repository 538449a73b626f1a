// Which famfs user space: programs and daemon of the real release, with their defects, or what a user would want.
import { UsageError } from '../sim/index.ts'
import { DEFECTS } from './defects.ts'
import { type DefectSwitches, switchDefects } from './switches.ts'

export interface ServerTable {
  readonly name: string
  readonly title: string
  /** Does a file system of its lie on several devices? */
  readonly several_devices: boolean
}

export const SERVERS: readonly ServerTable[] = [
  {
    name: 'famfs-48',
    title: 'famfs user space at format version 48 (June 2026), with its defects',
    several_devices: false,
  },
  {
    name: 'fixed',
    title: 'the same without its defects: it validates what it reads, waits for locks, and has several devices',
    several_devices: true,
  },
]

export const DEFAULT_SERVER = 'famfs-48'

/** A user space, and its set of defects after the switches of this run. */
export class ServerProfile {
  readonly name: string
  readonly several_devices: boolean
  private readonly on: ReadonlySet<string>
  constructor(t: ServerTable, on: ReadonlySet<string>) {
    this.name = t.name
    this.several_devices = t.several_devices
    this.on = on
  }
  /** Has it this defect? */
  has(defect: string): boolean {
    return this.on.has(defect)
  }
}

/** The profile of this name with these switches. Throws UsageError for an unknown name or number. */
export function serverProfile(name: string, s: DefectSwitches = {}): ServerProfile {
  const t = SERVERS.find(x => x.name === name)
  if (t === undefined)
    throw new UsageError(`unknown server '${name}': expected one of ${SERVERS.map(x => x.name).join(', ')}`)
  const on = new Set(DEFECTS.filter(d => d.servers?.includes(name)).map(d => d.id))
  switchDefects(on, s)
  return new ServerProfile(t, on)
}
