// What should lie on this node and is not there, or cannot be read at all, as rows of the inventory: `check` counts them,
// and `all` says that it cannot renew them.
import { posix } from 'node:path';
import { certificateFile, type Discovery, type MissedKubeconfig } from '../catalogue/discover.ts';
import type { CertificateId, Target } from '../catalogue/ids.ts';
import {
  blank,
  targetRow,
  type InventoryRow,
  type RowContext,
  type SeenFiles,
} from '../rotation/inventory.ts';

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
  return `${path} does not exist, and the kubelet does not start without it: its tlsCertFile names it; put it back (cert-renew restore)`;
}

export function missedRow({ id, path, lack, reason }: MissedKubeconfig): InventoryRow {
  const state = lack === 'unreadable' ? 'Unreadable' : 'NotPresent';
  const why = lack === 'no-certificate' ? reason : `${reason}; ${adviceOn(id, lack)}`;
  return { id, path, kind: 'kubeconfig', ca: null, ...blank, state, reason: why };
}

function adviceOn(id: MissedKubeconfig['id'], lack: 'absent' | 'unreadable'): string {
  // kubeadm makes none where one lies.
  const first = lack === 'absent' ? '' : 'move it away and ';
  const phase = `kubeadm init phase kubeconfig ${posix.parse(id).name}`;
  return `put it back (cert-renew restore), or ${first}make it anew: ${phase}`;
}

/** Without those that say of a missed kubeconfig what its row says. */
export const notesBeside = ({ notes, missed }: Discovery): readonly string[] =>
  notes.filter((note) => !missed.some(({ reason }) => reason === note));
