// Where a server listens: the option HOST:PORT, and the listening itself.
import type { Server } from 'node:http';
import { CertError } from './errors.ts';

export interface ListenAddress {
  /** Undefined: all addresses, of IPv6 and IPv4 where there is IPv6, else of IPv4. */
  readonly host: string | undefined;
  readonly port: number;
}

/** `HOST:PORT`, `[::1]:PORT`, or `:PORT` for all addresses. Errors: Usage. */
export function readListen(text: string): ListenAddress {
  const at = text.lastIndexOf(':');
  const port = text.slice(at + 1);
  if (at < 0 || !/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new CertError('Usage', `--listen ${text}: must be HOST:PORT, such as 127.0.0.1:8080`);
  }
  return { host: text.slice(0, at).replaceAll(/^\[|\]$/g, '') || undefined, port: Number(port) };
}

/** Errors: BadConfiguration when the address cannot be had. */
export async function listen(server: Server, { host, port }: ListenAddress): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new CertError('BadConfiguration', `cannot listen on ${host ?? ''}:${port}: ${cause.message}`, {
          cause,
        }),
      );
    });
    server.listen({ port, host }, resolve);
  });
}

/** Takes no new connection once `signal` aborts, and lets those go that ask for nothing. */
export function closeOnAbort(server: Server, signal: AbortSignal): void {
  const close = (): void => {
    server.close();
    server.closeIdleConnections();
  };
  signal.addEventListener('abort', close, { once: true });
}
