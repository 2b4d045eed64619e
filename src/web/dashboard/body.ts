// A request's body, as far as one is read at all.
import type { IncomingMessage } from 'node:http';

/** Undefined: it is longer, or it said that it would be. What is left of it is not read. */
export async function readBody(incoming: IncomingMessage, most: number): Promise<string | undefined> {
  if (Number(incoming.headers['content-length'] ?? 0) > most) return undefined;
  const parts: Buffer[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    incoming.on('data', (part: Buffer) => {
      length += part.length;
      if (length > most) {
        incoming.pause();
        resolve(undefined);
      } else parts.push(part);
    });
    incoming.once('end', () => resolve(Buffer.concat(parts).toString('utf8')));
    incoming.once('error', reject);
  });
}
