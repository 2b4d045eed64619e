import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// test/e2e needs root and a real cluster; it has a configuration of its own.
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/unit/**/*.test.ts', 'scripts/**/*.test.ts', 'deploy/**/*.test.ts'],
    testTimeout: 30_000,
    // By default one processor stays free. Of two that is half of all, and many a file waits for its servers.
    maxWorkers: Math.max(3, availableParallelism() - 1),
  },
});
