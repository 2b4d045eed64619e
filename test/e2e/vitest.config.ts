import { defineConfig } from 'vitest/config';

// One case after another on real clusters: the files share a machine of two cores and stand in the order of their names.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.e2e.ts'],
    globalSetup: ['./setup.ts'],
    fileParallelism: false,
    sequence: { concurrent: false, shuffle: false },
    testTimeout: 20 * 60_000,
    hookTimeout: 30 * 60_000,
    bail: 0,
  },
});
