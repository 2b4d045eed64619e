// What needs a person, the most pressing first: one line for each kind of thing, however many there are of it.
import { isActive } from '../kube/objects.ts';
import type { CertificateRotation } from '../kube/types.ts';
import { authoritiesOf, type Authority } from './authorities.ts';
import { endsSoon, isBroken, isExpired, isLeaf, type SeenCertificate } from './certificates.ts';
import { message, reasonMessage, type Message } from './messages/message.ts';
import type { Seen, SeenNode } from './picture.ts';
import { isApprovable } from './plan.ts';
import { gatesOf, whyOf } from './waiting.ts';

export interface Need {
  /** act: something is or will be broken. watch: should be known. */
  readonly level: 'act' | 'watch';
  readonly text: Message;
  /** Where to look: a page of the dashboard, or a node. */
  readonly node?: string;
  readonly page?: 'nodes' | 'plan' | 'history' | 'cas' | 'settings';
}

type Teller = (seen: Seen) => readonly Need[];

const tellers: readonly Teller[] = [
  authorities,
  expired,
  endingUnrenewed,
  byHand,
  theController,
  theConfiguration,
  unseen,
  broken,
  failed,
  approvals,
  stuck,
  paused,
  observed,
  pausedNodes,
  neverRead,
  unread,
  strange,
  notReady,
  stale,
];

export function needsOf(seen: Seen): readonly Need[] {
  const all = tellers.flatMap((teller) => teller(seen));
  return [...all.filter(({ level }) => level === 'act'), ...all.filter(({ level }) => level === 'watch')];
}

const endsOfCas = {
  expired: { level: 'act', key: 'need.caExpired' },
  soon: { level: 'act', key: 'need.caEndsSoon' },
  ending: { level: 'watch', key: 'need.caEnding' },
} as const satisfies Record<Exclude<Authority['state'], 'fine'>, object>;

function authorities(seen: Seen): readonly Need[] {
  const all = authoritiesOf(seen);
  const ending = all.flatMap(({ state, ca, text }): Need[] => {
    if (state === 'fine') return [];
    const { level, key } = endsOfCas[state];
    return [{ level, page: 'cas', text: message(key, { ...text.with, ca }) }];
  });
  const differing = [...Map.groupBy(all, ({ ca }) => ca)].flatMap(([ca, group]): Need[] => {
    const on = group.map(({ on }) => on);
    if (ca === 'other' || group.length < 2) return [];
    const text = message('need.caDiffers', { ca, first: { list: on } });
    return [{ level: 'act', page: 'cas', text }];
  });
  return [...ending, ...differing];
}

function expired({ nodes, picture }: Seen): readonly Need[] {
  const now = picture.now.getTime();
  return certificatesThat(nodes, 'need.expired', (one) => isLeaf(one) && isExpired(one, now));
}

/** Whatever keeps it: a failure, a gate, a pause, or that nobody here renews it. */
function endingUnrenewed({ nodes, picture }: Seen): readonly Need[] {
  const now = picture.now.getTime();
  const isLeft = (one: SeenCertificate, node: SeenNode): boolean =>
    isLeaf(one) && endsSoon(one, now) && !isAtWork(one, node);
  return certificatesThat(nodes, 'need.endsSoon', isLeft, ({ name, one }) =>
    message('need.firstLeft', { id: one.row.id, node: name, left: { span: one.end - now } }),
  );
}

const isAtWork = ({ id }: SeenCertificate, { open }: SeenNode): boolean =>
  open !== undefined && id !== undefined && isActive(open) && open.spec.certificates.includes(id);

function broken({ nodes }: Seen): readonly Need[] {
  return certificatesThat(nodes, 'need.broken', isBroken, (first) =>
    message('need.firstWhy', { node: placeOf(first), why: reasonMessage(first.one.row.state) }),
  );
}

/** Of the control plane: nobody knows when what it uses ends. */
function unseen({ nodes }: Seen): readonly Need[] {
  const found = nodes.flatMap((node) => node.unseen.map((id) => ({ name: node.name, id })));
  const [first] = found;
  if (first === undefined) return [];
  const text = message('need.unseen', {
    count: found.length,
    first: message('need.first', { id: first.id, node: first.name }),
  });
  return [{ level: 'act', ...whereOf(found.map(({ name }) => name)), text }];
}

interface Found {
  /** Of its node. */
  readonly name: string;
  readonly one: SeenCertificate;
}

const placeOf = ({ name, one }: Found): Message => message('need.first', { id: one.row.id, node: name });

function certificatesThat(
  nodes: readonly SeenNode[],
  key: 'need.expired' | 'need.endsSoon' | 'need.broken',
  is: (one: SeenCertificate, node: SeenNode) => boolean,
  tell: (first: Found) => Message = placeOf,
): readonly Need[] {
  const found = nodes
    .flatMap((node) =>
      node.certificates.filter((one) => is(one, node)).map((one) => ({ name: node.name, one })),
    )
    .toSorted((a, b) => a.one.end - b.one.end);
  const [first] = found;
  if (first === undefined) return [];
  return [
    {
      level: 'act',
      ...whereOf(found.map(({ name }) => name)),
      text: message(key, { count: found.length, first: tell(first) }),
    },
  ];
}

/** One node is told by its page, many by the list. */
function whereOf(names: readonly string[]): Pick<Need, 'node' | 'page'> {
  const [first] = names;
  return first !== undefined && new Set(names).size === 1 ? { node: first } : { page: 'nodes' };
}

function byHand(seen: Seen): readonly Need[] {
  return rotationsThat(seen, 'need.manual', ['NeedsManual'], 'act');
}

