// What should lie on this node and is not there, or cannot be read at all, as rows of the inventory: `check` counts them,
// and `all` says that it cannot renew them.
import { certificateFile, type Discovery } from '../catalogue/discover.ts';
import type { CertificateId, Target } from '../catalogue/ids.ts';
import { whyMissed, type Missed } from '../catalogue/missed.ts';
import { entryOf } from '../catalogue/table.ts';
import { discoverNode } from '../host/discovery.ts';
import {
  blank,
  targetRow,
  type InventoryRow,
  type RowContext,
  type SeenFiles,
} from '../rotation/inventory.ts';
import type { RotationNode } from '../rotation/types.ts';
import { ownCall } from './own-call.ts';

/** Why nobody misses the kubelet's serving certificate where its configuration names none. */
export const madeAtStart = 'the kubelet makes one when it starts';

/** As the file lies there, or that it does not; undefined: nobody needs it. */
export function rowOrAbsent(seen: SeenFiles, target: Target, context: RowContext): InventoryRow | undefined {
  const row = targetRow(seen, target, context);
  // etcd's health checks do without it since kubeadm 1.29.
  if (row !== undefined || target.id === 'etcd/healthcheck-client.crt') return row;
  const { id, location } = target;
  const path = certificateFile(location);
  return {
    id,
    path,
    kind: location.form,
    ca: null,
    ...blank,
    state: 'NotPresent',
    reason: whyAbsent(id, path, context),
  };
}

function whyAbsent(id: CertificateId, path: string, { kubeletMakesServing }: RowContext): string {
  if (id !== 'kubelet.crt') return `${path} does not exist`;
  if (kubeletMakesServing) return madeAtStart;
  return `${path} does not exist, and the kubelet does not start without it: its tlsCertFile names it; put it back (${ownCall()} restore)`;
}

const manifestLacks: readonly Missed['lack'][] = ['no-manifest', 'manifest-unknown'];

/**
 * What this node has. A component that runs here in no Pod (etcd as a unit of systemd, say) needs no manifest: nothing of
 * it is missed, and whoever runs it renews what it uses.
 */
export function discoverHere({ files, processes }: Pick<RotationNode, 'files' | 'processes'>): Discovery {
  const discovery = discoverNode(files);
  const runsWithout = ({ id, lack }: Missed): boolean =>
    manifestLacks.includes(lack) && processes.find(entryOf(id).component).some(({ isOfPod }) => !isOfPod);
  const others = discovery.missed.filter(runsWithout);
  return {
    ...discovery,
    missed: discovery.missed.filter((each) => !others.includes(each)),
    notes: [
      ...discovery.notes,
      ...others.map(
        ({ id, path }) =>
          `${entryOf(id).component} runs here in no Pod: ${path} is not managed, and renewed by whoever runs it so`,
      ),
    ],
  };
}

const unreadable: readonly Missed['lack'][] = [
  'unreachable',
  'unreadable',
  'unreadable-manifest',
  'manifest-unknown',
];

export function missedRow(missed: Missed): InventoryRow {
  const { id, path, lack } = missed;
  const state = unreadable.includes(lack) ? 'Unreadable' : 'NotPresent';
  const kind = id.endsWith('.conf') ? 'kubeconfig' : 'pair';
  return { id, path, kind, ca: null, ...blank, state, reason: whyMissed(missed, ownCall()) };
}
