// What `plan` says, in lines: the order, and what holds each. Pure.
import type { CertificateId, Component } from '../catalogue/ids.ts';
import { entryOf } from '../catalogue/table.ts';
import type { PlanItem } from '../view/plan.ts';
import type { ShutGate } from '../view/waiting.ts';
import type { Reader } from './words.ts';

export function planLines(plan: readonly PlanItem[], reader: Reader): readonly string[] {
  const { w } = reader;
  if (plan.length === 0) return [w('next.none')];
  return [w('plan.about'), ...plan.flatMap((item, i) => ['', ...itemLines(item, i + 1, reader)])];
}

function itemLines(item: PlanItem, place: number, reader: Reader): readonly string[] {
  const { say, w, list, date } = reader;
  const { node, role, phase, phaseText, asked, dueAt, until, certificates, attempts } = item;
  const moments = [
    ...(until === undefined ? [] : [w('plan.until', { at: date(until) })]),
    // Of a planned one it is why it waits.
    ...(dueAt === undefined || phase === 'Scheduled' ? [] : [w('plan.due', { at: date(dueAt) })]),
    ...(attempts > 1 ? [w('plan.attempt', { count: attempts })] : []),
  ];
  return [
    `${place}. ${node} (${w(`role.${role}`)}): ${list([say(phaseText), say(asked), ...moments])}`,
    `   ${list(certificates)}`,
    `   ${restartsLine(certificates, reader)}`,
    ...whyLines(item, reader).map((line) => `   ${line}`),
  ];
}

/** Why it stands where it stands; and what a person may do about it. */
export function whyLines(item: PlanItem, reader: Reader): readonly string[] {
  const { say, own, w, time } = reader;
  const { gates, why, said, restarts, startedAt, approvable, node, phase } = item;
  const isAtWork = phase !== 'Scheduled' && phase !== 'Pending';
  if (isAtWork) {
    const since = startedAt === undefined ? '' : `${w('plan.since', { at: time(startedAt) })} `;
    return [`${since}${restarts === undefined ? '' : say(restarts)}`.trim(), own(said)].filter(isThere);
  }
  return [
    ...(gates.length === 0 ? [say(why)] : gateLines(gates, reader)),
    ...(approvable ? [w('plan.approve', { node })] : []),
  ];
}

const isThere = (line: string): boolean => line !== '';

function gateLines(gates: readonly ShutGate[], { say, own, w }: Reader): readonly string[] {
  return gates.flatMap(({ gate, hard, text, detail }) => [
    `${w('plan.gates')}: ${say(text)} [${gate}] (${say({ key: hard ? 'plan.hard' : 'plan.soft' })})`,
    ...(detail === '' || detail === say(text) ? [] : [`  ${own(detail)}`]),
  ]);
}

export function restartsLine(certificates: readonly CertificateId[], { w, list }: Reader): string {
  const found = new Set<Component>(certificates.map((id) => entryOf(id).component));
  found.delete('none');
  return found.size === 0 ? w('plan.noRestart') : w('plan.restarts', { list: list([...found]) });
}
