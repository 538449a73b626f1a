// Levels of the daemon's log (famfs_log_test; userspace.md h.1) and its answers over HTTP (e.5; behaviour_probe.txt 9).
import { describe, expect, it } from 'vitest'
import { rest_answer, rest_request } from '../../../src/server/daemon/diagnostics.ts'
import { Icache } from '../../../src/server/daemon/icache.ts'
import { FusedLog, LOG_DEBUG, LOG_ERR, LOG_NOTICE } from '../../../src/server/daemon/log.ts'
import { Machine } from '../../../src/sim/index.ts'

const attr = {
  mode: 0o40755,
  uid: 0,
  gid: 0,
  nlink: 2,
  size: 0,
  blocks: 0,
  blksize: 4096,
  atime: 0,
  mtime: 0,
  ctime: 0,
}

describe('famfs_log_test', () => {
  const fresh = () => {
    const m = new Machine()
    return { m, log: new FusedLog(m, LOG_NOTICE) }
  }
  it('says what is at its level or below', () => {
    const { log } = fresh()
    log.say(LOG_ERR, 'a')
    log.say(LOG_NOTICE, 'b')
    log.say(LOG_DEBUG, 'c')
    expect(log.lines.items).toEqual(['a', 'b'])
    expect(log.setLevel(LOG_DEBUG)).toBe(true)
    log.say(LOG_DEBUG, 'c')
    expect(log.setLevel(0)).toBe(true)
    log.say(LOG_ERR, 'd')
    expect(log.lines.items).toEqual(['a', 'b', 'c'])
  })
  it.each([-1, 8, 1.5, Number.NaN])('level %d is none, and changes nothing', level => {
    const { log } = fresh()
    expect([log.setLevel(level), log.level.peek()]).toEqual([false, LOG_NOTICE])
  })
  it('keeps the newest lines', () => {
    const { log } = fresh()
    for (let i = 0; i < 1000; i++) log.say(LOG_ERR, `line ${i}`)
    expect([log.lines.length, log.lines.at(0)]).toEqual([256, 'line 744'])
  })
  it('comes back at a rewind', () => {
    const { m, log } = fresh()
    const mark = m.journal.mark()
    log.setLevel(7)
    log.say(LOG_ERR, 'x')
    m.journal.rewind(mark)
    expect([log.level.peek(), log.lines.length]).toEqual([LOG_NOTICE, 0])
  })
})

describe('answers', () => {
  const fresh = () => {
    const m = new Machine()
    const log = new FusedLog(m, LOG_NOTICE)
    const icache = new Icache(m, { name: '/', attr: { ...attr, ino: 1 }, fmap: null, fd: 3 })
    const d = { pid: 29948, log, icache }
    return {
      ...d,
      ask: (method: string, path: string, body?: string) => rest_answer(d, rest_request(method, path, body)),
    }
  }
  it('as recorded', () => {
    const { ask, icache } = fresh()
    icache.stats.poke({ search_count: 47, nodes_scanned: 382, search_fail_ct: 18 })
    const said = [
      ask('GET', '/log_level'),
      ask('GET', '/icache_stats'),
      ask('GET', '/pid'),
      ask('GET', '/inodes'),
      ask('GET', '/icache_dump'),
      ask('GET', '/nope'),
      ask('POST', '/log_level', '7'),
      ask('POST', '/log_level', '99'),
      ask('POST', '/log_level', 'level=3'),
      ask('DELETE', '/log_level'),
    ].map(a => `${a.body.replaceAll('\n', '|')} [${a.status}]`)
    expect(said).toEqual([
      '5| [200]',
      'icache_stats:|  search_count:   47|  nodes_scanned:  382|  search_fail_ct: 18| [200]',
      'pid: 29948| [200]',
      'inodes:|  total: 1500|  open: 12|  deleted: 7| [200]',
      'icache: dumping icache to syslog| [200]',
      'Not Found| [404]',
      'log level set to 7 (from 5)| [200]',
      'Failed to set log level to 99| [200]',
      'log level set to 0 (from 7)| [200]',
      'Method Not Allowed| [405]',
    ])
  })
  it('dumps every inode to the log', () => {
    const { ask, icache, log } = fresh()
    icache.insert(icache.root, { name: 'f', attr: { ...attr, ino: 9 }, fmap: null, fd: -1 })
    ask('GET', '/icache_dump')
    expect(log.lines.items.map(l => l.replace(/nodeid=\w+ /, ''))).toEqual([
      'icache: ino=1 refcount=3 parent=0 pinned=0 name=/',
      'icache: ino=9 refcount=1 parent=1 pinned=0 name=f',
    ])
  })
  it.each(['', 'GET /pid', 'get /pid HTTP/1.1\r\n\r\n', 'GET pid HTTP/1.1\r\n\r\n', 'GET /pid HTTP/1.1\r\n'])(
    'what is no request: 400 (%j)',
    text => {
      const { pid, log, icache } = fresh()
      expect(rest_answer({ pid, log, icache }, text).status).toBe(400)
    },
  )
})
