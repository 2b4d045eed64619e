// The boot's own way out (design §4): should power fail between the renames of a key and its certificate, a oneshot unit
// makes the pair fit before the kubelet starts. Only where the tool is staged and systemd runs the node; else pairs
// keep their key, and every file is one rename.
import type { Files } from '../host/files.ts';
import type { HostLayout } from '../host/layout.ts';
import { hasSystemd } from '../host/systemd.ts';
import { makeDirectories, writeAtomically } from './bytes.ts';

const units = '/etc/systemd/system';
export const recoverUnit = 'cluster-cert-rotator-recover.service';
const unitPath = `${units}/${recoverUnit}`;
/** Pulled in by the boot, never by the kubelet's restart: that one happens while we hold the lock. */
const wants = `${units}/multi-user.target.wants`;

export type BootRecovery = { readonly possible: true } | { readonly possible: false; readonly why: string };

export function bootRecovery(files: Files, layout: HostLayout): BootRecovery {
  const tool = files.stat(layout.tool);
  if (tool?.kind !== 'file' || (tool.mode & 0o100) === 0)
    return { possible: false, why: `${layout.tool} is not staged` };
  if (!hasSystemd(files)) return { possible: false, why: 'this node is not run by systemd' };
  if (files.stat(units)?.kind !== 'directory') return { possible: false, why: `${units} is not there` };
  return { possible: true };
}

export function unitText(layout: HostLayout): string {
  return `# Made by cluster-cert-rotator while a rotation is under way; removed at its end.
[Unit]
Description=Makes keys and certificates fit again after an interrupted rotation
Documentation=man:systemd.unit(5)
DefaultDependencies=no
After=local-fs.target
Before=kubelet.service multi-user.target
RequiresMountsFor=${layout.root} /etc/kubernetes /var/lib/kubelet
ConditionDirectoryNotEmpty=${layout.journal}

[Service]
Type=oneshot
ExecStart=${layout.tool} resume
TimeoutStartSec=60
`;
}

/** Writes unit and link so that they last, before the first rename that needs them. */
export function installRecoverUnit(files: Files, layout: HostLayout): void {
  const bytes = new Uint8Array(Buffer.from(unitText(layout), 'utf8'));
  if (files.lstat(unitPath) === undefined) writeAtomically(files, unitPath, bytes, 0o644);
  makeWants(files);
  const link = `${wants}/${recoverUnit}`;
  if (files.lstat(link) === undefined) files.symlink(unitPath, link);
  files.syncDirectory(wants);
}

function makeWants(files: Files): void {
  if (files.stat(wants) !== undefined) return;
  makeDirectories(files, wants);
}

export function removeRecoverUnit(files: Files): void {
  const link = `${wants}/${recoverUnit}`;
  if (files.lstat(link) !== undefined) {
    files.unlink(link);
    files.syncDirectory(wants);
  }
  if (files.lstat(unitPath) !== undefined) {
    files.unlink(unitPath);
    files.syncDirectory(units);
  }
}
