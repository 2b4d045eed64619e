// How fast work is begun that thousands of nodes ask for at once: the API server has others to serve. What there is no
// room for is left to the next pass, which decides it anew. What has been begun is never held up. Where a scan has to wait,
// what is planned for some day waits behind it, but for one every two seconds: a cluster is read for the first time in nearly
// the same time, however much of it is planned for some day.
import { isApproved } from './decide/rotation-object.ts';
import { labels } from './labels.ts';
import type { Action } from './world.ts';

/** Writes a second, and how many may come at once after a rest: forty scans. */
const usual = { perSecond: 22.2, atOnce: 120 } as const;

/**
 * So often is it the turn of what is planned for some day, whatever else there is, milliseconds: scans that are refused again
 * and again, or come faster than there is room for them, must not keep it away for ever.
 */
const turnEvery = 2000;

/** Pod, ConfigMap, and the end of the Pod. */
const writesOfScan = 3;
/** The object and its status. */
const writesOfRotation = 2;

export class Pace {
  readonly #clock: () => number;
  #room: number = usual.atOnce;
  #at: number;
  /** When the last one that is planned for some day was begun. */
  #turnAt: number;

  /** @param clock monotonic, milliseconds */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
    this.#at = clock();
    this.#turnAt = this.#at;
  }

  /** For one pass, in which the actions are asked about in their order: whether one may begin now; takes the room for it. */
  pass(): (action: Action) => boolean {
    let scansWait = false;
    return (action) => {
      const writes = writesOf(action);
      if (isForSomeDay(action)) return this.#takesForSomeDay(writes, scansWait);
      const hasRoom = this.#takes(writes);
      scansWait ||= !hasRoom && isScan(action);
      return hasRoom;
    };
  }

  #takes(writes: number): boolean {
    if (writes === 0) return true;
    const now = this.#clock();
    this.#room = Math.min(usual.atOnce, this.#room + ((now - this.#at) / 1000) * usual.perSecond);
    this.#at = now;
    if (this.#room < writes) return false;
    this.#room -= writes;
    return true;
  }

  /** When its turn has come also where there is no room: what comes next waits the longer for it. */
  #takesForSomeDay(writes: number, scansWait: boolean): boolean {
    const now = this.#clock();
    if (scansWait || !this.#takes(writes)) {
      if (now - this.#turnAt < turnEvery) return false;
      this.#room -= writes;
    }
    this.#turnAt = now;
    return true;
  }
}

/** Writes that it begins; 0 for what follows from what was begun or approved, and for a rotation under way. */
function writesOf(action: Action): number {
  switch (action.type) {
    case 'create-pod':
      return isScan(action) ? writesOfScan : 0;
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

function isScan(action: Action): boolean {
  return action.type === 'create-pod' && action.pod.metadata?.labels?.[labels.kind] === 'scan';
}

/** Planned, and not due: what is due does not wait for others to be read, nor does what a person has approved. */
function isForSomeDay(action: Action): boolean {
  if (action.type === 'create-rotation') return action.phase === 'Scheduled' && !isApproved(action.rotation);
  return action.type === 'patch-rotation-status' && action.status.phase === 'Scheduled';
}
