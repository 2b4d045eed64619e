// Journals for tests: what a case does not speak of is filled in.
import { journalSchema, type Journal, type JournalStage } from './journal.ts';

export const fakeStage = (name: JournalStage['name'], change: Partial<JournalStage> = {}): JournalStage => ({
  name,
  state: 'proved',
  files: [],
  certificates: [],
  resumes: 0,
  ...change,
});

export const fakeJournal = (
  stages: readonly JournalStage[],
  facts: Journal['facts'] = { manifests: {} },
): Journal => ({
  schema: journalSchema,
  id: '20300301-000000-00000000',
  machineId: 'a'.repeat(32),
  origin: 'cli',
  createdAt: '2030-03-01T00:00:00.000Z',
  state: 'applying',
  kubeletRestart: 'always',
  facts,
  stages,
  steps: [],
  notes: [],
});
