import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JournalStage } from '../rotation/journal.ts';
import { showProgress } from './progress.ts';

const stage = (change: Partial<JournalStage>): JournalStage => ({
  name: 'kubelet',
  state: 'pending',
  files: [],
  certificates: [],
  resumes: 0,
  ...change,
});
const journal = (...stages: readonly JournalStage[]) => ({ stages });

let written = '';
const screen = (isTTY: boolean) => ({ isTTY, write: (text: string) => (written += text) });

beforeEach(() => {
  written = '';
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

describe('how far a rotation is', () => {
  it('is a plain line a step where there is no terminal, each said once', () => {
    const progress = showProgress(screen(false));
    progress.told(journal(stage({}), stage({ name: 'etcd' })));
    progress.told(journal(stage({ state: 'swapping' })));
    progress.told(journal(stage({ state: 'swapped' })));
    progress.told(journal(stage({ state: 'swapped' })));
    vi.advanceTimersByTime(5000);
    progress.told(journal(stage({ state: 'restoring', failure: 'it did not come back' })));
    progress.end();
    expect(written).toBe(
      'kubelet: 0 files are replaced, the old ones are kept\n' +
        'kubelet: the new files are in place\n' +
        'kubelet: FAILED, the old files are put back: it did not come back\n',
    );
  });

  it('begins with what changes: how it is found was told by whoever brought it there', () => {
    const progress = showProgress(screen(false));
    const waiting = stage({ state: 'unproved', failure: 'no quorum' });
    progress.told(journal(stage({ name: 'etcd', state: 'proved' }), waiting));
    expect(written).toBe('');
    progress.told(journal(stage({ name: 'etcd', state: 'proved' }), { ...waiting, state: 'proved' }));
    expect(written).toBe('kubelet: proved ()\n');
  });

  it('is on a terminal also a line that lives while something is waited for, and that goes', () => {
    const progress = showProgress(screen(true));
    progress.told(journal(stage({})));
    progress.told(journal(stage({ state: 'swapped' })));
    vi.advanceTimersByTime(2000);
    expect(written).toContain('kubelet: the new files are in place\n');
    expect(written).toMatch(/kubelet: waiting for the proof … 0 s.*kubelet: waiting for the proof … 2 s$/s);
    progress.end();
    expect(written.endsWith('\r\u001B[K'), 'the line is taken away').toBe(true);
    const ended = written;
    vi.advanceTimersByTime(5000);
    expect(written).toBe(ended);
  });
});
