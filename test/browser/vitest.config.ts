import { defineConfig } from 'vitest/config';

// One browser at a time: what is measured in it is not to be disturbed by another.
export default defineConfig({
  test: {
    include: ['test/browser/**/*.browser.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});
