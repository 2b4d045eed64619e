import { describe, expect, it } from 'vitest';
import { journalSchema, type Journal, type JournalStage } from './journal.ts';
import { outcomeOf } from './outcome.ts';

const stage = (name: JournalStage['name'], change: Partial<JournalStage>): JournalStage => ({
  name,
  state: 'proved',
  files: [],
  certificates: [],
  mayReturn: false,
  resumes: 0,
  ...change,
});

const journal = (...stages: readonly JournalStage[]): Journal => ({
  schema: journalSchema,
  id: 'x',
  machineId: 'm',
  origin: 'cli',
  createdAt: '',
  state: 'applying',
  kubeletRestart: 'always',
  facts: { manifests: {} },
  stages,
  steps: [],
  notes: [],
});

describe('the end of a rotation', () => {
  it.each(['not-begun', 'rolled-back'] as const)(
    'is a person’s matter when new files wait for their proof, though another stage is %s',
    (state) => {
      const waiting = stage('etcd', { state: 'unproved', failure: 'no leader', offline: '' });
      const outcome = outcomeOf(journal(waiting, stage('kubelet', { state, failure: 'no room' })));
      expect(outcome).toMatchObject({ outcome: 'needs-manual', reason: 'NotProved' });
      expect(outcome.message).toMatch(/^etcd: .*not proved yet .*; kubelet: no room$/u);
    },
  );
});
