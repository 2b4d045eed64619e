import { describe, expect, it } from 'vitest';
import { fakeJournal, fakeStage } from './fake-journal.ts';
import { outcomeOf } from './outcome.ts';

describe('the end of a rotation', () => {
  it.each(['not-begun', 'rolled-back'] as const)(
    'is a person’s matter when new files wait for their proof, though another stage is %s',
    (state) => {
      const waiting = fakeStage('etcd', { state: 'unproved', failure: 'no leader', offline: '' });
      const outcome = outcomeOf(fakeJournal([waiting, fakeStage('kubelet', { state, failure: 'no room' })]));
      expect(outcome).toMatchObject({ outcome: 'needs-manual', reason: 'NotProved' });
      expect(outcome.message).toMatch(/^etcd: .*not proved yet .*; kubelet: no room$/u);
    },
  );
});
