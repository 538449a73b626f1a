import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  BACKING_KINDS,
  BackingError,
  chooseBacking,
  freeHugePages,
  surveyBackings,
} from '../../../src/devdax/backing/index.ts'
import { NATIVE_SWITCH, nativeAvailable } from '../../../src/native/index.ts'

const MiB = 2 ** 20
const size = 4 * MiB
const native = nativeAvailable().ok
const hugetlb = native && freeHugePages() >= 2

describe('chooseBacking', () => {
  it.skipIf(!native || hugetlb)('auto falls from hugetlb to memfd and says why', () => {
    const backing = chooseBacking({ size })
    expect(backing.kind).toBe('memfd')
    expect(backing.why).toMatch(
      /^sparse memory file.*better kinds refused: hugetlb backing: 0 free 2 MiB pages of the 2/,
    )
    backing.close()
  })

  it.each([
    ['arraybuffer', 'arraybuffer', true],
    ['memfd', 'memfd', native],
    ['file', 'file', native],
  ] as const)('%s is what was wished', (want, kind, usable) => {
    if (!usable) return expect(() => chooseBacking({ size, want })).toThrow(BackingError)
    const backing = chooseBacking({ size, want })
    expect(backing).toMatchObject({ kind, size })
    expect(backing.why).not.toContain('refused')
    backing.close()
  })

  it.skipIf(hugetlb)('a wish that cannot be met is an error, not another kind', () => {
    expect(() => chooseBacking({ size, want: 'hugetlb' })).toThrow(/^hugetlb backing: .*/)
  })
})

describe('without native calls', () => {
  it('auto gives an arraybuffer that lists the refusals, and the others say no', () => {
    const index = fileURLToPath(new URL('../../../src/devdax/backing/index.ts', import.meta.url))
    const script = `
      import { chooseBacking, surveyBackings } from ${JSON.stringify(index)}
      const backing = chooseBacking({ size: ${size} })
      const errors = ['hugetlb', 'memfd', 'file'].map(want => {
        try { chooseBacking({ size: ${size}, want }); return null } catch (error) { return error.name + ': ' + error.message }
      })
      console.log(JSON.stringify({ kind: backing.kind, why: backing.why, errors, survey: surveyBackings(${size}) }))`
    const output = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      cwd: fileURLToPath(new URL('../../..', import.meta.url)),
      env: { ...process.env, [NATIVE_SWITCH]: 'off' },
      encoding: 'utf8',
    })
    const { kind, why, errors, survey } = JSON.parse(output)
    expect(kind).toBe('arraybuffer')
    expect(why.match(/no native calls: /g)).toHaveLength(3)
    for (const error of errors) expect(error).toMatch(/^BackingError: (hugetlb|memfd|file) backing.*no native calls: /)
    expect(survey.map((line: { usable: boolean }) => line.usable)).toEqual([false, false, false, true])
  })
})

describe('surveyBackings', () => {
  it('has a line for each kind, best first, agrees with chooseBacking, and leaves nothing open', () => {
    surveyBackings(size)
    const before = readdirSync('/proc/self/fd').length
    const survey = surveyBackings(size)
    expect(readdirSync('/proc/self/fd').length).toBe(before)
    expect(survey.map(line => line.kind)).toEqual([...BACKING_KINDS])
    for (const { kind, usable, why } of survey) {
      expect(why).toMatch(/^[^\n]+$/)
      if (usable) chooseBacking({ size, want: kind }).close()
      else expect(() => chooseBacking({ size, want: kind })).toThrow(why)
    }
    const chosen = chooseBacking({ size })
    expect(chosen.kind).toBe(survey.find(line => line.usable)!.kind)
    chosen.close()
  })
})
