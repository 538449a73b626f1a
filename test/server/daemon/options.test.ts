// The daemon's command line (userspace.md e.1): what it understands, what it refuses, and with which exit code.
import { describe, expect, it } from 'vitest'
import { type FusedOptions, parse_options } from '../../../src/server/daemon/options.ts'

const parse = (line: string) => parse_options(['/dev/dax0.0', ...line.split(' ').filter(w => w)])
const ok = (line: string): FusedOptions => {
  const p = parse(line)
  if (!('options' in p)) throw new Error(p.err.join('\n'))
  return p.options
}

describe('options', () => {
  it('those that famfs mount gives', () => {
    const line =
      'daxdev=/dev/dax0.0,shadow=/tmp/sh,fsname=/dev/dax0.0,timeout=31536000.000000,allow_other,default_permissions'
    expect(ok(`-o ${line} /mnt/famfs`)).toEqual({
      shadow: '/tmp/sh',
      mountpoint: '/mnt/famfs',
      daxdev: '/dev/dax0.0',
      timeout: 31536000,
      cache: 'auto',
      flock: true,
      logLevel: 5,
      threads: 2,
      fsname: '/dev/dax0.0',
      mountOptions: ['allow_other', 'default_permissions'],
    })
  })
  it.each([
    ['', 1],
    ['cache=never', 0],
    ['cache=auto', 1],
    ['cache=always', 86400],
    ['cache=always,timeout=2.5', 2.5],
    ['timeout=0,cache=auto', 0],
    ['timeout=1e2', 100],
  ])('timeout of %j: %d s', (list, seconds) => {
    expect(ok(`-o source=/s${list && ','}${list} /m`).timeout).toBe(seconds)
  })
  it.each([
    ['-s -d -o shadow=/s /m', { threads: 1, logLevel: 7 }],
    ['/m -oshadow=/s,no_flock -o debug=3', { flock: false, logLevel: 3, mountpoint: '/m' }],
    ['-o shadow=/a -o shadow=/b,debug -- /m', { shadow: '/b', logLevel: 7 }],
    ['-o shadow=/a\\,b /m', { shadow: '/a,b', daxdev: null }],
    [
      '-f -o pass_yaml,no_readdirplus,readdirplus,flock,max_threads=4,clone_fd,shadow=/s /m',
      { flock: true, threads: 4 },
    ],
    ['-o shadow=/s,ro,subtype=famfs /m', { mountOptions: ['ro', 'subtype=famfs'] }],
  ] as [string, Partial<FusedOptions>][])('%s', (line, want) => {
    expect(ok(line)).toMatchObject(want)
  })
  it('takes the last of several devices', () => {
    expect(ok('-o shadow=/s,daxdev=/dev/a,daxdev=/dev/b /m').daxdev).toBe('/dev/b')
  })
})

describe('refusals', () => {
  it.each([
    ['/m', /shadow/],
    ['-o shadow= /m', /shadow/],
    ['-o shadow=/s', /mountpoint/],
    ['-o shadow=/s,timeout=-1 /m', /negative/],
    ['-o shadow=/s,timeout=soon /m', /timeout=soon/],
    ['-o shadow=/s,debug=x /m', /debug=x/],
    ['-o shadow=/s,cache=often /m', /cache=often/],
    ['-o shadow=/s,bogus /m', /bogus/],
    ['-o shadow=/s,daxdev /m', /daxdev/],
    ['-o shadow=/s,clone_fdx /m', /clone_fdx/],
    ['-o shadow=/s,max_threads=0 /m', /max_threads=0/],
    ['-x -o shadow=/s /m', /-x/],
    ['-o shadow=/s /m /n', /\/n/],
    ['/m -o', /-o/],
  ])('%s: exit 1', (line, why) => {
    const p = parse(line)
    expect(p).toMatchObject({ exit: 1, out: [] })
    expect('err' in p && p.err[0]).toMatch(why)
  })
  it.each(['-h', '--help', '-V', '--version', '-o shadow=/s -h /m'])('%s: exit 0', line => {
    const p = parse(line)
    expect(p).toMatchObject({ exit: 0, err: [] })
    expect('out' in p && p.out[0]).toMatch(/famfs_fused/)
  })
})
