import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { documents, root } from './documents.ts';

const all = await documents();

test.each([...all.keys()])('%s is what the tables say (else: node scripts/documents.ts)', (path) => {
  expect(readFileSync(join(root, path), 'utf8')).toBe(all.get(path));
});
