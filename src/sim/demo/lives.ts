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
  scanInterval: '1m',
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
  /** Of a CA that is about to end. */
  readonly endingAuthority: Validity;
  readonly validity: (node: PlannedNode, id: CertificateId) => Validity;
}

/** Due when less than a third of the lifetime remains (R1, with its 30 days capped): milliseconds from the start. */
function dueIn(node: PlannedNode, { faults }: LivesOptions): number {
  const index = Number(node.name.slice(1)) - 1;
  if (node.role === 'worker') return faults && node.name === lastWorker ? 30 * second : -10 * second;
  // Control planes one after the other, as they would come; with faults, the first of those comes before them.
  return (index * 20 + 20 + (faults ? 60 : 0)) * second;
}

const lastWorker = 'w5';

export interface LivesOptions {
  readonly faults: boolean;
  /** A control plane whose own certificates live long: only to such a state the product rolls back (R14). */
  readonly lasting?: string;
}

export function livesFrom(now: Date, options: LivesOptions): Lives {
  const at = (milliseconds: number): Date =>
    new Date(Math.floor((now.getTime() + milliseconds) / 1000) * 1000);
  return {
    authorities: { notBefore: at(-day), notAfter: at(3650 * day) },
    endingAuthority: { notBefore: at(-day), notAfter: at(9 * minute) },
    validity: (node, id) => {
      const isKubelets = id === 'kubelet.crt' || id === 'kubelet-client-current.pem';
      const profile = isKubelets ? lifetimes.kubelet : lifetimes.controlPlane;
      const ends = options.faults && id === 'front-proxy-client.crt';
      if (node.name === options.lasting && !ends) return { notBefore: at(-minute), notAfter: at(30 * day) };
      const remaining = profile / 3 + dueIn(node, options);
      return { notBefore: at(remaining - profile), notAfter: at(remaining) };
    },
  };
}
