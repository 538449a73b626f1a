// Paths as the C library takes them apart and resolves them: dirname(3), basename(3), realpath(3). The last one by system calls,
// and with what it leaves in its caller's buffer when it fails, since log play goes on with that (Q13).
import type { Sys } from '../../kernel/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { EACCES, EINVAL, ELOOP, ENOENT } from '../../wire/index.ts'

const MAX_LINKS = 40

/** What is before the last name; '.' when there is nothing, '/' for the root. */
export function dirname(path: string): string {
  const bare = path.replace(/\/+$/, '')
  const at = bare.lastIndexOf('/')
  if (bare === '') return path === '' ? '.' : '/'
  if (at < 0) return '.'
  return bare.slice(0, at).replace(/\/+$/, '') || '/'
}

/** The last name; '/' for the root, '.' for nothing. */
export function basename(path: string): string {
  const bare = path.replace(/\/+$/, '')
  return bare === '' ? (path === '' ? '.' : '/') : bare.slice(bare.lastIndexOf('/') + 1)
}

/**
 * What realpath(3) gave. `rc` is 0 or -errno. `path` is what the result buffer holds: the resolved path; after -ENOENT or
 * -EACCES the path up to and with the name that failed; null when the buffer was left as it was.
 */
export type RealPath = { readonly rc: 0; readonly path: string } | { readonly rc: number; readonly path: string | null }

/** realpath(3): absolute, without '.', '..' and links. Looks at each name with readlink(2), as glibc does. */
export const realpath = kfn('realpath', function* (sys: Sys, path: string): Step<RealPath> {
  if (path === '') return { rc: -ENOENT, path: null }
  let at = path.startsWith('/') ? '' : sys.getcwd().replace(/^\/$/, '')
  let todo = path.split('/')
  let links = 0
  for (let i = 0; i < todo.length; i++) {
    const name = todo[i]!
    if (name === '' || name === '.') continue
    if (name === '..') {
      at = at.slice(0, at.lastIndexOf('/') < 0 ? 0 : at.lastIndexOf('/'))
      continue
    }
    at = `${at}/${name}`
    const link = yield* sys.readlink(at)
    if (typeof link === 'string') {
      if (++links > MAX_LINKS) return { rc: -ELOOP, path: null }
      todo = [...link.split('/'), ...todo.slice(i + 1)]
      i = -1
      at = link.startsWith('/') ? '' : at.slice(0, at.lastIndexOf('/'))
      continue
    }
    let rc = link
    // What only slashes and dots follow must be a directory; anything else need not be a link, and that is all.
    const rest = todo.slice(i + 1)
    if (rc === -EINVAL) {
      const dir_wanted = rest.length > 0 && rest.every(n => n === '' || n === '.')
      const st = dir_wanted ? yield* sys.stat(`${at}/`) : null
      rc = typeof st === 'number' ? st : 0
    }
    if (rc !== 0) return { rc, path: rc === -ENOENT || rc === -EACCES ? at : null }
  }
  return { rc: 0, path: at === '' ? '/' : at }
})
