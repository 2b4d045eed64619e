// An end that `request` already knows is told by `apply`, whose message is the one that counts: it lies in the host
// directory in between.
import { CertError } from '../errors.ts';
import type { Files } from '../host/files.ts';
import type { HostLayout } from '../host/layout.ts';
import { writeAtomically } from '../rotation/bytes.ts';
import type { Outcome } from '../rotation/types.ts';
import { checkers } from './message.ts';

const pathOf = (layout: HostLayout): string => `${layout.root}/refusal.json`;

export function leaveRefusal(files: Files, layout: HostLayout, rotationUID: string, outcome: Outcome): void {
  const text = JSON.stringify({ rotationUID, outcome });
  writeAtomically(files, pathOf(layout), new Uint8Array(Buffer.from(`${text}\n`, 'utf8')));
}

/** What `request` left for this very rotation. */
export function readRefusal(files: Files, layout: HostLayout, rotationUID: string): Outcome | undefined {
  const path = pathOf(layout);
  if (files.lstat(path)?.kind !== 'file') return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(files.read(path)).toString('utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    const { rotationUID: uid, outcome }: { rotationUID?: unknown; outcome?: unknown } = value;
    return uid === rotationUID ? checkers.rotate(outcome) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof CertError) return undefined;
    throw error;
  }
}

export function forgetRefusal(files: Files, layout: HostLayout): void {
  const path = pathOf(layout);
  if (files.lstat(path) !== undefined) files.unlink(path);
}
