// What `cert-renew all` prints at its end, and its exit code. Pure.
import { planStages, stageRules, type StageName } from '../rotation/stages.ts';
import type { Journal } from '../rotation/journal.ts';
import type { CertificateId } from '../catalogue/ids.ts';
import type { Outcome } from '../rotation/types.ts';
import type { Cluster } from './all-node.ts';
import type { Decided } from './all-plan.ts';
import { endOf, exitOfEnd, holdsNew, idleAfter, type CallEnd } from './call-end.ts';
import { exitCodes } from './exit-codes.ts';
import { shownMoment } from '../pki/time.ts';

export interface Ended {
  /** Of what was interrupted, and is at its end now. */
  readonly earlier: Outcome | undefined;
  /** As taking it up left it. */
  readonly earlierJournal: Journal | undefined;
  /** Of that, what was proved before this call. */
  readonly provedBefore: readonly CertificateId[];
  readonly plan: readonly Decided[];
  /** Undefined: nothing of the plan was begun. */
  readonly outcome: Outcome | undefined;
  /** As it was at the end; undefined: nothing was begun. */
  readonly journal: Journal | undefined;
  readonly backups: string;
  /** How this program is called here. */
  readonly call: string;
  /** Members of etcd that are ill, where something waits to be proved. */
  readonly others: readonly string[];
  readonly notes: readonly string[];
}

export const exitOf = (ended: Ended): number => exitOfEnd[resultOf(ended)];

const isUnproved = ({ journal }: Ended): boolean =>
  journal?.stages.some(({ state }) => state === 'unproved') ?? false;

const leftUndone = (plan: readonly Decided[]): readonly Decided[] =>
  plan.filter(({ action }) => action === 'cannot');

function resultOf(ended: Ended): CallEnd {
  const { outcome, plan } = ended;
  if (outcome === undefined) return withoutOutcome(ended);
  const end = endOf({ ...ended, outcome });
  return end === 'done' && leftUndone(plan).length > 0 ? 'partly' : end;
}

function withoutOutcome({ earlier, plan }: Ended): CallEnd {
  if (leftUndone(plan).length > 0) return earlier === undefined ? 'refused' : 'partly';
  return idleAfter(earlier);
}

export function renderText(ended: Ended): string {
  const lines = [...certificateLines(ended), ...leftLines(ended.plan), ...noteLines(ended)];
  const backup = backupOf(ended);
  if (backup !== undefined) lines.push(`old files: ${backup} (${ended.call} restore)`);
  lines.push(summary(ended));
  return `${lines.join('\n')}\n`;
}

type Certificates = Outcome['certificates'];

interface Told {
  readonly certificate: Certificates[number];
  /** The new one lies there. */
  readonly renewed: boolean;
}

const toldBy = (journal: Journal | undefined, certificates: Certificates = []): Told[] =>
  certificates.map((certificate) => ({ certificate, renewed: holdsNew(journal, certificate.id) }));

/** Each by its own journal: what taking up rolled back may have been renewed anew by this very call. */
const earlierOf = ({ earlier, earlierJournal }: Ended): Told[] =>
  toldBy(earlierJournal, earlier?.certificates);
const ownOf = ({ outcome, journal }: Ended): Told[] => toldBy(journal, outcome?.certificates);

/** What an earlier call may have told is told apart from what this one did. */
function certificateLines(ended: Ended): string[] {
  const { earlier, provedBefore } = ended;
  const own = linesOf(ownOf(ended));
  if (earlier === undefined) return own;
  const isBefore = ({ certificate }: Told): boolean => provedBefore.includes(certificate.id);
  const told = earlierOf(ended);
  const parts = [
    ['of an earlier call, proved before this one:', linesOf(told.filter(isBefore))],
    ['of an earlier call, taken up by this one:', linesOf(told.filter((each) => !isBefore(each)))],
    ['of this call:', own],
  ] as const;
  return parts.flatMap(([heading, lines]) => (lines.length === 0 ? [] : [heading, ...lines]));
}

const linesOf = (told: readonly Told[]): string[] =>
  told.filter(({ renewed }) => renewed).map(({ certificate }) => lineOf(certificate));

function lineOf({
  id,
  oldSerial,
  newSerial,
  oldNotAfter,
  newNotAfter,
  proof = 'not proved yet',
}: Certificates[number]): string {
  const expiry = `expires ${shownMoment(oldNotAfter)} → ${shownMoment(newNotAfter)}`;
  return `${id}: renewed, ${expiry}, serial ${oldSerial} → ${newSerial}: ${proof}`;
}

const leftLines = (plan: readonly Decided[]): string[] =>
  plan
    .filter(({ action, reason }) => action === 'cannot' || (action === 'leave' && !quiet.includes(reason)))
    .map(({ id, row, action, why }) => {
      const verb = action === 'cannot' ? 'NOT RENEWED' : 'left as it is';
      return `${id} (${row.path}): ${verb}: ${why}`;
    });

/** Nothing that a person need be told of, one by one. */
const quiet: readonly string[] = ['NotDue', 'NotPresent'];

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
  const sentences: Readonly<Record<CallEnd, string>> = {
    done: `done: ${said}`,
    'nothing-due': 'nothing is due on this node (--force renews all the same)',
    restored: `failed: ${said}; every file is as it was`,
    refused: `refused: ${all}; nothing was touched`,
    partly: `partly done: ${all}${isUnproved(ended) ? `; ${whatNext(ended)}` : ''}`,
  };
  return sentences[resultOf(ended)];
}

