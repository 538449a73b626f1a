// The daemon's diagnostics (userspace.md e.5): what it answers to an HTTP request on its Unix socket, as data.
import type { Icache } from './icache.ts'
import { type FusedLog, LOG_NOTICE } from './log.ts'

export interface RestAnswer {
  readonly status: number
  readonly body: string
}

/** What the answers are about. */
export interface Diagnosed {
  readonly pid: number
  readonly log: FusedLog
  readonly icache: Icache
}

/** A request as text, as a client writes it. */
export const rest_request = (method: string, path: string, body = ''): string =>
  `${method} ${path} HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`

/** atoi(): the number a text begins with, or 0. */
const atoi = (text: string): number => Number(/^\s*([-+]?\d+)/.exec(text)?.[1] ?? 0)

const ok = (body: string): RestAnswer => ({ status: 200, body })

/** The level is set to the number the body begins with; one that is none changes nothing, and is no error of HTTP. */
const log_level = ({ log }: Diagnosed, method: string, body: string): RestAnswer => {
  const old = log.level.peek()
  if (method === 'GET') return ok(`${old}\n`)
  if (method !== 'POST' && method !== 'PUT') return { status: 405, body: 'Method Not Allowed\n' }
  const level = atoi(body)
  return ok(log.setLevel(level) ? `log level set to ${level} (from ${old})\n` : `Failed to set log level to ${level}\n`)
}

const icache_stats = ({ icache }: Diagnosed): RestAnswer => {
  const { search_count, nodes_scanned, search_fail_ct } = icache.stats.peek()
  return ok(
    `icache_stats:\n  search_count:   ${search_count}\n  nodes_scanned:  ${nodes_scanned}\n` +
      `  search_fail_ct: ${search_fail_ct}\n`,
  )
}

const icache_dump = ({ icache, log }: Diagnosed): RestAnswer => {
  for (const i of [icache.root, ...icache.inodes()])
    log.say(
      LOG_NOTICE,
      `icache: ino=${i.ino} nodeid=${i.nodeid.toString(16)} refcount=${i.refs.peek()} ` +
        `parent=${i.parent?.ino ?? 0} pinned=${i.pinned.peek() ? 1 : 0} name=${i.name}`,
    )
  return ok('icache: dumping icache to syslog\n')
}

/** The answer to one request. */
export function rest_answer(d: Diagnosed, request: string): RestAnswer {
  const [, method, path] = /^([A-Z]+) (\/\S*) HTTP\/1\.[01]\r\n/.exec(request) ?? []
  const end = request.indexOf('\r\n\r\n')
  if (method === undefined || end < 0) return { status: 400, body: 'Bad Request\n' }
  if (path === '/log_level') return log_level(d, method, request.slice(end + 4))
  if (method === 'GET' && path === '/icache_stats') return icache_stats(d)
  if (method === 'GET' && path === '/icache_dump') return icache_dump(d)
  if (method === 'GET' && path === '/pid') return ok(`pid: ${d.pid}\n`)
  // The real daemon's numbers: they are always these.
  if (method === 'GET' && path === '/inodes') return ok('inodes:\n  total: 1500\n  open: 12\n  deleted: 7\n')
  return { status: 404, body: 'Not Found\n' }
}
