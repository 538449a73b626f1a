// curl asks a daemon at its socket (userspace.md e.5), by the command line that the smoke scripts use.
import { expect, it } from 'vitest'
import { exec } from '../../../src/server/index.ts'
import { host, SHADOW, yaml } from '../daemon/shadow-rig.ts'

const SOCK = `${SHADOW}/sock`
const rig = () => {
  const h = host({ x: yaml('x', 4096) })
  const curl = (line: string) =>
    h.rig.run(function* (sys) {
      const { rc, out, err } = yield* exec(sys, h.site, ['curl', ...line.split(' ')])
      return { rc, text: [...out, ...err].join('|') }
    })
  return { ...h, curl }
}

it('prints what the daemon answers', () => {
  const { fused, curl } = rig()
  fused()
  expect(curl(`--unix-socket ${SOCK} http://localhost/log_level`)).toEqual({ rc: 0, text: '5' })
  expect(curl(`-s --unix-socket ${SOCK} -d 7 http://localhost/log_level`)).toEqual({
    rc: 0,
    text: 'log level set to 7 (from 5)',
  })
  expect(curl(`-X PUT --data=3 --unix-socket ${SOCK} localhost/log_level`).text).toBe('log level set to 3 (from 7)')
  expect(curl(`-i --unix-socket ${SOCK} http://localhost/icache_stats`)).toEqual({
    rc: 0,
    text: 'HTTP/1.1 200|icache_stats:|  search_count:   0|  nodes_scanned:  0|  search_fail_ct: 0',
  })
  expect(curl(`-i -X DELETE --unix-socket ${SOCK} http://localhost/log_level`).text).toBe(
    'HTTP/1.1 405|Method Not Allowed',
  )
  expect(curl(`--unix-socket ${SOCK} http://localhost/nope`)).toEqual({ rc: 0, text: 'Not Found' })
  expect(curl(`-f --unix-socket ${SOCK} http://localhost`)).toEqual({ rc: 22, text: 'curl: (22) the answer is 404' })
})

it('7: nobody listens there', () => {
  const { fused, curl, kill } = rig()
  const ask = (more = '') => curl(`${more}--unix-socket ${SOCK} http://localhost/pid`)
  expect(ask()).toEqual({ rc: 7, text: `curl: (7) ${SOCK}: ENOENT` })
  fused()
  expect(ask()).toMatchObject({ rc: 0 })
  kill('SIGKILL')
  expect(ask()).toEqual({ rc: 7, text: `curl: (7) ${SOCK}: ECONNREFUSED` })
  expect(ask('-s ')).toEqual({ rc: 7, text: '' })
})

it.each([
  ['http://localhost/pid', 2, /usage/],
  [`--unix-socket ${SOCK}`, 2, /usage/],
  ['--bogus', 2, /bogus/],
  [`--unix-socket ${SOCK} http:///pid`, 3, /expected http/],
  ['-h', 0, /usage/],
])('%s: exit %d', (line, rc, why) => {
  const end = rig().curl(line)
  expect(end.rc).toBe(rc)
  expect(end.text).toMatch(why)
})
