import { defineConfig } from 'vitest/config'

/** Tests that look at what their whole process has: memory maps, descriptors, a library that is or is not there. */
const ALONE = ['test/devdax/backing/**/*.test.ts', 'test/native/**/*.test.ts']

const common = { testTimeout: 60_000 }

export default defineConfig({
  test: {
    // Not one less than there are cores, as is usual: on two that is one.
    maxWorkers: '100%',
    reporters: process.env.CI ? ['default', ['json', { outputFile: '.report/test.json' }]] : ['default'],
    projects: [
      // The modules are loaded once for all files that a worker runs: there are more files than seconds to load them in.
      {
        test: {
          ...common,
          name: 'shared',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: ['test/long/**', ...ALONE],
        },
      },
      { test: { ...common, name: 'alone', include: ALONE } },
    ],
  },
})
