import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hostLayout } from '../host/layout.ts';
import { nodeFiles } from '../host/node-files.ts';
import { locked, under } from './rotation-node.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'host-'));
afterAll(() => fs.rmSync(root, { recursive: true }));

describe('the host directory', () => {
  it('that the kubelet made for everybody to read is closed before anything is put there', async () => {
    const own = under(root, hostLayout().root);
    fs.mkdirSync(own, { recursive: true });
    fs.chmodSync(own, 0o755);
    const node = { root, files: nodeFiles(root), isReachable: () => true };
    const mode = await locked(node, new AbortController().signal, () =>
      Promise.resolve(fs.statSync(own).mode & 0o777),
    );
    expect(mode.toString(8)).toBe('700');
  });
});
