// What `cert-renew all` prints at its end, and its exit code. Pure.
import { planStages, stageOf, stageRules } from '../rotation/stages.ts';
import type { Journal } from '../rotation/journal.ts';
import type { Outcome } from '../rotation/types.ts';
import type { Decided } from './all-plan.ts';
import { exitCodes } from './exit-codes.ts';
import { isoSeconds } from './render.ts';

export interface Ended {
  /** Of what was interrupted, and is at its end now. */
  readonly earlier: Outcome | undefined;
  readonly plan: readonly Decided[];
  /** Undefined: nothing of the plan was begun. */
  readonly outcome: Outcome | undefined;
  /** As it was at the end; undefined: nothing was begun. */
  readonly journal: Journal | undefined;
  readonly backups: string;
  /** Members of etcd that are ill, where something waits to be proved. */
  readonly others: readonly string[];
  readonly notes: readonly string[];
}

type Result = 'done' | 'restored' | 'refused' | 'nothing-due' | 'partly';

const exits = {
  done: exitCodes.done,
  restored: exitCodes.failed,
  refused: exitCodes.refused,
  'nothing-due': exitCodes.nothingToDo,
  partly: exitCodes.partlyDone,
} as const satisfies Record<Result, number>;

export const exitOf = (ended: Ended): number => exits[resultOf(ended)];

const isUnproved = ({ journal }: Ended): boolean =>
  journal?.stages.some(({ state }) => state === 'unproved') ?? false;

const leftUndone = (plan: readonly Decided[]): readonly Decided[] =>
  plan.filter(({ action }) => action === 'cannot');

function resultOf(ended: Ended): Result {
  const { earlier, outcome, plan } = ended;
  if (outcome === undefined) return withoutOutcome(ended);
  if (outcome.outcome === 'succeeded') return leftUndone(plan).length === 0 ? 'done' : 'partly';
  const isUntouched = earlier === undefined && outcome.certificates.every(({ proof }) => proof === undefined);
  if (outcome.outcome === 'rolled-back') return isUntouched ? 'restored' : 'partly';
  if (outcome.outcome === 'refused') return isUntouched ? 'refused' : 'partly';
  return outcome.outcome === 'nothing-to-do' ? 'nothing-due' : 'partly';
}

function withoutOutcome({ earlier, plan }: Ended): Result {
  if (earlier !== undefined && earlier.outcome !== 'succeeded') return 'partly';
  if (leftUndone(plan).length > 0) return earlier === undefined ? 'refused' : 'partly';
  return earlier === undefined ? 'nothing-due' : 'done';
}

export function renderText(ended: Ended): string {
  const lines = [...certificateLines(ended), ...leftLines(ended.plan), ...noteLines(ended)];
  const backup = backupOf(ended);
  if (backup !== undefined) lines.push(`old files: ${backup} (cert-renew restore)`);
  lines.push(summary(ended));
  return `${lines.join('\n')}\n`;
}

const renewedOf = ({ earlier, outcome }: Ended): Outcome['certificates'] => [
  ...(earlier?.certificates ?? []),
  ...(outcome?.certificates ?? []),
];

function certificateLines(ended: Ended): string[] {
  return renewedOf(ended)
    .filter(({ id }) => isNew(ended, id))
    .map(({ id, oldSerial, newSerial, oldNotAfter, newNotAfter, proof }) => {
      const expiry = `expires ${seconds(oldNotAfter)} → ${seconds(newNotAfter)}`;
      const seen = proof === undefined ? 'not proved yet' : proof;
      return `${id}: renewed, ${expiry}, serial ${oldSerial} → ${newSerial}: ${seen}`;
    });
}

/** Whether the new file lies there: of a stage that was rolled back or not begun it does not. */
function isNew({ journal }: Ended, id: Decided['id']): boolean {
  const stage = journal?.stages.find(({ certificates }) => certificates.some((each) => each.id === id));
  return stage === undefined || ['proved', 'unproved', 'kept'].includes(stage.state);
}

const seconds = (time: string): string => isoSeconds(new Date(time));

const leftLines = (plan: readonly Decided[]): string[] =>
  plan
    .filter(({ action, reason }) => action === 'cannot' || (action === 'leave' && !quiet.includes(reason)))
    .map(({ id, row, action, why }) => {
      const verb = action === 'cannot' ? 'NOT RENEWED' : 'left as it is';
      return `${id} (${row.path}): ${verb}: ${why}`;
    });

/** Nothing that a person need be told of, one by one. */
const quiet: readonly string[] = ['NotDue'];

const noteLines = ({ notes, earlier }: Ended): string[] => [
  ...(earlier === undefined
    ? []
    : [`note: what was interrupted earlier was taken up first: ${earlier.message}`]),
  ...notes.map((note) => `note: ${note}`),
];

