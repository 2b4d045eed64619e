// All decisions in one: what to do now, given the world as it is. Pure and level-triggered: whoever leads, and whatever
// was missed, the same world gives the same actions, and a world in which they have been done gives none.
import { podBuilders } from '../pods.ts';
import type { Action, World } from '../world.ts';
import { decideAdmission } from './admit.ts';
import type { PodBuilders } from './builders.ts';
import { decideHousekeeping } from './housekeeping.ts';
import { decideInventory } from './inventory.ts';
import { decidePlan } from './plan.ts';
import { decideProgress } from './progress.ts';
import { decideStageTool } from './stage-tool.ts';
import { viewOf } from './view.ts';

/** In the order in which they are to be carried out: scans before plans, see pace.ts. One rotation's status changes at most once in a pass. */
export function decide(world: World, build: PodBuilders = podBuilders): Action[] {
  const view = viewOf(world);
  const progress = decideProgress(view, build); //   what is under way comes first
  const plan = decidePlan(view); //                  then what is to come,
  const admission = decideAdmission(view, touchedBy([...progress, ...plan])); // and which of it goes now
  return withoutRepeats([
    ...progress,
    ...decideInventory(view, build),
    ...plan,
    ...admission,
    ...decideStageTool(view, build),
    ...decideHousekeeping(view),
  ]);
}

/** Names of the rotations whose status is being changed. */
function touchedBy(actions: readonly Action[]): ReadonlySet<string> {
  return new Set(
    actions.flatMap((action) =>
      action.type === 'patch-rotation-status' ? [action.rotation.metadata.name] : [],
    ),
  );
}

/** Two rooms may want the same Pod or rotation gone. */
function withoutRepeats(actions: readonly Action[]): Action[] {
  const seen = new Set<string>();
  return actions.filter((action) => {
    const key = deletionKey(action);
    if (key === undefined) return true;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function deletionKey(action: Action): string | undefined {
  if (action.type === 'delete-pod') return `pod ${action.uid}`;
  if (action.type === 'delete-rotation') return `rotation ${action.rotation.metadata.name}`;
  return undefined;
}
