// Which rotation goes first: urgency, then role. The order is total and stable: the same queue gives the same order.
import type { NodeRole } from '../catalogue/ids.ts';

/** From most to least pressing. */
export const urgencies = ['expired', 'compromised', 'urgent', 'due'] as const;
export type Urgency = (typeof urgencies)[number];

/** What the order asks of a rotation that waits. */
export interface Waiting {
  /** Name of the object; the last resort that makes the order total. */
  readonly name: string;
  readonly nodeName: string;
  readonly role: NodeRole;
  readonly reason: 'Due' | 'Expired' | 'Manual' | 'Compromised';
  /** Earliest end among the certificates that it would renew; undefined: unknown. */
  readonly notAfter: Date | undefined;
}

/**
 * How pressing a rotation is. `urgent` in milliseconds: what ends sooner is urgent (R13: soft gates give way).
 * An unknown end is not urgent: nothing gives way to what nobody has read.
 */
export function urgencyOf(waiting: Waiting, now: Date, urgent: number): Urgency {
  const remaining = (waiting.notAfter?.getTime() ?? Number.POSITIVE_INFINITY) - now.getTime();
  if (remaining <= 0) return 'expired';
  if (waiting.reason === 'Compromised') return 'compromised';
  if (remaining < urgent) return 'urgent';
  return 'due';
}

/**
 * Whether soft gates give way: by the time that is left, whatever the reason (R13). A compromised key alone is still gated
 * (R27): its certificate works as before.
 */
export function overridesSoftGates({ notAfter }: Waiting, now: Date, urgent: number): boolean {
  return notAfter !== undefined && notAfter.getTime() - now.getTime() < urgent;
}

/** One that waits, with what is asked of it in every comparison: computed once, since thousands may wait. */
interface Ranked {
  readonly waiting: Waiting;
  readonly urgency: number;
  /** Infinity: unknown. */
  readonly end: number;
}

type Comparison = (a: Ranked, b: Ranked) => number;

const comparisons: readonly Comparison[] = [
  byUrgency, //   what has expired first
  byRole, //      the whole cluster leans on its control planes
  byEnd, //       what ends first
  byNodeName, //  and then always the same
  byName,
];

/** A sorted copy, the most pressing first. */
export function inOrder<T extends Waiting>(queue: readonly T[], now: Date, urgent: number): T[] {
  const ranked = queue.map((waiting) => ({
    waiting,
    urgency: urgencies.indexOf(urgencyOf(waiting, now, urgent)),
    end: waiting.notAfter?.getTime() ?? Number.POSITIVE_INFINITY,
  }));
  return ranked.toSorted(inTurn).map(({ waiting }) => waiting);
}

function inTurn(a: Ranked, b: Ranked): number {
  for (const compare of comparisons) {
    const order = compare(a, b);
    if (order !== 0) return order;
  }
  return 0;
}

function byUrgency(a: Ranked, b: Ranked): number {
  return a.urgency - b.urgency;
}

function byRole(a: Ranked, b: Ranked): number {
  const rank = { 'control-plane': 0, worker: 1 } as const;
  return rank[a.waiting.role] - rank[b.waiting.role];
}

function byEnd(a: Ranked, b: Ranked): number {
  return a.end === b.end ? 0 : a.end - b.end;
}

function byNodeName(a: Ranked, b: Ranked): number {
  return compareText(a.waiting.nodeName, b.waiting.nodeName);
}

function byName(a: Ranked, b: Ranked): number {
  return compareText(a.waiting.name, b.waiting.name);
}

/** By code unit, not by locale: the same on every machine. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
