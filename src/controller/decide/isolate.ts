// What one node says must not keep the others from being looked after: whatever cannot be judged of it is told, and
// the next node is decided.
import type { Action } from '../world.ts';
import type { NodeView } from './view.ts';

/** The actions for one node; where they cannot be decided, an Event that names it. */
export function isolated(node: NodeView, decide: () => Action[]): Action[] {
  try {
    return decide();
  } catch (error) {
    return [undecided(node, error)];
  }
}

function undecided({ name, uid }: NodeView, error: unknown): Action {
  const why = error instanceof Error ? error.message : String(error);
  const message = `what is known of ${name} cannot be judged, nothing is decided for it: ${why}`;
  return {
    type: 'event',
    event: { about: { kind: 'Node', name, uid }, type: 'Warning', reason: 'Undecided', message },
  };
}
