// One row for each node: how it stands, until when, and why, the most pressing thing alone.
import type { NodeRole } from '../catalogue/ids.ts';
import { isActive } from '../kube/objects.ts';
import { firstDue, firstToEnd, isBroken, isExpired, isLeaf } from './certificates.ts';
import { message, type Message } from './messages/message.ts';
import type { NodeState } from './node-states.ts';
import type { Seen, SeenNode } from './picture.ts';
import { phaseOf, whyOf } from './waiting.ts';

export interface NodeRow {
  readonly name: string;
  readonly role: NodeRole;
  readonly version: string;
  readonly ready: boolean;
  readonly paused: boolean;
  readonly state: NodeState;
  readonly text: Message;
  readonly certificates: number;
  /** The first end of a leaf on it, RFC 3339. */
  readonly until: string | undefined;
  readonly first: string | undefined;
  readonly readAt: string | undefined;
}

export function nodeRows({ nodes, picture }: Seen): readonly NodeRow[] {
  return nodes.map((node) => nodeRow(node, picture.now.getTime()));
}

export function nodeRow(node: SeenNode, now: number): NodeRow {
  const leaves = node.certificates.filter(isLeaf);
  const first = firstToEnd(leaves);
  return {
    name: node.name,
    role: node.role,
    version: node.version,
    ready: node.ready,
    paused: node.paused,
    ...standing(node, now),
    certificates: leaves.length,
    until: first?.row.notAfter,
    first: first?.row.id,
    readAt: node.inventory?.collectedAt,
  };
}

interface Standing {
  readonly state: NodeState;
  readonly text: Message;
}

type Teller = (node: SeenNode, now: number) => Standing | undefined;

/** The first that has something to say, in the order of `nodeStates`. */
const tellers: readonly Teller[] = [
  hasExpired,
  needsManual,
  hasFailed,
  isOpenAtWork,
  isUnread,
  hasUnseen,
  hasBroken,
  waits,
  plans,
];

function standing(node: SeenNode, now: number): Standing {
  for (const teller of tellers) {
    const told = teller(node, now);
    if (told !== undefined) return told;
  }
  return fine(node, now);
}

function hasExpired({ certificates }: SeenNode, now: number): Standing | undefined {
  const count = certificates.filter((one) => isExpired(one, now)).length;
  return count === 0 ? undefined : { state: 'expired', text: message('node.expired', { count }) };
}

function needsManual({ last, open }: SeenNode): Standing | undefined {
  if (last?.status?.phase !== 'NeedsManual' || (open !== undefined && isActive(open))) return undefined;
  return { state: 'manual', text: message('node.manual', { why: whyOf(last) }) };
}

/** A try that follows is told in its place. */
function hasFailed({ last, open }: SeenNode): Standing | undefined {
  const phase = last?.status?.phase;
  if (last === undefined || (phase !== 'Failed' && phase !== 'RolledBack')) return undefined;
  if (open !== undefined && isActive(open)) return undefined;
  return { state: 'failed', text: message('node.failed', { why: whyOf(last) }) };
}

function isOpenAtWork({ open }: SeenNode): Standing | undefined {
  if (open === undefined || !isActive(open)) return undefined;
  return { state: 'running', text: message('node.running', { what: phaseOf(open) }) };
}

function isUnread({ inventory }: SeenNode): Standing | undefined {
  return inventory === undefined ? { state: 'unread', text: message('node.unread') } : undefined;
}

function hasUnseen({ unseen }: SeenNode): Standing | undefined {
  if (unseen.length === 0) return undefined;
  return { state: 'broken', text: message('node.unseen', { what: { list: unseen } }) };
}

function hasBroken({ certificates }: SeenNode): Standing | undefined {
  const count = certificates.filter(isBroken).length;
  return count === 0 ? undefined : { state: 'broken', text: message('node.broken', { count }) };
}

function waits({ open }: SeenNode): Standing | undefined {
  if (open === undefined || (open.status?.phase ?? 'Pending') !== 'Pending') return undefined;
  return { state: 'waiting', text: message('node.waiting', { why: whyOf(open) }) };
}

function plans({ open }: SeenNode): Standing | undefined {
  const at = open?.status?.dueAt;
  return at === undefined ? undefined : { state: 'planned', text: message('node.planned', { at: { at } }) };
}

function fine({ certificates }: SeenNode, now: number): Standing {
  const due = firstDue(certificates);
  if (due === undefined) return { state: 'fine', text: message('node.watched') };
  const at = { at: new Date(due.dueAt).toISOString() };
  return due.dueAt < now
    ? { state: 'due', text: message('node.due', { at }) }
    : { state: 'fine', text: message('node.fine', { at }) };
}
