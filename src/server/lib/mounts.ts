// What famfs programs ask of /proc/mounts: where a device is mounted, and what is mounted at a path (userspace.md e.7, Q34).
import type { Proc } from '../proc.ts'

/** A line of /proc/mounts. */
export interface MountLine {
  readonly dev: string
  readonly mpt: string
  readonly type: string
  readonly options: string
}

/** Blanks and backslashes of a name are written as three octal digits. */
const plain = (s: string): string => s.replace(/\\([0-7]{3})/g, (_, n) => String.fromCharCode(Number.parseInt(n, 8)))

/** The lines, oldest mount first. `word`: only those that have it somewhere. */
export function mount_lines(p: Proc, word = ''): MountLine[] {
  return p.sys
    .proc_mounts()
    .split('\n')
    .filter(line => line !== '' && line.includes(word))
    .map(line => {
      const [dev = '', mpt = '', type = '', options = ''] = line.split(' ')
      return { dev: plain(dev), mpt: plain(mpt), type, options }
    })
}

/** famfs_get_mpt_by_dev(): where a device is mounted, or null. With Q34 only lines that have the word famfs in them count. */
export function mpt_by_dev(p: Proc, device: string): string | null {
  const lines = mount_lines(p, p.site.server.has('Q34') ? 'famfs' : '')
  return lines.find(l => l.dev === device)?.mpt ?? null
}

/** The mount that a directory is the root of; the newest if there are several. */
export function mount_at(p: Proc, mpt: string): MountLine | null {
  return mount_lines(p).findLast(l => l.mpt === mpt) ?? null
}
