// A canary of each role (R27): while no rotation of a role has proved itself, one node goes first, and the others wait
// until it has been well for the bake time. Which one is the queue's order to say. It does not wait for itself: what else
// comes due on it goes on.
import type { NodeRole } from '../../catalogue/ids.ts';
import type { CertificateRotation } from '../../kube/types.ts';
import { isActive } from '../../kube/objects.ts';
import type { NodeView, View } from './view.ts';

/** After this long without a proof another wave begins, and with it another canary. */
const proofHolds = 7 * 86_400_000;

/** Roles whose canary has not proved itself, with its node; undefined: not chosen yet, whoever is first may go. */
export type Canaries = ReadonlyMap<NodeRole, string | undefined>;

export function canariesOf(view: View): Canaries {
  const { canary } = view.world.configuration;
  const canaries = new Map<NodeRole, string | undefined>();
  if (!canary.enabled) return canaries;
  for (const role of ['control-plane', 'worker'] as const) {
    const rotations = view.nodes.filter((node) => node.role === role).flatMap((node) => node.rotations);
    const ages = rotations.filter(hasSucceeded).map((one) => ageOf(one, view));
    if (ages.some((age) => age >= canary.bake && age < canary.bake + proofHolds)) continue;
    const chosen = rotations.find(
      (one) => isActive(one) || (hasSucceeded(one) && ageOf(one, view) < canary.bake),
    );
    canaries.set(role, chosen?.spec.nodeName);
  }
  return canaries;
}

/** Once one of a role goes, the others of it wait. */
export function withChosen(canaries: Canaries, role: NodeRole, nodeName: string): Canaries {
  const isOpen = canaries.has(role) && canaries.get(role) === undefined;
  return isOpen ? new Map(canaries).set(role, nodeName) : canaries;
}

/** In words; undefined: it does not wait for one. */
export function waitsForCanary(
  canaries: Canaries,
  { role, name }: Pick<NodeView, 'role' | 'name'>,
  bake: number,
): string | undefined {
  const canary = canaries.get(role);
  if (canary === undefined || canary === name) return undefined;
  return `${canary} goes first and must have been well for ${Math.round(bake / 1000)} s`;
}

function hasSucceeded({ status }: CertificateRotation): boolean {
  return status?.phase === 'Succeeded';
}

/** Milliseconds since it ended. */
function ageOf({ status }: CertificateRotation, { world }: View): number {
  return world.now.getTime() - Date.parse(status?.finishedAt ?? '');
}
