// How fast work is begun that thousands of nodes ask for at once: the API server has others to serve. What there is no
// room for is left to the next pass, which decides it anew. What has been begun is never held up.
import { isApproved } from './decide/rotation-object.ts';
import { labels } from './labels.ts';
import type { Action } from './world.ts';

/** Writes a second, and how many may come at once after a rest: forty scans. */
const usual = { perSecond: 22.2, atOnce: 120 } as const;

/** Pod, ConfigMap, and the end of the Pod. */
const writesOfScan = 3;
/** The object and its status. */
const writesOfRotation = 2;

export class Pace {
  readonly #clock: () => number;
  #room: number = usual.atOnce;
  #at: number;

  /** @param clock monotonic, milliseconds */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
    this.#at = clock();
  }

  /** Whether there is room for this one now; takes it. */
  allows(action: Action): boolean {
    const writes = writesOf(action);
    if (writes === 0) return true;
    const now = this.#clock();
    this.#room = Math.min(usual.atOnce, this.#room + ((now - this.#at) / 1000) * usual.perSecond);
    this.#at = now;
    if (this.#room < writes) return false;
    this.#room -= writes;
    return true;
  }
}

/** Writes that it begins; 0 for what follows from what was begun or approved, and for a rotation under way. */
function writesOf(action: Action): number {
  switch (action.type) {
    case 'create-pod':
      return action.pod.metadata?.labels?.[labels.kind] === 'scan' ? writesOfScan : 0;
    case 'create-rotation':
      // It takes the place of one that is ended in this pass, and hands on what a person has approved.
      return isApproved(action.rotation) ? 0 : writesOfRotation;
    case 'patch-rotation-status': {
      const { phase } = action.status;
      return phase === 'Scheduled' || phase === 'Pending' ? 1 : 0;
    }
    case 'write-inventory':
    case 'delete-pod':
    case 'delete-rotation':
    case 'event':
    default:
      return 0;
  }
}
