// A journal that this version cannot read, of a newer one perhaps: nobody knows what it was doing.
import { certificateFile } from '../catalogue/discover.ts';
import { discoverNode } from '../host/discovery.ts';
import { setAside, unfitOf } from './journal-check.ts';
import type { FoundJournal } from './journal.ts';
import type { RotationNode } from './types.ts';

export type UnreadableEnd =
  | { readonly kind: 'moved'; readonly message: string }
  /** It stays: keys and certificates of this node do not all fit, and it may be what explains them (R17). */
  | { readonly kind: 'stays'; readonly message: string };

export function settleUnreadable(
  node: RotationNode,
  { path, why }: Extract<FoundJournal, { kind: 'unreadable' }>,
): UnreadableEnd {
  const { targets } = discoverNode(node.files);
  const there = targets.filter(({ location }) => node.files.stat(certificateFile(location)) !== undefined);
  const unfit = unfitOf(node, there);
  if (unfit.length === 0)
    return { kind: 'moved', message: `a journal was moved to ${setAside(node, path)}: ${why}` };
  const advice = 'run the version of cert-renew that wrote it, or make them fit (kubeadm certs renew)';
  return {
    kind: 'stays',
    message: `${path} cannot be read (${why}), and keys and certificates do not fit: ${unfit.join('; ')}; ${advice} and try again`,
  };
}
