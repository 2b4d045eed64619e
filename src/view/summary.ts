// The four answers for a person with ten seconds: am I safe, until when, what happens next, what needs me.
import { isActive } from '../kube/objects.ts';
import { firstDue, firstToEnd, isBroken, isExpired, isLeaf, type SeenCertificate } from './certificates.ts';
import { message, type Message } from './messages/message.ts';
import { needsOf, type Need } from './needs.ts';
import type { Seen, SeenNode } from './picture.ts';
import { queueOf } from './plan.ts';
import { whyOf } from './waiting.ts';

export interface Summary {
  readonly state: 'safe' | 'attention' | 'unsafe' | 'unknown';
  /** Am I safe, until when; `safe` says why so. */
  readonly headline: Message;
  readonly safe: Message;
  /** The first end, RFC 3339; undefined: not known. */
  readonly until: string | undefined;
  /** What happens next. */
  readonly next: Message;
  /** What needs me, the most pressing first. */
  readonly needs: readonly Need[];
  readonly counts: Counts;
}

export interface Counts {
  readonly nodes: number;
  readonly certificates: number;
  readonly due: number;
  readonly expired: number;
  readonly running: number;
  readonly waiting: number;
}

/** A certificate and where it is. */
interface Placed {
  readonly node: SeenNode;
  readonly one: SeenCertificate;
}

export function summaryOf(seen: Seen): Summary {
  const needs = needsOf(seen);
  const first = firstEnd(seen);
  const { state, text } = safety(seen, first);
  const pressing = needs.some(({ level }) => level === 'act');
  const told = state === 'safe' && pressing ? 'attention' : state;
  return {
    state: told,
    headline: message(`state.${told}`, { until: { at: first?.one.row.notAfter ?? '' } }),
    safe: text,
    until: first?.one.row.notAfter,
    next: nextOf(seen),
    needs,
    counts: countsOf(seen),
  };
}

type Safety = { readonly state: 'safe' | 'unsafe' | 'unknown'; readonly text: Message };
type Teller = (seen: Seen, first: Placed | undefined) => Safety | undefined;

/** How it stands: the first that has something to say. */
const tellers: readonly Teller[] = [noNodes, authorityExpired, leafExpired, unread, unreadable, unseen, fine];

function safety(seen: Seen, first: Placed | undefined): Safety {
  for (const teller of tellers) {
    const told = teller(seen, first);
    if (told !== undefined) return told;
  }
  return { state: 'unknown', text: message('safe.nothing') };
}

function noNodes({ nodes }: Seen): Safety | undefined {
  return nodes.length === 0 ? { state: 'unknown', text: message('safe.noNodes') } : undefined;
}

function authorityExpired(seen: Seen): Safety | undefined {
  const now = seen.picture.now.getTime();
  const [ca] = placed(seen, (one) => one.kind === 'ca' && isExpired(one, now));
  if (ca === undefined) return undefined;
  const { row } = ca.one;
  return { state: 'unsafe', text: message('safe.caExpired', { ca: row.id, at: { at: row.notAfter } }) };
}

function leafExpired(seen: Seen, first: Placed | undefined): Safety | undefined {
  const { expired: count, certificates: total } = countsOf(seen);
  if (count === 0 || first === undefined) return undefined;
  const { id, notAfter } = first.one.row;
  const values = { count, total, id, node: first.node.name, at: { at: notAfter } };
  return { state: 'unsafe', text: message('safe.expired', values) };
}

function unread({ nodes }: Seen): Safety | undefined {
  const count = nodes.filter(({ inventory }) => inventory === undefined).length;
  if (count === 0) return undefined;
  if (count === nodes.length) return { state: 'unknown', text: message('safe.nothing') };
  return { state: 'unknown', text: message('safe.unread', { count, total: nodes.length }) };
}

