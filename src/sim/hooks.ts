// Hook points: where faults, properties and the lab attach. An event has a label ("FUSE_GET_FMAP sent"); a function has
// two ("enter famfs_file_init_dax", "leave famfs_file_init_dax"). Nothing attached costs one test of a flag.
import type { Task } from './task.ts'

export interface HookEvent {
  readonly label: string
  readonly task: Task | null
  readonly detail: unknown
}

export type Hook = (e: HookEvent) => void

export class Hooks {
  /** Any hook is there. */
  live = false
  /** Any hook on entering or leaving a function is there. */
  fns = false
  private readonly byLabel = new Map<string, Hook[]>()

  /** Call `hook` at each event with this label. */
  on(label: string, hook: Hook): void {
    const l = this.byLabel.get(label)
    if (l) l.push(hook)
    else this.byLabel.set(label, [hook])
    this.live = true
    if (label.startsWith('enter ') || label.startsWith('leave ')) this.fns = true
  }

  /** Remove every hook. */
  clear(): void {
    this.byLabel.clear()
    this.live = false
    this.fns = false
  }

  fire(label: string, task: Task | null, detail: unknown): void {
    const l = this.byLabel.get(label)
    if (l) for (const h of l) h({ label, task, detail })
  }
}
