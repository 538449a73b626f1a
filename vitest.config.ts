import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/long/**'],
    testTimeout: 60_000,
    // Not one less than there are cores, as is usual: on two that is one.
    maxWorkers: '100%',
    reporters: process.env.CI ? ['default', ['json', { outputFile: '.report/test.json' }]] : ['default'],
  },
})
