// Which of the certificates that the controller asks for may be touched here and now: looked at again, since the scan is
// a day old. Pure but for reading.
import type { Discovery } from '../catalogue/discover.ts';
import type { CertificateId, Target } from '../catalogue/ids.ts';
import { endedBefore } from '../rotation/outcome.ts';
import type { Outcome } from '../rotation/types.ts';
import type { SeenNode } from './face.ts';
import type { InventoryRow } from './protocol.ts';
import { rowContext, targetRow } from '../rotation/inventory.ts';

export type Selection =
  | { readonly kind: 'targets'; readonly targets: readonly Target[]; readonly notes: readonly string[] }
  | { readonly kind: 'refused'; readonly outcome: Outcome };

/** One that must not be touched refuses all: the object then says which, and the others come by themselves. */
export function selectTargets(
  node: SeenNode,
  discovery: Discovery,
  ids: readonly CertificateId[],
): Selection {
  const context = rowContext(node, discovery);
  const targets = discovery.targets.filter(({ id }) => ids.includes(id));
  for (const target of targets) {
    const row = targetRow(node, target, context);
    if (row === undefined || mayBeTouched(row)) continue;
    const words = row.reason === '' ? '' : `: ${row.reason}`;
    const message = `${target.id} (${row.path}) is ${row.state}${words}; nothing was touched`;
    return { kind: 'refused', outcome: endedBefore('refused', row.state, message) };
  }
  const missing = ids.filter((id) => !targets.some((target) => target.id === id));
  return { kind: 'targets', targets, notes: missing.map((id) => `${id} is not on this node any more`) };
}

/** What the kubelet manages is left out by the procedure; an unsafe directory is judged there too. */
function mayBeTouched({ id, state }: InventoryRow): boolean {
  if (state === 'SelfSigned') return id === 'kubelet.crt';
  return state === 'Ok' || state === 'KubeletManaged' || state === 'WritableByOthers';
}
