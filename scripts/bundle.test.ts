import { isAscii } from 'node:buffer';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bundle } from './bundle.ts';

it('is text of one byte a character, in lines: V8 keeps it as long as the program runs', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'bundle-'));
  try {
    const file = join(directory, 'controller.mjs');
    await bundle('src/controller.ts', file);
    const bytes = readFileSync(file);
    expect(isAscii(bytes)).toBe(true);
    expect(bytes.toString('latin1').split('\n').length).toBeGreaterThan(1000);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