/** Lying elsewhere or in a directory of others is a matter for whoever renews it, not a doubt about its end. */
function unreadable(seen: Seen): Safety | undefined {
  const all = placed(seen, ({ row }) => row.state === 'Unreadable' || row.state === 'KeyMismatch');
  const [first] = all;
  if (first === undefined) return undefined;
  const values = { count: all.length, id: first.one.row.id, node: first.node.name };
  return { state: 'unknown', text: message('safe.unreadable', values) };
}

/** What it uses may end before all that is seen. */
function unseen({ nodes }: Seen): Safety | undefined {
  const first = nodes.find((node) => node.unseen.length > 0);
  if (first === undefined) return undefined;
  const what = { list: first.unseen };
  return { state: 'unknown', text: message('safe.unseen', { what, node: first.name }) };
}

function fine({ picture }: Seen, first: Placed | undefined): Safety | undefined {
  if (first === undefined) return undefined;
  const { row, end } = first.one;
  const left = { span: end - picture.now.getTime() };
  const values = { left, id: row.id, node: first.node.name };
  return { state: 'safe', text: message('safe.until', values) };
}

/** Of leaves and of CAs: whichever ends first. */
function firstEnd({ nodes }: Seen): Placed | undefined {
  let first: Placed | undefined;
  for (const node of nodes) {
    const one = firstToEnd(node.certificates.filter((each) => isLeaf(each) || each.kind === 'ca'));
    if (one !== undefined && (first === undefined || one.end < first.one.end)) first = { node, one };
  }
  return first;
}

function placed({ nodes }: Seen, is: (one: SeenCertificate) => boolean): readonly Placed[] {
  return nodes.flatMap((node) => node.certificates.filter(is).map((one) => ({ node, one })));
}

function nextOf(seen: Seen): Message {
  const { settings } = seen.picture.configuration;
  const running = seen.nodes.filter(({ open }) => open !== undefined && isActive(open));
  const [first] = running;
  if (running.length > 1) {
    return message('next.runningMore', { node: first?.name ?? '', more: running.length - 1 });
  }
  if (first?.open !== undefined) {
    const { spec, status } = first.open;
    const key = status?.phase === 'Verifying' ? 'next.proving' : 'next.running';
    return message(key, { node: first.name, count: spec.certificates.length });
  }
  if (settings.mode === 'observe') return message('next.observe');
  if (settings.paused) return message('next.paused');
  return planned(seen);
}

function planned(seen: Seen): Message {
  const [head] = queueOf(seen);
  if (head !== undefined) {
    const { rotation, node } = head;
    if (rotation.status?.phase !== 'Scheduled')
      return message('next.waiting', { node: node.name, why: whyOf(rotation) });
    const at = { at: rotation.status.dueAt ?? '', time: true } as const;
    return message('next.scheduled', { count: rotation.spec.certificates.length, node: node.name, at });
  }
  let quiet: { readonly node: string; readonly id: string; readonly dueAt: number } | undefined;
  for (const { name, certificates } of seen.nodes) {
    const due = firstDue(certificates);
    if (due !== undefined && (quiet === undefined || due.dueAt < quiet.dueAt))
      quiet = { node: name, id: due.row.id, dueAt: due.dueAt };
  }
  if (quiet === undefined) return message('next.nothing');
  const { node, id, dueAt } = quiet;
  const { due: count } = countsOf(seen);
  if (count > 0) return message('next.due', { count, at: { at: new Date(dueAt).toISOString() }, id, node });
  return message('next.quiet', { at: { at: new Date(dueAt).toISOString() }, id, node });
}

function countsOf({ nodes, picture }: Seen): Counts {
  const now = picture.now.getTime();
  const leaves = nodes.flatMap(({ certificates }) => certificates.filter(isLeaf));
  const open = nodes.flatMap((node) => node.open ?? []);
  return {
    nodes: nodes.length,
    certificates: leaves.length,
    due: leaves.filter((one) => one.dueAt !== undefined && one.dueAt < now && !isBroken(one)).length,
    expired: leaves.filter((one) => isExpired(one, now)).length,
    running: open.filter(isActive).length,
    waiting: open.filter(({ status }) => (status?.phase ?? 'Pending') === 'Pending').length,
  };
}
