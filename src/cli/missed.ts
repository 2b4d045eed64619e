// What should lie on this node and is not there, or cannot be read at all, as rows of the inventory: `check` counts them,
// and `all` says that it cannot renew them.
import { posix } from 'node:path';
import { certificateFile, type Discovery, type MissedKubeconfig } from '../catalogue/discover.ts';
import type { Target } from '../catalogue/ids.ts';
import {
  blank,
  targetRow,
  type InventoryRow,
  type RowContext,
  type SeenFiles,
} from '../rotation/inventory.ts';

/** As the file lies there, or that it does not; undefined: nobody needs it. */
export function rowOrAbsent(seen: SeenFiles, target: Target, context: RowContext): InventoryRow | undefined {
  const row = targetRow(seen, target, context);
  // etcd's health checks do without it since kubeadm 1.29.
  if (row !== undefined || target.id === 'etcd/healthcheck-client.crt') return row;
  const { id, location } = target;
  const path = certificateFile(location);
  const reason = `${path} does not exist`;
  return { id, path, kind: location.form, ca: null, ...blank, state: 'NotPresent', reason };
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
