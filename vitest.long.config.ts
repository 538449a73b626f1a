import { defineConfig } from 'vitest/config'

// The long tests: other Node versions, large searches, real subprocesses. Run before an issue is called resolved.
export default defineConfig({
  test: {
    include: ['test/long/**/*.test.ts'],
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
})
