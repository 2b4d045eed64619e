// For tests of the commands: what one says, instead of that it appears among the test's own lines.
import process from 'node:process';
import { afterAll, beforeAll, beforeEach, vi } from 'vitest';

interface Said {
  /** On standard output. */
  out: string;
  /** On standard error. */
  err: string;
}

/** All that the commands of this file, or of this `describe`, say; each test begins with nothing said. */
export function captureOutput(): Said {
  const said: Said = { out: '', err: '' };
  beforeAll(() => {
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((said.out += String(text)), true));
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((said.err += String(text)), true));
  });
  beforeEach(() => {
    [said.out, said.err] = ['', ''];
  });
  afterAll(() => {
    vi.restoreAllMocks();
  });
  return said;
}
