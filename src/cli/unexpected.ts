// The end of a call by an error that nobody expected.
import { hasTouched } from '../rotation/touched.ts';
import { checkCodes, exitCodes } from './exit-codes.ts';

/**
 * The exit code: that every file is as it was is said only where this process has changed none, whatever others left.
 *
 * @param command the first word of the call
 */
export function exitOfUnexpected(command: string | undefined): number {
  if (command === 'check') return checkCodes.unreadable;
  return hasTouched() ? exitCodes.partlyDone : exitCodes.failed;
}
