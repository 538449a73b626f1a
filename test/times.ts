// How often a test repeats itself: less in `npm test`, in full in `npm run test:long` (vitest.long.config.ts says for which files).
export const times = (some: number, all: number): number => (process.env.FAMSIM_TESTS === 'long' ? all : some)