function backupOf({ journal, backups, outcome }: Ended): string | undefined {
  const isKept = journal !== undefined && outcome?.outcome !== 'refused';
  return isKept ? `${backups}/${journal.id}` : undefined;
}

/** One sentence at the end: how it stands, and what to do next. */
export function summary(ended: Ended): string {
  const { outcome, earlier, plan } = ended;
  const said = (outcome ?? earlier)?.message ?? '';
  const undone = leftUndone(plan).map(({ id }) => id);
  const left = undone.length === 0 ? '' : `${undone.join(', ')} could not be renewed here, see above`;
  const all = [said, left].filter((text) => text !== '').join('; ');
  const sentences: Readonly<Record<Result, string>> = {
    done: `done: ${said}`,
    'nothing-due': 'nothing is due on this node (--force renews all the same)',
    restored: `failed: ${said}; every file is as it was`,
    refused: `refused: ${all}; nothing was touched`,
    partly: `partly done: ${all}${isUnproved(ended) ? `; ${whatNext(ended)}` : ''}`,
  };
  return sentences[resultOf(ended)];
}

function whatNext({ journal, others }: Ended): string {
  const wrong = journal?.stages.filter(({ state, offline }) => state === 'unproved' && offline !== '') ?? [];
  if (wrong.some(({ name }) => name === 'kubelet'))
    return 'the kubelet does not come up: see journalctl -u kubelet, then run cert-renew all again';
  if (others.length === 0)
    return 'run cert-renew all again; if it stays so, see crictl ps -a and the logs of what does not come up';
  return `this node is done as far as it can be alone: go on with ${others.join(', ')} (cert-renew all there), then run it here again`;
}

export function renderJson(ended: Ended): string {
  const value = {
    schema: 1,
    dryRun: false,
    result: resultOf(ended),
    message: summary(ended),
    certificates: renewedOf(ended).map(({ oldNotAfter, newNotAfter, proof, ...rest }) => ({
      ...rest,
      oldNotAfter: seconds(oldNotAfter),
      newNotAfter: seconds(newNotAfter),
      renewed: isNew(ended, rest.id),
      proof: proof ?? null,
    })),
    left: ended.plan.filter(({ action }) => action !== 'renew').map(planned),
    steps: [...(ended.earlier?.steps ?? []), ...(ended.outcome?.steps ?? [])],
    notes: ended.notes,
    backup: backupOf(ended) ?? null,
    others: ended.others,
  };
  return `${JSON.stringify(value)}\n`;
}

const planned = ({ id, row, action, reason, why }: Decided) => ({
  id,
  path: row.path,
  action,
  reason,
  why,
  notAfter: row.notAfter === '' ? null : row.notAfter,
});

export interface ShownPlan {
  readonly plan: readonly Decided[];
  readonly kubeletUp: boolean;
  readonly interrupted: boolean;
  readonly notes: readonly string[];
}

export function exitOfPlan({ plan, interrupted }: ShownPlan): number {
  if (interrupted || plan.some(({ action }) => action === 'renew')) return exitCodes.done;
  return leftUndone(plan).length > 0 ? exitCodes.refused : exitCodes.nothingToDo;
}

const stagesOf = ({ plan, kubeletUp }: ShownPlan) =>
  planStages(
    plan.filter(({ action }) => action === 'renew'),
    kubeletUp ? undefined : 'kubelet',
  );

export function renderPlan(shown: ShownPlan): string {
  const lines = shown.interrupted
    ? ['0. an interrupted rotation lies on this node: it is taken to its end first']
    : [];
  for (const [index, { name, members }] of stagesOf(shown).entries()) {
    lines.push(`${index + 1}. ${name}: ${restartText(name)}`);
    for (const { id, row, why } of members) lines.push(`   ${id} (${row.path}): ${why}`);
  }
  if (lines.length === 0) lines.push('nothing would be renewed');
  lines.push(...leftLines(shown.plan), ...shown.notes.map((note) => `note: ${note}`));
  return `${lines.join('\n')}\n`;
}

function restartText(name: ReturnType<typeof stageOf>): string {
  const { steps, component } = stageRules[name];
  if (steps.includes('annotate'))
    return `replace, make ${component} anew by an annotation in its manifest, prove`;
  if (steps.includes('restart')) return 'replace, systemctl restart kubelet, prove';
  return 'replace, nothing is restarted, prove';
}

export function renderPlanJson(shown: ShownPlan): string {
  const value = {
    schema: 1,
    dryRun: true,
    interrupted: shown.interrupted,
    stages: stagesOf(shown).map(({ name, members }) => ({
      name,
      action: restartText(name),
      certificates: members.map(planned),
    })),
    left: shown.plan.filter(({ action }) => action !== 'renew').map(planned),
    notes: shown.notes,
  };
  return `${JSON.stringify(value)}\n`;
}