function failed(seen: Seen): readonly Need[] {
  return rotationsThat(seen, 'need.failed', ['Failed', 'RolledBack'], 'watch');
}

function rotationsThat(
  { nodes }: Seen,
  key: 'need.manual' | 'need.failed',
  phases: readonly string[],
  level: Need['level'],
): readonly Need[] {
  const found = nodes.flatMap((node) => {
    const { last } = node;
    return last !== undefined && phases.includes(last.status?.phase ?? '') ? [{ node, last }] : [];
  });
  const [first] = found;
  if (first === undefined) return [];
  const told = message('need.firstWhy', { node: first.node.name, why: whyOf(first.last) });
  return [
    {
      level,
      ...whereOf(found.map(({ node }) => node.name)),
      text: message(key, { count: found.length, first: told }),
    },
  ];
}

function openOf({ nodes }: Seen): readonly CertificateRotation[] {
  return nodes.flatMap(({ open }) => open ?? []);
}

function approvals(seen: Seen): readonly Need[] {
  const { mode } = seen.picture.configuration.settings;
  const waiting = openOf(seen).filter(
    (one) => isApprovable(one, mode) && (one.status?.phase ?? 'Pending') === 'Pending',
  );
  const [first] = waiting;
  if (first === undefined) return [];
  const text = message('need.approval', { count: waiting.length, first: first.spec.nodeName });
  return [{ level: 'act', page: 'plan', text }];
}

/** Gates that time alone does not open. */
const persons = new Set(['CaUnavailable', 'CaMismatch', 'ClockSkew', 'EtcdUnsafe', 'NodeGone']);

function stuck(seen: Seen): readonly Need[] {
  const held = openOf(seen).flatMap((rotation) => {
    const gate = gatesOf(rotation).find((one) => persons.has(one.gate));
    return gate === undefined ? [] : [gate];
  });
  return [...Map.groupBy(held, ({ gate }) => gate)].flatMap(([, group]): Need[] => {
    const [first] = group;
    if (first === undefined) return [];
    const text = message('need.gate', { count: group.length, why: first.text });
    return [{ level: 'act', page: 'plan', text }];
  });
}

function waitingIn(seen: Seen): number {
  return openOf(seen).filter(({ status }) => (status?.phase ?? 'Pending') === 'Pending').length;
}

function paused(seen: Seen): readonly Need[] {
  if (!seen.picture.configuration.settings.paused) return [];
  const count = waitingIn(seen);
  const level = count > 0 ? 'act' : 'watch';
  return [{ level, page: 'plan', text: message('need.paused', { count }) }];
}

function observed({ nodes, picture }: Seen): readonly Need[] {
  if (picture.configuration.settings.mode !== 'observe') return [];
  const now = picture.now.getTime();
  const due = nodes.flatMap(({ certificates }) => certificates.filter(({ dueAt }) => (dueAt ?? now) < now));
  const level = due.length > 0 ? 'act' : 'watch';
  return [{ level, page: 'settings', text: message('need.observe', { count: due.length }) }];
}

function nodesThat(
  { nodes }: Seen,
  key: 'need.pausedNodes' | 'need.neverRead' | 'need.unread' | 'need.notReady',
  is: (node: SeenNode) => boolean,
): readonly Need[] {
  const names = nodes.filter(is).map(({ name }) => name);
  const [first] = names;
  if (first === undefined) return [];
  return [{ level: 'watch', ...whereOf(names), text: message(key, { count: names.length, first }) }];
}

function pausedNodes(seen: Seen): readonly Need[] {
  return nodesThat(seen, 'need.pausedNodes', (node) => node.paused);
}

function notReady(seen: Seen): readonly Need[] {
  return nodesThat(seen, 'need.notReady', (node) => !node.ready);
}

/** A new one is read within minutes; until then nothing is known of it. */
function neverRead(seen: Seen): readonly Need[] {
  return nodesThat(seen, 'need.neverRead', ({ inventory }) => inventory === undefined);
}

/** Twice the time in which a reading should have come. */
function unread(seen: Seen): readonly Need[] {
  const { now, configuration } = seen.picture;
  const { scanInterval, scanJitter } = configuration.settings;
  const since = now.getTime() - 2 * (scanInterval + scanJitter);
  return nodesThat(seen, 'need.unread', ({ inventory }) => Date.parse(inventory?.collectedAt ?? '') < since);
}

function strange({ picture }: Seen): readonly Need[] {
  const [first] = picture.strange;
  if (first === undefined) return [];
  return [
    { level: 'watch', page: 'nodes', text: message('need.strange', { count: picture.strange.size, first }) },
  ];
}

/** A Lease lasts 15 s; what is silent for so long is not merely changing its leader. */
const silent = 3 * 60_000;

function theController({ picture }: Seen): readonly Need[] {
  const { controllerAt, controllerUnread, now } = picture;
  if (controllerUnread !== undefined) return [{ level: 'act', text: controllerUnread }];
  if (controllerAt === undefined) return [];
  if (controllerAt === null) return [{ level: 'act', text: message('need.noController') }];
  if (now.getTime() - Date.parse(controllerAt) < silent) return [];
  return [{ level: 'act', text: message('need.controller', { at: { at: controllerAt, time: true } }) }];
}

function theConfiguration({ picture }: Seen): readonly Need[] {
  const { problem } = picture.configuration;
  if (problem === undefined) return [];
  return [{ level: 'act', page: 'settings', text: problem }];
}

function stale({ picture }: Seen): readonly Need[] {
  const { staleSince } = picture;
  if (staleSince === undefined) return [];
  return [{ level: 'act', text: message('need.stale', { at: { at: staleSince, time: true } }) }];
}
