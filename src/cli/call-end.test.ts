import { describe, expect, it } from 'vitest';
import type { Journal, JournalStage } from '../rotation/journal.ts';
import type { Outcome, OutcomeKind } from '../rotation/types.ts';
import { endOf, exitOfEnd } from './call-end.ts';

const outcomeOf = (outcome: OutcomeKind): Outcome => ({
  schema: 1,
  outcome,
  reason: 'Renewed',
  message: '',
  steps: [],
  certificates: [],
});

const journalOf = (...states: readonly JournalStage['state'][]): Journal => ({
  schema: 1,
  id: '20300301-000000-00000000',
  machineId: 'a'.repeat(32),
  origin: 'cli',
  createdAt: '2030-03-01T00:00:00Z',
  state: 'done',
  kubeletRestart: 'always',
  facts: { manifests: {} },
  stages: states.map((state) => ({ name: 'kubelet', state, files: [], certificates: [], resumes: 0 })),
  steps: [],
  notes: [],
});

describe('the exit code', () => {
  it.each([
    [0, 'succeeded', ['proved'], undefined],
    [1, 'rolled-back', ['rolled-back', 'not-begun'], undefined],
    [2, 'refused', ['not-begun'], undefined],
    [2, 'refused', [], undefined],
    [3, 'nothing-to-do', [], undefined],
    [4, 'needs-manual', ['unproved'], undefined],
    // Some files are new.
    [4, 'rolled-back', ['proved', 'rolled-back'], undefined],
    [4, 'rolled-back', ['unproved', 'not-begun'], undefined],
    [4, 'refused', ['proved', 'not-begun'], undefined],
    [4, 'refused', [], 'succeeded'],
    [4, 'rolled-back', ['rolled-back'], 'succeeded'],
    [0, 'succeeded', ['proved'], 'succeeded'],
    // What was interrupted is at its end, or waits on.
    [0, 'nothing-to-do', ['proved'], 'succeeded'],
    [4, 'nothing-to-do', ['unproved'], 'needs-manual'],
  ] as const)('is %i for %s with stages %j after %s', (code, outcome, states, earlier) => {
    const end = endOf({
      outcome: outcomeOf(outcome),
      journal: journalOf(...states),
      earlier: earlier === undefined ? undefined : outcomeOf(earlier),
    });
    expect(exitOfEnd[end]).toBe(code);
  });
});
