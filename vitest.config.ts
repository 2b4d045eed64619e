import { defineConfig } from 'vitest/config';

// test/e2e needs root and a real cluster; it has a configuration of its own.
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/unit/**/*.test.ts', 'scripts/**/*.test.ts', 'deploy/**/*.test.ts'],
    testTimeout: 30_000,
    // Servers, sleeps of kubelets and leases: a file waits as long as it computes, and one processor stays free by default.
    maxWorkers: 3,
  },
});
