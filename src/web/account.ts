// The log's line of a request. Nothing of its headers is in it: one of them may be a person's token.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../log.ts';

/** Writes one line, when the answer is over; what the kubelet asks every few seconds only in detail. */
export function account(log: Logger, incoming: IncomingMessage, outgoing: ServerResponse): () => void {
  const startedAt = performance.now();
  const { socket, method, url = '', headers } = incoming;
  const [from, sentBefore] = [socket.remoteAddress, socket.bytesWritten];
  return () => {
    const bytes = socket.bytesWritten - sentBefore;
    const wanted = method === 'HEAD' ? 0 : Number(outgoing.getHeader('content-length') ?? 0);
    const line = {
      from,
      method,
      url: url.slice(0, 200),
      status: outgoing.statusCode,
      bytes,
      ms: Math.round(performance.now() - startedAt),
      ...(outgoing.writableFinished || bytes > wanted ? {} : { aborted: true }),
    };
    if (headers['user-agent']?.startsWith('kube-probe/')) log.debug(line, 'request');
    else log.info(line, 'request');
  };
}
