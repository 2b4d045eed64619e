// The boot's own way out (design §4): should power fail between the renames of a key and its certificate, a oneshot unit
// makes the pair fit before the kubelet starts. Only where the tool is staged and systemd runs the node; else pairs
// keep their key, and every file is one rename.
import { CertError } from '../errors.ts';
import { isOwnExecutable } from '../host/executable.ts';
import type { Files } from '../host/files.ts';
import type { HostLayout } from '../host/layout.ts';
import { hasSystemd } from '../host/systemd.ts';
import { hashOf, makeDirectories, sha256, writeAtomically } from './bytes.ts';

const units = '/etc/systemd/system';
export const recoverUnit = 'cluster-cert-rotator-recover.service';
const unitPath = `${units}/${recoverUnit}`;
/** Pulled in by the boot, never by the kubelet's restart: that one happens while we hold the lock. */
const wants = `${units}/multi-user.target.wants`;

export type BootRecovery = { readonly possible: true } | { readonly possible: false; readonly why: string };

/** @param isOurs whether a file is the executable that runs; undefined where there is none to compare with (plain Node) */
export function bootRecovery(
  files: Files,
  layout: HostLayout,
  isOurs: (files: Files, path: string) => boolean | undefined = isOwnExecutable,
): BootRecovery {
  const tool = files.stat(layout.tool);
  if (tool?.kind !== 'file' || (tool.mode & 0o100) === 0)
    return { possible: false, why: `${layout.tool} is not staged` };
  // Another version may not be able to read the journal that this one writes.
  if (isOurs(files, layout.tool) === false)
    return { possible: false, why: `${layout.tool} is another version than this one` };
  if (!hasSystemd(files)) return { possible: false, why: 'this node is not run by systemd' };
  if (files.stat(units)?.kind !== 'directory') return { possible: false, why: `${units} is not there` };
  const memory = memoryFileSystem(files);
  if (memory !== '') return { possible: false, why: `${units} lies on a ${memory}, which no boot outlives` };
  return { possible: true };
}

/**
 * tmpfs or ramfs, by the mounts that PID 1 of the node has; empty when it is something that may last, or when that
 * cannot be seen from here: a Pod without the host's /proc sees a bind mount, and an overlay may lie on a disk.
 */
function memoryFileSystem(files: Files): string {
  const table = '/proc/1/mountinfo';
  try {
    if (files.stat(table)?.kind !== 'file') return '';
    const mounts = Buffer.from(files.read(table, 4 * 1024 * 1024))
      .toString('utf8')
      .split('\n')
      .map((line) => ({ point: line.split(' ')[4] ?? '', kind: / - (\S+)/u.exec(line)?.[1] ?? '' }))
      .filter(({ point }) => point === '/' || units === point || units.startsWith(`${point}/`))
      // The deepest, and of those the last mounted, is what is seen.
      .toSorted((a, b) => a.point.length - b.point.length);
    const kind = mounts.at(-1)?.kind ?? '';
    return kind === 'tmpfs' || kind === 'ramfs' ? kind : '';
  } catch (error) {
    if (error instanceof CertError) return '';
    throw error;
  }
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
  // One that an earlier version left behind would start what is not there any more.
  if (hashOf(files, unitPath) !== sha256(bytes)) writeAtomically(files, unitPath, bytes, 0o644);
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
