import type { Phase } from '../../../src/kube/types.ts';
import type { NodeState } from '../../../src/view/node-states.ts';

export type Tone = 'good' | 'note' | 'warn' | 'bad' | 'plain';

export const toneOfState: Readonly<Record<NodeState, Tone>> = {
  expired: 'bad',
  manual: 'bad',
  failed: 'warn',
  broken: 'warn',
  unread: 'warn',
  running: 'note',
  waiting: 'plain',
  due: 'warn',
  planned: 'plain',
  fine: 'good',
};

export const toneOfPhase: Readonly<Record<Phase, Tone>> = {
  Scheduled: 'plain',
  Pending: 'plain',
  Admitted: 'note',
  Running: 'note',
  Verifying: 'note',
  Succeeded: 'good',
  RolledBack: 'warn',
  Failed: 'bad',
  NeedsManual: 'bad',
  Superseded: 'plain',
};

/** Said by a word and a shape, not by its colour alone. */
export function Badge({ tone, children }: { readonly tone: Tone; readonly children: string }) {
  return (
    <span class={`badge ${tone}`}>
      <Mark tone={tone} />
      {children}
    </span>
  );
}

const marks: Readonly<Record<Tone, string>> = {
  good: 'M2.5 6.5 5 9l4.5-6',
  note: 'M6 2.5a3.5 3.5 0 1 0 3.5 3.5',
  warn: 'M6 2v5M6 9.3v.4',
  bad: 'm3 3 6 6M9 3 3 9',
  plain: 'M2.5 6h7',
};

export function Mark({ tone }: { readonly tone: Tone }) {
  return (
    <svg class={`mark ${tone}`} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      <path d={marks[tone]} />
    </svg>
  );
}
