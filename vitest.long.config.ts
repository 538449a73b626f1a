import { defineConfig } from 'vitest/config'

// The long tests: other Node versions, large searches, real subprocesses. Run before an issue is called resolved.
// And those of `npm test` that repeat themselves (test/times.ts), here in full.
export default defineConfig({
  test: {
    include: [
      'test/long/**/*.test.ts',
      'test/fsx/fsx.test.ts',
      'test/kernel/fail-nth.test.ts',
      'test/kernel/filemap.test.ts',
      'test/kernel/fuzz.test.ts',
      'test/kernel/reply-mutations.test.ts',
      'test/kernel/mm/reference.test.ts',
      'test/litmus/random.test.ts',
      'test/scenarios/first-light.test.ts',
      'test/world/rewind.test.ts',
    ],
    env: { FAMSIM_TESTS: 'long' },
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
})