function whatNext({ journal, others, plan, call }: Ended): string {
  const again = `run ${call} all here again`;
  if (leftUndone(plan).length > 0) return `others may wait for just that: see to it, then ${again}`;
  const unproved = journal?.stages.filter(({ state }) => state === 'unproved') ?? [];
  const wrong = unproved.filter(({ offline }) => offline !== '').map(({ name }) => name);
  if (wrong.includes('kubelet'))
    return `the kubelet does not come up: see journalctl -u kubelet, then ${again}`;
  const needsEtcd = unproved.some(({ name }) => stageRules[name].needsEtcd);
  if (!needsEtcd || wrong.includes('etcd'))
    return `${again}; if it stays so, see in /var/log/pods the logs of what does not come up`;
  const where = others.length > 0 ? others.join(', ') : 'the other control planes, where there are any';
  return `this node is done as far as it can be alone: go on with ${where} (cert-renew all there), then ${again}`;
}

export function renderJson(ended: Ended): string {
  const value = {
    schema: 1,
    dryRun: false,
    result: resultOf(ended),
    message: summary(ended),
    certificates: [...earlierOf(ended), ...ownOf(ended)].map(({ certificate, renewed }) => ({
      ...certificate,
      oldNotAfter: shownMoment(certificate.oldNotAfter),
      newNotAfter: shownMoment(certificate.newNotAfter),
      renewed,
      proof: certificate.proof ?? null,
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
  readonly cluster: Cluster;
  readonly interrupted: boolean;
  /** How this program is called here. */
  readonly call: string;
  /** What ends the rotation before anything is touched; undefined: nothing that can be known without writing. */
  readonly ahead: Outcome | undefined;
  readonly notes: readonly string[];
}

/** As far as it can be known without a write, that of the call itself. */
export function exitOfPlan(shown: ShownPlan): number {
  const ended = endAhead(shown);
  if (ended !== undefined) return exitOf(ended);
  // Once that is at its end, other files may be in the way of a renewal than now.
  if (shown.interrupted) return exitCodes.done;
  return leftUndone(shown.plan).length > 0 ? exitCodes.partlyDone : exitCodes.done;
}

/** The end of a call that touches nothing; undefined: it would begin. */
function endAhead({ plan, interrupted, call, ahead, notes }: ShownPlan): Ended | undefined {
  const isBegun = ahead === undefined && plan.some(({ action }) => action === 'renew');
  if (interrupted || isBegun) return undefined;
  const none = { earlier: undefined, earlierJournal: undefined, provedBefore: [], journal: undefined };
  return { ...none, backups: '', call, others: [], plan, outcome: ahead, notes };
}

const stagesOf = ({ plan }: ShownPlan) => planStages(plan.filter(({ action }) => action === 'renew'));

export function renderPlan(shown: ShownPlan): string {
  const stages = stagesOf(shown);
  const steps = stages.map(
    ({ name, members }) =>
      `${name}: ${restartText(name, shown.cluster)}${members.map(({ id, row, why }) => `\n   ${id} (${row.path}): ${why}`).join('')}`,
  );
  if (shown.interrupted) steps.unshift('what was interrupted here is taken to its end first');
  if (shown.cluster !== 'alive' && stages.length > 0) steps.push(coldTexts[shown.cluster]);
  const lines = steps.map((text, index) => `${index + 1}. ${text}`);
  lines.push(...leftLines(shown.plan), ...shown.notes.map((note) => `note: ${note}`));
  const ended = endAhead(shown);
  if (ended !== undefined) lines.push(summary(ended));
  return `${lines.join('\n')}\n`;
}

const started =
  'what runs with old files is ended, the kubelet is restarted, and all is proved, as far as it can be';
const coldTexts = {
  'api-dead': `the API is dead: ${started}`,
  'kubelet-down': `the kubelet is down: ${started}`,
} as const;

function restartText(name: StageName, cluster: Cluster): string {
  const { steps, component } = stageRules[name];
  const isCold = cluster !== 'alive';
  if (steps.includes('annotate'))
    return isCold
      ? 'replace, annotate its manifest'
      : `replace, make ${component} anew by an annotation in its manifest, prove`;
  if (isCold) return 'replace';
  return steps.includes('restart')
    ? 'replace, systemctl restart kubelet, prove'
    : 'replace, prove (it reads its files by itself)';
}

export function renderPlanJson(shown: ShownPlan): string {
  const ended = endAhead(shown);
  const value = {
    schema: 1,
    dryRun: true,
    result: ended === undefined ? null : resultOf(ended),
    message: ended === undefined ? null : summary(ended),
    interrupted: shown.interrupted,
    cluster: shown.cluster,
    stages: stagesOf(shown).map(({ name, members }) => ({
      name,
      action: restartText(name, shown.cluster),
      certificates: members.map(planned),
    })),
    left: shown.plan.filter(({ action }) => action !== 'renew').map(planned),
    notes: shown.notes,
  };
  return `${JSON.stringify(value)}\n`;
}
