// The certificate of the dashboard's port: from the mounted Secret that the controller makes and renews. It may come after
// this program's start, and it changes under it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { CertError } from '../../errors.ts';
import { pause } from '../../kube/reflector.ts';
import type { Logger } from '../../log.ts';

export interface ServingPair {
  readonly cert: string;
  readonly key: string;
}

/** Milliseconds between two looks. */
const every = 5000;

/** Undefined: not there yet, or cut off in the middle of a change. */
function readPair(directory: string, log: Logger): ServingPair | undefined {
  try {
    const pair = {
      cert: readFileSync(join(directory, 'tls.crt'), 'utf8'),
      key: readFileSync(join(directory, 'tls.key'), 'utf8'),
    };
    createSecureContext(pair);
    return pair;
  } catch (cause) {
    log.debug({ err: cause }, 'the serving certificate cannot be read');
    return undefined;
  }
}

/** Waits until there is one. Errors: Aborted. */
export async function firstPair(directory: string, log: Logger, signal: AbortSignal): Promise<ServingPair> {
  for (let tries = 0; !signal.aborted; tries += 1) {
    const pair = readPair(directory, log);
    if (pair !== undefined) return pair;
    if (tries === 0) log.info({ directory }, 'the dashboard waits for its serving certificate');
    await pause(every, signal);
  }
  throw new CertError('Aborted', 'the serving certificate did not come in time');
}

/** Tells of every other one until `signal` aborts. */
export async function followPair(
  directory: string,
  first: ServingPair,
  take: (pair: ServingPair) => void,
  { log, signal }: { readonly log: Logger; readonly signal: AbortSignal },
): Promise<void> {
  let last = first;
  while (!signal.aborted) {
    await pause(every, signal);
    const pair = readPair(directory, log);
    if (pair === undefined || (pair.cert === last.cert && pair.key === last.key)) continue;
    take(pair);
    last = pair;
    log.info('the dashboard has a new serving certificate');
  }
}
