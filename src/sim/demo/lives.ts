// How long things live in the demo: minutes, so that it goes on by itself, and staggered, so that there is always
// something to see. Pure.
import type { CertificateId } from '../../catalogue/ids.ts';
import type { Validity } from '../cluster/authority.ts';
import type { PlannedNode } from '../cluster/plan.ts';

const second = 1000;
const minute = 60 * second;
const day = 24 * 60 * minute;

/** What the product's configuration says here; all else are its defaults. */
export const configuration = {
  lifetimes: { kubelet: '8m', controlPlane: '10m' },
  backdate: '5s',
  scanInterval: '15s',
  scanJitter: 0,
  planHorizon: '10m',
  groupWithin: '30s',
  settle: '2s',
  // A soft gate gives way below it: days would make all that is here urgent.
  urgent: '30s',
  componentTimeout: '15s',
  breaker: { coolDown: '15s' },
  backoff: { first: '5s', most: '1m' },
} as const;

const lifetimes = { kubelet: 8 * minute, controlPlane: 10 * minute };

export interface Lives {
  readonly authorities: Validity;
  readonly validity: (node: PlannedNode, id: CertificateId) => Validity;
}

/** Due when less than a third of the lifetime remains (R1, with its 30 days capped): in so many seconds from the start. */
function dueIn(node: PlannedNode): number {
  const index = Number(node.name.slice(1)) - 1;
  // Workers at once; control planes one after the other, as they would come.
  return node.role === 'worker' ? -10 * second : (index * 20 - 10) * second;
}

/** @param lasting names of control planes whose own certificates live long: the demo's faults need a state to return to */
export function livesFrom(now: Date, lasting: ReadonlySet<string> = new Set()): Lives {
  const at = (milliseconds: number): Date =>
    new Date(Math.floor((now.getTime() + milliseconds) / 1000) * 1000);
  return {
    authorities: { notBefore: at(-day), notAfter: at(3650 * day) },
    validity: (node, id) => {
      const isKubelets = id === 'kubelet.crt' || id === 'kubelet-client-current.pem';
      const profile = isKubelets ? lifetimes.kubelet : lifetimes.controlPlane;
      if (lasting.has(node.name)) return { notBefore: at(-minute), notAfter: at(30 * day) };
      const remaining = profile / 3 + dueIn(node);
      return { notBefore: at(remaining - profile), notAfter: at(remaining) };
    },
  };
}
