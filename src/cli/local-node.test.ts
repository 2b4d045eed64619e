import { expect, it } from 'vitest';
import { localNode } from './local-node.ts';

it('waits until it is interrupted, which is an error of ours', async () => {
  const interruption = new AbortController();
  const waiting = localNode().sleep(60_000, interruption.signal);
  interruption.abort();
  await expect(waiting).rejects.toThrow(expect.objectContaining({ code: 'Aborted' }));
});
