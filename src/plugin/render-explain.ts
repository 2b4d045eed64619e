// What `explain NODE` says, in lines: every certificate, what is due and why, what holds it, what became of the last. Pure.
import type { PastRotation, Step } from '../view/history.ts';
import { tookOf } from '../view/messages/words.ts';
import type { CertificateDetail, NodePage } from '../view/node.ts';
import type { RenewalSettings } from '../policy/renewable.ts';
import { whyLines } from './render-plan.ts';
import { factsOf } from './text.ts';
import type { Reader } from './words.ts';

export interface ExplainWish {
  readonly page: NodePage;
  readonly trigger: RenewalSettings['trigger'];
  readonly now: number;
}

/** A minute off is what clocks are. */
const worthSaying = 60_000;

export function explainLines({ page, trigger, now }: ExplainWish, reader: Reader): readonly string[] {
  const { w, own } = reader;
  const { certificates, notes, rotations, log } = page;
  const leavesFirst = certificates.toSorted((a, b) => Number(a.kind === 'ca') - Number(b.kind === 'ca'));
  const rule = w('explain.rule', { percent: trigger.percent, days: trigger.days });
  return [
    ...headLines(page, reader),
    ...nowLines(page, reader),
    '',
    w('node.certificates'),
    ...(certificates.length === 0 ? [`  ${w('node.none')}`] : [`  ${rule}`]),
    ...leavesFirst.flatMap((one) => certificateLines(one, now, reader)),
    ...(notes.length === 0 ? [] : ['', w('node.notes'), ...notes.map((note) => `  - ${own(note)}`)]),
    '',
    w('node.log'),
    ...(log === undefined ? [`  ${w('node.logNone')}`] : [`  ${log.name}`, ...stepLines(log.steps, reader)]),
    '',
    w('node.history'),
    ...(rotations.length === 0 ? [`  ${w('node.historyNone')}`] : []),
    ...rotations.flatMap((one) => pastLines(one, reader)),
  ];
}

function headLines(
  { row, clockSkew = 0 }: NodePage,
  { say, w, time, span, list }: Reader,
): readonly string[] {
  const facts = [
    w(`role.${row.role}`),
    row.version,
    ...(row.readAt === undefined ? [] : [w('node.readAt', { at: time(row.readAt) })]),
    ...(row.ready ? [] : [w('notReady')]),
    ...(row.paused ? [w('paused')] : []),
    ...(Math.abs(clockSkew) > worthSaying ? [w('node.clock', { span: span(clockSkew) })] : []),
  ];
  return [`${row.name}: ${say(row.text)}`, `  ${list(facts)}`];
}

function nowLines({ open }: NodePage, reader: Reader): readonly string[] {
  if (open === undefined) return [];
  const { say, w } = reader;
  return [
    '',
    w('node.open'),
    `  ${open.name}: ${say(open.phaseText)}, ${say(open.asked)}`,
    ...whyLines(open, reader).map((line) => `  ${line}`),
  ];
}

function certificateLines(one: CertificateDetail, now: number, reader: Reader): readonly string[] {
  const { say, w } = reader;
  const isCa = one.kind === 'ca';
  const facts: (readonly [string, string])[] = [
    [w('col.path'), one.path],
    [w('col.ends'), endText(one, now, reader)],
    ...(isCa
      ? []
      : ([[w('col.usedBy'), one.component === 'none' ? w('used.none') : one.component]] as const)),
    ...(isCa ? [] : ([[w('cert.due'), dueText(one, now, reader)]] as const)),
    ...(one.broken || one.state !== 'Ok' ? ([[w('cert.state'), stateText(one, reader)]] as const) : []),
    ...renewalFacts(one, reader),
    [w('cert.subject'), one.subject],
    ...(one.sans.length === 0 ? [] : ([[w('cert.sans'), one.sans.join(', ')]] as const)),
  ];
  return ['', `  ${one.id} (${say(one.use)})`, ...factsOf(facts, '    ')];
}

function endText({ notAfter }: CertificateDetail, now: number, { w, date, span }: Reader): string {
  const end = Date.parse(notAfter);
  if (Number.isNaN(end)) return '–';
  return `${date(notAfter)} (${end <= now ? w('cert.expired') : w('cert.left', { span: span(end - now) })})`;
}

function dueText({ dueAt }: CertificateDetail, now: number, { say, w, date }: Reader): string {
  if (dueAt === undefined) return w('cert.never');
  return Date.parse(dueAt) < now ? say({ key: 'node.due', with: { at: { at: dueAt } } }) : date(dueAt);
}

function stateText({ stateText, reason }: CertificateDetail, { say }: Reader): string {
  return reason === '' ? say(stateText) : `${say(stateText)}: ${reason}`;
}

function renewalFacts(
  { renewal }: CertificateDetail,
  { w, own, date }: Reader,
): readonly (readonly [string, string])[] {
  if (renewal === undefined) return [];
  const { oldSerial, newSerial, proof, at } = renewal;
  const when = at === undefined ? '' : ` (${date(at)})`;
  return [
    [w('col.renewed'), `${oldSerial ?? '–'} → ${newSerial ?? '–'}`],
    [w('col.proof'), `${proof === undefined ? '–' : own(proof)}${when}`],
  ];
}

function stepLines(steps: readonly Step[], reader: Reader): readonly string[] {
  const { say, own, time } = reader;
  return steps.map(({ name, text, result, resultText, said, startedAt, finishedAt }) => {
    const began = startedAt === undefined ? '' : time(startedAt);
    const took =
      startedAt === undefined || finishedAt === undefined ? '' : tookOf(startedAt, finishedAt, reader);
    const words = [
      began,
      text === undefined ? name : say(text),
      resultText === undefined ? result : say(resultText),
    ];
    return `  ${[...words, took, own(said)].filter((word) => word !== '').join('  ')}`;
  });
}

/** In words first, and then as the controller said it: where a person must type something, the line is in that. */
function pastLines(one: PastRotation, { say, own, time, list }: Reader): readonly string[] {
  const { finishedAt, phaseText, asked, why, said, name } = one;
  const told = why === undefined ? '' : say(why);
  const head = list([say(phaseText), say(asked), ...(told === '' ? [] : [told])]);
  return [
    `  ${finishedAt === undefined ? '–' : time(finishedAt)}  ${head}  (${name})`,
    ...(said === '' || said === told ? [] : [`    ${own(said)}`]),
  ];
}
