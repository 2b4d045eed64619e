import { defineConfig } from 'vitest/config';

// One machine has one port 8080 and one story: no two demos at a time.
export default defineConfig({
  test: {
    include: ['test/demo/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    fileParallelism: false,
  },
});
