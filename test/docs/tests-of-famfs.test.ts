// docs/tests-of-famfs.md against the tests: what it names is in the files that it gives for it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const text = (file: string): string => readFileSync(join(root, file), 'utf8')

/** Rows of its tables: what of famfs, in which files, and what of it is nowhere. */
const rows = text('docs/tests-of-famfs.md')
  .split('\n')
  .flatMap(line => {
    const [, name, files, missing] = /^\| `(\w+)` \| (.*?) ?\| (.*?) ?\|$/.exec(line) ?? []
    return name === undefined
      ? []
      : [{ name, files: [...files!.matchAll(/`([^`]+)`/g)].map(m => m[1]!), missing: missing! }]
  })

it('has all 29 unit tests and all 13 smoke scripts', () => expect(rows).toHaveLength(42))
it.each(rows)('$name', ({ name, files, missing }) => {
  if (files.length === 0) expect(missing).not.toBe('')
  const named = files.filter(f => new RegExp(`\\b${name}\\b`).test(text(f)))
  expect(files.length === 0 || named.length > 0).toBe(true)
})
