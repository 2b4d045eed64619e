// Looks at a running cluster from outside, again and again, and tells what was seen in use and what must not be.
import { setTimeout as wait } from 'node:timers/promises';
import type { CertificateRotation } from '../../kube/types.ts';
import type { ClusterPlan, PlannedNode } from '../cluster/plan.ts';
import { seeNode, type Wanted } from './gather.ts';
import {
  judge,
  nothingSeen,
  type Memory,
  type SeenRotation,
  type Sighting,
  type Verified,
  type Violation,
} from './judge.ts';

export interface ObserverOptions {
  readonly plan: ClusterPlan;
  readonly rootOf: (node: PlannedNode) => string;
  /** As the API has them now; undefined: it does not answer. */
  readonly rotations: () => readonly CertificateRotation[] | undefined;
  /** Nodes of which somebody plays a fault just now: there silence is no lie. */
  readonly faulty: () => ReadonlySet<string>;
  readonly onVerified: (verified: Verified) => void;
  readonly onViolation: (violation: Violation) => void;
}

const everyMs = 250;

/** Until the signal. */
export async function observe(options: ObserverOptions, signal: AbortSignal): Promise<void> {
  let memory: Memory = nothingSeen;
  while (!signal.aborted) {
    const seen = await look(options, memory);
    if (seen !== undefined) {
      const judged = judge(memory, seen);
      memory = judged.memory;
      for (const each of judged.verified) options.onVerified(each);
      for (const each of judged.violations) options.onViolation(each);
    }
    await wait(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Undefined when the API does not answer: no judgement then, and the next look is a moment away. */
async function look(options: ObserverOptions, memory: Memory): Promise<Sighting | undefined> {
  const { plan, rootOf } = options;
  // Before the files: what is said to have succeeded must be there.
  const rotations = options.rotations();
  if (rotations === undefined) return undefined;
  const files = await Promise.all(
    plan.nodes.map(async (node) => seeNode(rootOf(node), node, wantedOf(node, memory))),
  );
  return {
    files: files.flat(),
    rotations: rotations.flatMap((each) => seenRotation(each, plan)),
    faulty: options.faulty(),
  };
}

/** What still lies there from the start needs no look; what was seen in use once is only asked for what it shows. */
function wantedOf({ name }: PlannedNode, { first, verified }: Memory): Wanted {
  const isNew = (id: string, serial: string): boolean => {
    const before = first.get(`${name} ${id}`);
    return before !== undefined && before.serial !== serial;
  };
  return {
    shown: isNew,
    inUse: (id, serial) => isNew(id, serial) && !verified.has(`${name} ${id} ${serial}`),
  };
}

export const rotationsPath = '/apis/certrotator.cpaas.io/v1alpha1/certificaterotations';

function seenRotation(
  { metadata, spec, status }: CertificateRotation,
  plan: ClusterPlan,
): readonly SeenRotation[] {
  const node = plan.nodes.find(({ name }) => name === spec.nodeName);
  if (node === undefined) return [];
  return [
    {
      uid: metadata.uid ?? '',
      name: metadata.name,
      node: node.name,
      role: node.role,
      phase: status?.phase ?? '',
      certificates: (status?.certificates ?? []).flatMap(({ id, newSerial }) =>
        newSerial === undefined ? [] : [{ id, newSerial }],
      ),
    },
  ];
}
