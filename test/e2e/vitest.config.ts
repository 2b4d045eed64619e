// The cases on real clusters. E2E names the folder, which is also the kind of bed: `two` and `soak` (one control plane, one
// worker), `four` (three and one). Every lane has a bed of its own and runs one case after another.
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { lanes } from './lib/run.ts';

/** The long cases have the high numbers and begin, so that the lanes end together. Vitest's own order is not the same twice. */
class LongFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return Promise.resolve(
      files.toSorted((a, b) => b.moduleId.localeCompare(a.moduleId, 'en', { numeric: true })),
    );
  }
}

const folder = join(import.meta.dirname, process.env['E2E'] ?? 'two');

export default defineConfig({
  test: {
    root: folder,
    include: ['*.e2e.ts'],
    globalSetup: [join(import.meta.dirname, 'lib', 'run.ts')],
    setupFiles: [join(import.meta.dirname, 'lib', 'prepare.ts')],
    maxWorkers: lanes(),
    sequence: { concurrent: false, shuffle: false, sequencer: LongFirst },
    testTimeout: 20 * 60_000,
    hookTimeout: 30 * 60_000,
    bail: 0,
  },
});
