// What should lie on this node and is not there, or cannot be read at all, as rows of the inventory: `check` counts them,
// and `all` says that it cannot renew them.
import { posix } from 'node:path';
import { certificateFile, type Discovery } from '../catalogue/discover.ts';
import type { CertificateId, Target } from '../catalogue/ids.ts';
import type { Missed } from '../catalogue/missed.ts';
import {
  blank,
  targetRow,
  type InventoryRow,
  type RowContext,
  type SeenFiles,
} from '../rotation/inventory.ts';
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

export function missedRow(missed: Missed): InventoryRow {
  const { id, path, lack } = missed;
  const state = lack === 'unreadable' || lack === 'unreadable-manifest' ? 'Unreadable' : 'NotPresent';
  const kind = id.endsWith('.conf') ? 'kubeconfig' : 'pair';
  return { id, path, kind, ca: null, ...blank, state, reason: whyMissed(missed) };
}

function whyMissed({ id, lack, reason }: Missed): string {
  if (lack !== 'absent' && lack !== 'unreadable') return reason;
  // kubeadm makes none where one lies.
  const first = lack === 'absent' ? '' : 'move it away and ';
  const phase = `kubeadm init phase kubeconfig ${posix.parse(id).name}`;
  return `${reason}; put it back (${ownCall()} restore), or ${first}make it anew: ${phase}`;
}

/** Without those that say of what is missed what its row says. */
export const notesBeside = ({ notes, missed }: Discovery): readonly string[] =>
  notes.filter((note) => !missed.some(({ reason }) => reason === note));
