// The log: one JSON line for each thing that an operator may ask about. Synchronous, since the last line before a crash
// is the one that is wanted, and there are few.
import { destination, pino, type Logger } from 'pino';
import { CertError, describeError } from './errors.ts';

export type { Logger };

export function createLog(level = 'info'): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: serializeError },
    },
    destination({ dest: 1, sync: true }),
  );
}

/** Code, text and place; of an unexpected error its stack too. Never the object itself, which may hold more. */
function serializeError(error: unknown): object {
  if (error instanceof CertError) {
    return { code: error.code, message: describeError(error), ...error.place };
  }
  if (error instanceof Error) return { message: error.message, stack: error.stack };
  return { message: String(error) };
}

/**
 * Says of one thing what goes wrong with it, once for each text and then once a minute: an outage of the API server
 * fails every few seconds in many places.
 */
export function quietly(say: (error: CertError, repeated: number) => void): (error: CertError) => void {
  const last = { text: '', at: Number.NEGATIVE_INFINITY, repeated: 0 };
  return (error) => {
    const text = `${error.code} ${error.message}`;
    const now = performance.now();
    if (text === last.text && now - last.at < 60_000) {
      last.repeated += 1;
      return;
    }
    say(error, last.repeated);
    Object.assign(last, { text, at: now, repeated: 0 });
  };
}
