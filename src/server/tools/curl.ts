// curl, as far as it takes to ask a daemon's Unix socket: curl --unix-socket DIR/sock http://localhost/icache_stats
import { kfn, type Step } from '../../sim/index.ts'
import { errnoName } from '../../wire/index.ts'
import { rest_request } from '../daemon/diagnostics.ts'
import { sock_request } from '../daemon/sock.ts'
import { getopt, type OptionTable } from '../lib/getopt.ts'
import type { Proc, Program } from '../proc.ts'

const USAGE = 'usage: curl [-s] [-f] [-i] [-X METHOD] [-d BODY] --unix-socket PATH URL'

const OPTIONS: OptionTable = {
  short: 'sfiX:d:h',
  long: [
    { name: 'unix-socket', arg: 'required' },
    { name: 'request', arg: 'required', short: 'X' },
    { name: 'data', arg: 'required', short: 'd' },
    { name: 'silent', arg: 'none', short: 's' },
    { name: 'fail', arg: 'none', short: 'f' },
    { name: 'include', arg: 'none', short: 'i' },
    { name: 'help', arg: 'none', short: 'h' },
  ],
}

/** Exit codes of curl. */
const [BAD_USAGE, BAD_URL, NO_CONNECTION, HTTP_ERROR] = [2, 3, 7, 22]

export const curl_main: Program = kfn('curl main', function* (p: Proc): Step<number> {
  const { opts, rest } = getopt(p.argv, OPTIONS)
  const set = new Map<string, string>()
  for (const o of opts) {
    if ('error' in o) {
      p.err(o.error)
      return BAD_USAGE
    }
    set.set(o.opt, o.value ?? '')
  }
  if (set.has('h')) {
    p.out(USAGE)
    return 0
  }
  const [url] = rest
  const sock = set.get('unix-socket')
  if (url === undefined || rest.length > 1 || sock === undefined) {
    p.err(USAGE)
    return BAD_USAGE
  }
  const path = /^(?:http:\/\/)?[^/\s:]+(?::\d+)?(\/\S*)?$/.exec(url)
  if (path === null) {
    p.err(`curl: (${BAD_URL}) URL '${url}': expected http://localhost/PATH`)
    return BAD_URL
  }
  const body = set.get('d')
  const method = set.get('X') ?? (body === undefined ? 'GET' : 'POST')
  const answer = yield* sock_request(p.sys, sock, rest_request(method, path[1] ?? '/', body))
  if (typeof answer === 'number') {
    if (!set.has('s')) p.err(`curl: (${NO_CONNECTION}) ${sock}: ${errnoName(-answer)}`)
    return NO_CONNECTION
  }
  if (set.has('f') && answer.status >= 400) {
    if (!set.has('s')) p.err(`curl: (${HTTP_ERROR}) the answer is ${answer.status}`)
    return HTTP_ERROR
  }
  if (set.has('i')) p.out(`HTTP/1.1 ${answer.status}`)
  for (const line of answer.body.trimEnd().split('\n')) p.out(line)
  return 0
})
