// Who had a turn when: stretches of time on nodes, and whether two of them overlap.
import { auditedSince, type AuditMark } from './audit.ts';
import type { Bed } from './bed.ts';
import { privateNamespace, type Rotation } from './product.ts';

export interface Turn {
  readonly node: string;
  readonly what: string;
  readonly from: Date;
  readonly until: Date;
}

/** By the product's word: from admission to the end. */
export function turnsOfRotations(ended: readonly Rotation[]): readonly Turn[] {
  return ended.flatMap(({ metadata, spec, status }) => {
    if (status?.startedAt === undefined || status.finishedAt === undefined) return [];
    const [from, until] = [new Date(status.startedAt), new Date(status.finishedAt)];
    return [{ node: spec.nodeName, what: metadata.name, from, until }];
  });
}

/**
 * By the audit log: a Pod that rotates had its turn from its creation to its deletion, on the node whose kubelet
 * reported it.
 */
export function turnsOfPods(bed: Bed, mark: AuditMark): readonly Turn[] {
  const turns = new Map<string, { node: string; from: Date; until: Date }>();
  for (const { verb, user, objectRef, requestReceivedTimestamp } of auditedSince(bed, mark)) {
    const name = objectRef?.name ?? '';
    if (objectRef?.resource !== 'pods' || objectRef.namespace !== privateNamespace) continue;
    if (!name.startsWith('rotate-')) continue;
    const at = new Date(requestReceivedTimestamp);
    const turn = turns.get(name) ?? { node: '', from: at, until: at };
    const [, node] = /^system:node:(.*)$/.exec(user.username) ?? [];
    const ends = verb === 'delete' || (verb === 'patch' && objectRef.subresource === 'status');
    turns.set(name, { ...turn, node: node ?? turn.node, until: ends ? at : turn.until });
  }
  return [...turns].map(([what, turn]) => ({ what, ...turn }));
}

/** Pairs of turns on two of these nodes that overlap, in words. */
export function overlaps(turns: readonly Turn[], nodes: readonly string[]): readonly string[] {
  const among = turns
    .filter(({ node }) => nodes.includes(node))
    .toSorted((a, b) => a.from.getTime() - b.from.getTime());
  return among.flatMap((first, i) =>
    among
      .slice(i + 1)
      .filter((second) => second.node !== first.node && second.from < first.until)
      .map((second) => `${tellTurn(first)} and ${tellTurn(second)}`),
  );
}

export function tellTurn({ node, what, from, until }: Turn): string {
  return `${node} ${what} ${from.toISOString()} – ${until.toISOString()}`;
}
