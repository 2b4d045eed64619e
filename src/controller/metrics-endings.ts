// How rotations end, each phase with the reasons that go with it, and how passes do. What counts them is there with 0 for
// every one of these from the start: rate() and increase() see no first event of a series that is born with it.
import { errorCatalogue, type ErrorCode } from '../errors.ts';
import type { Reason } from '../policy/reasons.ts';
import type { Ending } from './decide/status.ts';

/** Of a node that says something else, the first is missed and the others are counted. */
export const endings: Readonly<Record<Ending['phase'], readonly Reason[]>> = {
  Succeeded: ['Renewed', 'KubeletRotated'],
  RolledBack: ['RolledBack', 'ComponentDidNotReturn', 'NotProved', 'PreflightFailed'],
  Failed: [
    // before anything was changed
    'PreflightFailed',
    'SigningRefused',
    'KeyMismatch',
    'Unmanaged',
    'Unreadable',
    'Unreachable',
    // on the way
    'AgentFailed',
    'Interrupted',
    'NodeGone',
    // seen from the controller
    'NotProved',
    'ComponentDidNotReturn',
  ],
  NeedsManual: [
    'OldStateUnsafe',
    'NotProved',
    'ComponentDidNotReturn',
    'RolledBack',
    'Interrupted',
    'KubeletNotTakingPods',
  ],
  Superseded: ['NothingToDo', 'Interrupted', 'NodeGone', 'AlreadyActive', 'SupersededByManual'],
};

const withoutCode = ['ok', 'Unsynced', 'Unexpected'] as const;

/** Of a pass of the loop: what went wrong first in it. */
export type PassResult = (typeof withoutCode)[number] | ErrorCode;

export const passResults: readonly string[] = [...withoutCode, ...Object.keys(errorCatalogue)];
