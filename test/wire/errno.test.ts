import { describe, expect, it } from 'vitest'
import * as errno from '../../src/wire/errno.ts'

const SPELLINGS: Record<string, string> = { EWOULDBLOCK: 'EAGAIN', EDEADLOCK: 'EDEADLK', ENOTSUP: 'EOPNOTSUPP' }

describe('errno', () => {
  it.each([
    ['EPERM', 1],
    ['ENOENT', 2],
    ['EINTR', 4],
    ['EIO', 5],
    ['ENXIO', 6],
    ['EAGAIN', 11],
    ['ENODEV', 19],
    ['EINVAL', 22],
    ['ENOTTY', 25],
    ['ERANGE', 34],
    ['ENAMETOOLONG', 36],
    ['ENOSYS', 38],
    ['ENODATA', 61],
    ['EOVERFLOW', 75],
    ['EOPNOTSUPP', 95],
    ['ECONNABORTED', 103],
    ['ENOTCONN', 107],
    ['ETIMEDOUT', 110],
    ['EUCLEAN', 117],
    ['EHWPOISON', 133],
    ['ERESTARTSYS', 512],
  ])('%s is %i, both signs', (name, n) => {
    expect((errno as any)[name]).toBe(n)
    expect(errno.errnoName(n)).toBe(name)
    expect(errno.errnoName(-n)).toBe(name)
    expect(errno.errnoNumber(name)).toBe(n)
  })
  it('a result is a number or the name of its errno', () => {
    expect([4096, 0, -5, -511].map(errno.resultText)).toEqual(['4096', '0', 'EIO', 'errno 511'])
  })

  it('names every constant it exports, and only the two numbers Linux skips are nameless below 134', () => {
    for (const [name, n] of Object.entries(errno)) {
      if (typeof n !== 'number') continue
      expect(errno.errnoName(n)).toBe(SPELLINGS[name] ?? name)
      expect(errno.errnoNumber(name)).toBe(n)
    }
    const nameless = Array.from({ length: 133 }, (_, i) => i + 1).filter(n => errno.errnoName(n) === `errno ${n}`)
    expect(nameless).toEqual([41, 58])
  })

  it('gives the number when there is no name', () => {
    expect(errno.errnoName(511)).toBe('errno 511')
    expect(errno.errnoName(-511)).toBe('errno 511')
    expect(errno.errnoName(0)).toBe('0')
    expect(errno.errnoNumber('ENOTHING')).toBeUndefined()
    expect(errno.errnoNumber('toString')).toBeUndefined()
  })
})
