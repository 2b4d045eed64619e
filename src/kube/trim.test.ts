import { expect, it } from 'vitest';
import { shortMetadata, trimNode } from './trim.ts';

it('takes nothing from a Node that says little', () => {
  expect(trimNode({ metadata: { name: 'n' } })).toEqual({
    metadata: { name: 'n', annotations: {} },
    status: { conditions: [] },
  });
});

it('keeps of metadata what names it, its version, and what others wrote on it', () => {
  const metadata = { name: 'a', namespace: 'b', uid: 'c', resourceVersion: '1', labels: { d: 'e' } };
  const rest = { annotations: { f: 'g' } };
  const unread = { managedFields: [{ manager: 'x' }], ownerReferences: [], generation: 3 };
  expect(shortMetadata({ ...metadata, ...rest, ...unread })).toEqual({ ...metadata, ...rest });
  expect(shortMetadata()).toEqual({});
});
