// One case after another on a real cluster: the files share a machine of two cores and stand in the order of their names.
// E2E names the folder, which is also the bed: `two` (one control plane, one worker) or `four` (three and one).
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** By name: a case may begin with what an earlier one has saved. Vitest's own order is the longest first. */
class ByName extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return Promise.resolve(files.toSorted((a, b) => a.moduleId.localeCompare(b.moduleId)));
  }
}

const folder = join(import.meta.dirname, process.env['E2E'] ?? 'two');

export default defineConfig({
  test: {
    root: folder,
    include: ['*.e2e.ts'],
    globalSetup: [join(folder, 'setup.ts')],
    fileParallelism: false,
    sequence: { concurrent: false, shuffle: false, sequencer: ByName },
    testTimeout: 20 * 60_000,
    hookTimeout: 30 * 60_000,
    bail: 0,
  },
});
